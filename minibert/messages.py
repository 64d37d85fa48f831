"""What messages have in common: values and lists of names from strange files, cut to a readable length."""

from collections.abc import Collection
from typing import Any


def short(value: Any) -> str:
    """A value from a hostile file as Python would write it, cut to fit a message.

    >>> short("w"), short("w" * 1000)[-6:], len(short("w" * 1000))
    ("'w'", 'www...', 80)
    """
    try:
        text = repr(value)
    except ValueError:  # a number with more digits than Python prints
        return "a number of thousands of digits"
    return text if len(text) <= 80 else text[:77] + "..."


def listed(names: Collection[str], limit: int = 8) -> str:
    """The first names and how many more there are; "nothing" if there are none.

    >>> listed(["a", "b"]), listed(["a", "b", "c"], limit=2), listed([])
    ('a, b', 'a, b and 1 more', 'nothing')
    """
    if not names:
        return "nothing"
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more

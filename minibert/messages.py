"""What messages have in common: values, paths and lists of names, cut to a readable length."""

import os
import reprlib
from collections.abc import Collection
from typing import Any

LONGEST = 80  # characters of a value
_LONGEST_PATH = 300


def quoted(value: Any) -> str:
    """A value, from a stranger's file or a caller, as Python would write it, cut to fit a message.

    >>> quoted("w"), quoted("w" * 1000)[-6:], len(quoted("w" * 1000))
    ("'w'", 'www...', 80)
    """
    if isinstance(value, str | bytes):
        value = value[: LONGEST + 1]  # a text of gigabytes is not written out first
    elif isinstance(value, os.PathLike):
        value = os.fspath(value)
    try:
        text = repr(value)
    except ValueError:  # a number with more digits than Python prints
        return "a number of thousands of digits"
    except RecursionError:
        text = reprlib.repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def shown(path: str | os.PathLike[str]) -> str:
    """A path as it is, or, where nobody could read all of it, its beginning and its end.

    >>> shown("weights/model.safetensors"), len(shown("w" * 5000))
    ('weights/model.safetensors', 300)
    """
    text = str(path)
    half = (_LONGEST_PATH - 3) // 2
    return text if len(text) <= _LONGEST_PATH else f"{text[:half]}...{text[-half - 1 :]}"


def listed(names: Collection[str], limit: int = 8) -> str:
    """The first names and how many more there are; "nothing" if there are none.

    >>> listed(["a", "b"]), listed(["a", "b", "c"], limit=2), listed([])
    ('a, b', 'a, b and 1 more', 'nothing')
    """
    if not names:
        return "nothing"
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(name if len(name) <= LONGEST else name[: LONGEST - 3] + "..." for name in names[:limit]) + more

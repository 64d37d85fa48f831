"""Checks of plain values that several floors share: each raises InputError with the name and the value in it."""

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from minibert.errors import InputError
from minibert.messages import quoted


def check_number(name: str, value: Any, lower: float | None = None, below: float | None = None) -> None:
    """Raise InputError unless value is a finite number, at least `lower` and less than `below`."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if not number or (lower is not None and value < lower) or (below is not None and value >= below):
        bounds = [] if lower is None else [f"of at least {lower:g}"]
        bounds += [] if below is None else [f"below {below:g}"]
        wanted = " ".join(["a number", " and ".join(bounds)]).strip()
        raise InputError(f"{name} is {quoted(value)}: {wanted} belongs there.")


def check_count(name: str, value: Any, least: int = 1) -> int:
    """The value as an int; raises InputError unless it is an integer of at least this.

    >>> check_count("top_k", 3)
    3
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} is {quoted(value)}: an integer of {least} or more belongs there.")
    if value >= 2**63:
        raise InputError(f"{name} is {quoted(value)}: an integer of 64 bits belongs there.")
    return int(value)


def check_choice(name: str, value: Any, choices: Iterable[str]) -> Any:
    """One of the choices, an enum's value counting as itself; raises an InputError that lists them.

    >>> check_choice("pooling", "cls", ["mean", "cls"])
    'cls'
    """
    value = getattr(value, "value", value)
    choices = list(choices)
    if value not in choices:
        raise InputError(f"{name} is {quoted(value)}: choose one of {', '.join(choices)}.")
    return value


def check_text(value: Any, what: str = "the input") -> str:
    """The text itself; raises InputError for anything else.

    >>> check_text("snow")
    'snow'
    """
    if not isinstance(value, str):
        raise InputError(f"{what} is a {type(value).__name__}: a text (str) belongs there.")
    return value

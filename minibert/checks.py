"""Checks of plain values that several floors share: each raises InputError with the name and the value in it."""

import math
from typing import Any

from minibert.errors import InputError


def check_number(name: str, value: Any, lower: float | None = None, below: float | None = None) -> None:
    """Raise InputError unless value is a finite number, at least `lower` and less than `below`."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or (lower is not None and value < lower) or (below is not None and value >= below):
        bounds = [] if lower is None else [f"of at least {lower:g}"]
        bounds += [] if below is None else [f"below {below:g}"]
        raise InputError(f"{name} is {value!r}: a number{' ' if bounds else ''}{' and '.join(bounds)} belongs there.")

"""Infinity and NaN: found where they would be written down or answered with, and named by their tensor.

Every float of a damaged or diverged model is a number to the arithmetic, so nothing fails by itself: a file is saved,
a pipeline answers. Loading does not look (the weights are mapped, and reading them all would take longer than all the
rest), what goes out does.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import array_module
from minibert.errors import NotFiniteError
from minibert.messages import quoted

_CHUNK = 1 << 16  # values looked at together: they stay in the processor's cache for whoever reads them next


class NotFinite(NamedTuple):
    """The first value that is not finite, and where it stands."""

    name: str
    place: tuple[int, ...]
    value: float

    def __str__(self) -> str:
        return f"{quoted(self.name)} holds {self.value} at {list(self.place)}"


def find_not_finite(arrays: Mapping[str, Any]) -> NotFinite | None:
    """The first infinity or NaN of named arrays (any shapes, any backend), or None. Integers are always finite."""
    for name, array in arrays.items():
        place = _first_place(array)
        if place is not None:
            return NotFinite(name, place, array[place].item())
    return None


def check_weights(weights: Mapping[str, Any], what: str) -> None:
    """Raise NotFiniteError if a weight holds infinity or NaN; `what` says what was about to happen with them.

    >>> check_weights({"bias": np.array([1.0, np.nan])}, "nothing was saved")
    Traceback (most recent call last):
    ...
    minibert.errors.NotFiniteError: the weight 'bias' holds nan at [1]: nothing was saved; allow_nonfinite=True lets it.
    """
    found = find_not_finite(weights)
    if found is not None:
        raise NotFiniteError(f"the weight {found}: {what}; allow_nonfinite=True lets it.")


def check_outputs(outputs: Mapping[str, Any], weights: Mapping[str, Any]) -> None:
    """Raise NotFiniteError if an output holds infinity or NaN, and name the weight that it comes from, if it does."""
    found = find_not_finite(outputs)
    if found is None:
        return
    cause = find_not_finite(weights)
    why = f"the weight {cause}" if cause else "all weights are finite, so it arises on the way: a trace shows where"
    raise NotFiniteError(f"the output {found}: {why}; allow_nonfinite=True lets it pass.")


def _first_place(array: Any) -> tuple[int, ...] | None:
    """array (...,) -> the index of its first value that is not finite."""
    if array.dtype.kind != "f" or array.size == 0:
        return None
    xp = array_module(array)
    if xp is not np:
        finite = xp.isfinite(array)
        return None if finite.all().item() else _index(finite.reshape(-1).argmin().item(), array.shape)
    flat = array.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        # the extremes show an infinity, and NaN passes through both: half the time of asking each value
        if not (np.isfinite(part.min()) and np.isfinite(part.max())):
            return _index(start + int(np.isfinite(part).argmin()), array.shape)
    return None


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(axis) for axis in np.unravel_index(flat, shape))

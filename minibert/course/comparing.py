"""Whether two values are the same: arrays of numbers within rounding, everything else exactly."""

from collections.abc import Mapping
from typing import Any

import numpy as np

TOLERANCE = 1e-9  # of float64, relative to the largest number of the right array
FLOAT32 = 2e-5  # what float32 may differ by after a few steps
HIDDEN = -5000.0  # below it a score is hidden, whether -1e4, -1e9 or minus infinity was added


def is_numeric(value: Any) -> bool:
    """Whether the right value is an array, or a real number, and is compared as one."""
    return isinstance(value, np.ndarray | np.generic | float)


def as_numbers(value: Any) -> np.ndarray | None:
    """A learner's value as an array of numbers; None where it is not one."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists of unlike lengths
        return None
    return array if array.dtype.kind in "fiub" else None


def same(value: Any, right: Any) -> bool:
    """Whether a value is right: shape and numbers of an array, type and content of lists, texts and integers."""
    if not is_numeric(right):
        return plain(value) == plain(right)
    array, wanted = as_numbers(value), np.asarray(right)
    if array is None or array.shape != wanted.shape:
        return False
    return distance(array, wanted) <= (0.0 if wanted.dtype.kind in "iub" else TOLERANCE)


def same_within_its_dtype(value: Any, right: Any) -> bool:
    """`same`, but a float32 array is only asked for what float32 can hold."""
    array = as_numbers(value) if is_numeric(right) else None
    if array is None or array.dtype.name != "float32" or array.shape != np.shape(right):
        return same(value, right)
    return distance(array, np.asarray(right)) <= FLOAT32


def distance(value: np.ndarray, right: np.ndarray) -> float:
    """The largest difference, relative to the largest right number; infinite where only one side is hidden or NaN."""
    value, right = _with_hidden(value), _with_hidden(right)
    plain_places = np.isfinite(right)
    if not np.array_equal(np.isfinite(value), plain_places):
        return np.inf
    if not np.array_equal(value[~plain_places], right[~plain_places], equal_nan=True):
        return np.inf
    if not plain_places.any():
        return 0.0
    scale = float(np.abs(right[plain_places]).max()) or 1.0
    return float(np.abs(value[plain_places] - right[plain_places]).max()) / scale


def differences(value: np.ndarray, right: np.ndarray) -> np.ndarray:
    """By place, how far two arrays of one shape are apart; infinite where only one is hidden or NaN."""
    value, right = _with_hidden(value), _with_hidden(right)
    with np.errstate(invalid="ignore"):
        off = np.abs(value - right)
    off[(value == right) | (np.isnan(value) & np.isnan(right))] = 0.0
    return np.where(np.isnan(off), np.inf, off)


def _with_hidden(array: np.ndarray) -> np.ndarray:
    array = array.astype(np.float64)
    array[array < HIDDEN] = -np.inf
    return array


def same_input(after: Any, before: Any) -> bool:
    """Whether an input is still what it was before the call."""
    if isinstance(before, np.ndarray):
        return isinstance(after, np.ndarray) and np.array_equal(after, before, equal_nan=before.dtype.kind == "f")
    if isinstance(before, Mapping):
        return list(after) == list(before) and all(same_input(after[key], before[key]) for key in before)
    return callable(before) or after == before


def plain(value: Any) -> Any:
    """Lists for tuples and arrays, Python's numbers for NumPy's, so that equality means what a reader thinks.

    >>> plain((np.int64(3), [(1, 2)]))
    [3, [[1, 2]]]
    """
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value

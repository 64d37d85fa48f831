"""What a wrong gradient looks like beside the right one: a sign, a factor, a term that is the same along an axis.

These are facts about the two arrays, tried one after the other; a fact is stated only if it leaves nothing.
"""

import numpy as np

_CLOSE = 1e-5  # of the largest number: central differences are right to about 1e-9, and steps differ


def gradient_words(wrong: np.ndarray, right: np.ndarray) -> str:
    """One sentence without its full stop; "" where no fact holds. Places that are NaN in `right` are left out.

    >>> gradient_words(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    'every number is 2 times the right one'
    """
    known = ~np.isnan(right)
    nan = int(np.isnan(wrong[known]).sum())
    if nan:
        return f"{nan} of {int(known.sum())} numbers are NaN"
    if not wrong[known].any():
        return "it is zero: was it never computed?"
    words = _scaled(wrong[known], right[known])
    if words or not known.all() or wrong.ndim < 2:
        return words or _some_places(wrong, right, known)
    return _transposed(wrong, right) or _along_an_axis(wrong, right) or _some_places(wrong, right, known)


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    scale = max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)))
    return bool(np.abs(a - b).max(initial=0.0) <= _CLOSE * scale)


def _scaled(wrong: np.ndarray, right: np.ndarray) -> str:
    if wrong.size < 3 or not right.any():
        return ""
    factor = float(wrong @ right) / float(right @ right)
    if factor == 0.0 or not _alike(wrong, factor * right):
        return ""
    return "the sign is flipped" if abs(factor + 1) < _CLOSE else f"every number is {factor:.6g} times the right one"


def _transposed(wrong: np.ndarray, right: np.ndarray) -> str:
    last = wrong.swapaxes(-1, -2)
    return "the last two axes are exchanged" if last.shape == right.shape and _alike(last, right) else ""


def _along_an_axis(wrong: np.ndarray, right: np.ndarray) -> str:
    """A missing term, or a missing factor, that is the same along one axis."""
    for axis, name in ((wrong.ndim - 1, "the last axis"), (wrong.ndim - 2, f"axis {wrong.ndim - 2}")):
        length = wrong.shape[axis]
        if length < 3:
            continue
        missing = right - wrong
        if _alike(np.broadcast_to(missing.mean(axis=axis, keepdims=True), missing.shape), missing):
            return f"what is missing is the same along {name}: a mean or a sum over it is left out"
        power = (wrong * wrong).sum(axis=axis, keepdims=True)
        factor = (wrong * right).sum(axis=axis, keepdims=True) / np.where(power > 0, power, 1.0)
        if _alike(factor * wrong, right):
            return f"along {name} it is right but for a factor, which differs elsewhere: is one left out?"
    return ""


def _some_places(wrong: np.ndarray, right: np.ndarray, known: np.ndarray) -> str:
    """Rows, or single places, that are wrong among others that are right."""
    scale = float(np.abs(right[known]).max(initial=0.0))
    off = known & (np.abs(np.where(known, wrong - right, 0.0)) > _CLOSE * scale)
    places = off.reshape(wrong.shape[0] if wrong.ndim else 1, -1).any(axis=1)
    count, what = int(places.sum()), "rows" if wrong.ndim > 1 else "numbers"
    if not 0 < count <= places.size // 2:
        return ""
    listed = ", ".join(str(int(i)) for i in np.flatnonzero(places)[:5])
    more = ", ..." if count > 5 else ""
    return f"{count} of {places.size} {what} are wrong ({listed}{more}) and all others right: what sets them apart?"

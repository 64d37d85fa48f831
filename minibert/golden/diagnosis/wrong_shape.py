"""A tensor of another shape: transposed, not reshaped yet, heads not merged, a mask for every query."""

import itertools

import numpy as np

from minibert.golden.diagnosis.tensor_pair import TensorPair
from minibert.golden.metrics import HIDDEN


def wrong_shape(pair: TensorPair) -> str:
    """Why two shapes may differ; "" where nothing fits."""
    golden, other = pair.golden, pair.other
    if pair.name.endswith("extended_attention_mask") and golden.ndim == other.ndim == 4:
        return _mask_of_other_queries(golden, other)
    words = _without_an_axis(golden, other) or _axes_moved(golden, other)
    return words or _as_many_numbers(pair) or _one_axis_differs(golden, other)


def _mask_of_other_queries(golden: np.ndarray, other: np.ndarray) -> str:
    rows = golden.shape[2], other.shape[2]
    if rows[0] == 1 < rows[1]:
        if ((other < 0) == (golden < 0)).all():
            return "the same mask, repeated for every query"
        return "the mask differs from query to query: it is causal, and the golden one is not"
    if rows[1] == 1 < rows[0]:
        return "one mask for all queries, where the golden one is causal"
    return ""


def _without_an_axis(golden: np.ndarray, other: np.ndarray) -> str:
    """One axis is missing, or one too many stands before all others."""
    if other.ndim == golden.ndim + 1 and other.shape[1:] == golden.shape:
        return f"an axis too many: {other.shape} for {golden.shape}"
    if other.ndim != golden.ndim - 1:
        return ""
    for axis in range(golden.ndim):
        if golden.shape[:axis] + golden.shape[axis + 1 :] == other.shape:
            what = "the axis of the texts" if axis == 0 else f"axis {axis}"
            slices = np.moveaxis(golden, axis, 0)
            number = next((i for i, each in enumerate(slices) if _near(each, other)), None)
            of = "" if number is None else f"; it is number {number} of {len(slices)}"
            return f"{what} is missing: {other.shape} for {golden.shape}{of}"
    return ""


def _axes_moved(golden: np.ndarray, other: np.ndarray) -> str:
    for axes in itertools.permutations(range(golden.ndim)) if golden.ndim <= 5 else ():
        moved = np.transpose(golden, axes)
        if list(axes) != sorted(axes) and moved.shape == other.shape and _near(moved, other):
            return f"transposed: it is the golden tensor with its axes in the order {axes}"
    return ""


def _as_many_numbers(pair: TensorPair) -> str:
    golden, other = pair.golden, pair.other
    if golden.size != other.size or not golden.size:
        return ""
    if _near(golden.reshape(other.shape), other):
        return f"the same numbers in the same order, as {other.shape} for {golden.shape}: reshape it"
    if golden.ndim == 3 and other.ndim == 4:
        heads = golden.reshape(*golden.shape[:2], pair.heads, -1).swapaxes(1, 2)
        if heads.shape == other.shape and _near(heads, other):
            return "the heads are not merged yet: move the head axis behind the tokens and reshape"
    return f"as many numbers, but {other.shape} for {golden.shape}, and not in the same order"


def _one_axis_differs(golden: np.ndarray, other: np.ndarray) -> str:
    if golden.ndim != other.ndim:
        return ""
    axes = [axis for axis, (a, b) in enumerate(zip(golden.shape, other.shape, strict=True)) if a != b]
    if len(axes) != 1:
        return ""
    return f"axis {axes[0]} has {other.shape[axes[0]]} entries for {golden.shape[axes[0]]}"


def _near(golden: np.ndarray, other: np.ndarray) -> bool:
    """Whether the numbers that no mask hides agree within a thousandth of the largest."""
    shown = golden > HIDDEN
    scale = float(np.abs(np.where(shown, golden, 0)).max(initial=0.0)) or 1.0
    return bool((np.abs(golden - other)[shown] <= 1e-3 * scale).all())

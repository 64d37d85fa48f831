"""How far one array is from another, measured in blocks so that no array is ever copied whole.

Scores that a mask has hidden hold the dtype's most negative number. They are told apart (below `HIDDEN`) and only
asked to be hidden on both sides: beside 1e38 every other difference would vanish.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.trace.show import MASKED

HIDDEN = -MASKED
_BLOCK = 1 << 14


@dataclass(frozen=True)
class Difference:
    """What one array is beside the golden one, all of it over the numbers that no mask has hidden.

    `max_rel` divides by the golden value or, where that is smaller, by the root mean square of the golden array.
    `ulp` counts the steps of the coarser dtype between the two numbers at the worst place. `nmse` is the squared
    difference over the squared golden values. `hidden` counts places that only one side has hidden, or that hold NaN
    or infinity on one side only.
    """

    max_abs: float
    rms: float
    max_rel: float
    ulp: float
    cosine: float
    nmse: float
    worst: tuple[int, ...]
    golden: float
    other: float
    hidden: int


@dataclass(frozen=True)
class Size:
    """How large the numbers of an array are, hidden and infinite ones left out."""

    largest: float
    rms: float


def coarser(*dtypes: Any) -> np.dtype:
    """The floating dtype with the largest rounding error; float64 where none is floating."""
    floats = [np.dtype(each) for each in dtypes if np.dtype(each).kind == "f"]
    return max(floats, key=lambda dtype: np.finfo(dtype).eps, default=np.dtype(np.float64))


def _blocks(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    flat = [np.ascontiguousarray(array).reshape(-1) for array in arrays]
    for start in range(0, flat[0].size, _BLOCK):
        yield (np.arange(start, min(start + _BLOCK, flat[0].size)), *(each[start : start + _BLOCK] for each in flat))


def size_of(array: np.ndarray) -> Size:
    """The largest magnitude and the root mean square of an array."""
    largest, total, count = 0.0, 0.0, 0
    for _, block in _blocks(array):
        real = block.astype(np.float64)
        real = real[np.isfinite(real) & (real > HIDDEN)]
        if real.size:
            largest = max(largest, float(np.abs(real).max()))
            total += float(real @ real)
            count += real.size
    return Size(largest, math.sqrt(total / count) if count else 0.0)


def difference(golden: np.ndarray, other: np.ndarray, floor: float | None = None) -> Difference:
    """How far `other` is from `golden`; both have the same shape.

    Args:
        floor: what `max_rel` divides by at least; by default the golden array's root mean square.
    """
    if golden.shape != other.shape:
        raise ValueError(f"shapes {golden.shape} and {other.shape} differ")
    floor = size_of(golden).rms if floor is None else floor
    sums = np.zeros(4)  # d d, g g, o o, g o
    worst, worst_place, hidden, hidden_place, count, max_rel = -1.0, 0, 0, -1, 0, 0.0
    for places, g_block, o_block in _blocks(golden, other):
        g, o = g_block.astype(np.float64), o_block.astype(np.float64)
        plain = np.isfinite(g) & np.isfinite(o) & (g > HIDDEN) & (o > HIDDEN)
        if not plain.all():
            unlike = ~plain & ~_alike(g, o)
            if unlike.any():
                hidden += int(unlike.sum())
                hidden_place = int(places[unlike][0]) if hidden_place < 0 else hidden_place
            places, g, o = places[plain], g[plain], o[plain]
        if not g.size:
            continue
        d = np.abs(o - g)
        sums += (d @ d, g @ g, o @ o, g @ o)
        count += g.size
        at = int(d.argmax())
        if d[at] > worst:
            worst, worst_place = float(d[at]), int(places[at])
        bound = np.maximum(np.abs(g), floor)
        max_rel = max(max_rel, float((d / np.where(bound > 0, bound, 1.0)).max()))
    place = hidden_place if hidden_place >= 0 else worst_place
    return _summary(golden, other, sums, count, max(worst, 0.0), max_rel, place, hidden)


def _alike(g: np.ndarray, o: np.ndarray) -> np.ndarray:
    """Where two numbers of which one is not plain still say the same: hidden, NaN or the same infinity on both."""
    both_hidden = (g <= HIDDEN) & (o <= HIDDEN) & np.isfinite(g) & np.isfinite(o)
    return both_hidden | (np.isnan(g) & np.isnan(o)) | (np.isinf(g) & (g == o))


def _summary(
    golden: np.ndarray,
    other: np.ndarray,
    sums: np.ndarray,
    count: int,
    worst: float,
    max_rel: float,
    place: int,
    hidden: int,
) -> Difference:
    dd, gg, oo, go = (float(each) for each in sums)
    if golden.size == 0:
        return Difference(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, (), 0.0, 0.0, 0)
    index = tuple(int(i) for i in np.unravel_index(place, golden.shape))
    g, o = float(golden[index]), float(other[index])
    return Difference(
        max_abs=worst,
        rms=math.sqrt(dd / count) if count else 0.0,
        max_rel=max_rel,
        ulp=_ulp(g, o, coarser(golden.dtype, other.dtype)),
        cosine=go / math.sqrt(gg * oo) if gg and oo else float(gg == oo),
        nmse=dd / gg if gg else (0.0 if dd == 0 else math.inf),
        worst=index,
        golden=g,
        other=o,
        hidden=hidden,
    )


def _ulp(g: float, o: float, dtype: np.dtype) -> float:
    if not (math.isfinite(g) and math.isfinite(o)):
        return 0.0 if (math.isnan(g) and math.isnan(o)) or g == o else math.inf
    info = np.finfo(dtype)
    exponent = max(math.frexp(abs(g))[1], info.minexp + 1) - 1
    step = 2.0 ** max(exponent - info.nmant, -1074)
    return abs(o - g) / step

"""Dropout (Srivastava et al. 2014), in the inverted form: kept values are scaled by 1 / (1 - p) in training.

Masks come from a seeded NumPy generator on the host, so that CPU and GPU draw the same. Of NumPy's default generator
the GPU computes the stream itself; any other is drawn from on the host, and what it drew is moved.
"""

import math
from types import ModuleType

import numpy as np

from minibert.backend import Array
from minibert.kernels import fused

_STEPS = 1 << 16


def draw_dropout_mask(rng: np.random.Generator, shape: tuple[int, ...], p: float, xp: ModuleType = np) -> Array:
    """A boolean array, True where a value is kept: each with probability 1 - p, to 1/65536.

    Sixteen random bits a value are four times cheaper than a random float and fine enough for p.
    """
    threshold = round(p * _STEPS)
    if fused.fits_draw_mask(rng, math.prod(shape), xp):
        return fused.draw_mask(rng, shape, threshold, xp)
    drawn = rng.integers(0, _STEPS, size=shape, dtype=np.uint16)
    return xp.asarray(drawn >= threshold)


def dropout(x: Array, mask: Array, p: float, out: Array | None = None) -> Array:
    """x (...), mask (...) True to keep -> y (...): y = x mask / (1 - p)."""
    if fused.fits_dropout(x, mask) and (out is None or fused.usable(x, out)):
        return fused.dropout(x, mask, keep_scale(p), out)
    if out is None:
        y = x * mask
    else:
        y = out
        if y is not x:
            y[...] = x
        y *= mask
    y *= keep_scale(p)
    return y


def dropout_backward(dy: Array, mask: Array, p: float) -> Array:
    """dy (...), mask (...) -> dx (...). forward: y = x mask / (1 - p), so dx = dy mask / (1 - p)."""
    if fused.fits_dropout(dy, mask):
        return fused.dropout(dy, mask, keep_scale(p))
    dx = dy * mask
    dx *= keep_scale(p)
    return dx


def keep_scale(p: float) -> float:
    """1 / (1 - p), which keeps the mean of what dropout leaves."""
    return 1.0 / (1.0 - p) if p < 1.0 else 0.0  # p = 1 drops everything

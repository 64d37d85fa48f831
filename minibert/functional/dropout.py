"""Dropout (Srivastava et al. 2014), in the inverted form: kept values are scaled by 1 / (1 - p) in training.

Masks come from a seeded NumPy generator on the host, so that every device draws the same.
"""

from types import ModuleType

import numpy as np

from minibert.backend import Array
from minibert.forms import step

_STEPS = 1 << 16


def dropout_threshold(p: float) -> int:
    """p -> the number of the 65536 values of 16 random bits that mean "drop"."""
    return round(p * _STEPS)


@step
def draw_dropout_mask(rng: np.random.Generator, shape: tuple[int, ...], p: float, xp: ModuleType = np) -> Array:
    """A boolean array of this shape, True where a value is kept: each with probability 1 - p, to 1/65536.

    Sixteen random bits a value are four times cheaper than a random float and fine enough for p.

    >>> draw_dropout_mask(np.random.default_rng(1), (2, 3), p=0.5)
    array([[ True, False,  True],
           [ True,  True,  True]])
    """
    drawn = rng.integers(0, _STEPS, size=shape, dtype=np.uint16)
    return xp.asarray(drawn >= dropout_threshold(p))


@step
def dropout(x: Array, mask: Array, p: float) -> Array:
    """x (...), mask (...) True to keep -> y (...): y = x mask / (1 - p).

    >>> dropout(np.array([1.0, 2.0, 3.0]), np.array([True, False, True]), p=0.5)
    array([2., 0., 6.])
    """
    return x * mask * keep_scale(p)


@step
def dropout_backward(dy: Array, mask: Array, p: float) -> Array:
    """dy (...), mask (...) -> dx (...). forward: y = x mask / (1 - p), so dx = dy mask / (1 - p).

    >>> dropout_backward(np.array([1.0, 1.0, 1.0]), np.array([True, False, True]), p=0.5)
    array([2., 0., 2.])
    """
    return dy * mask * keep_scale(p)


def keep_scale(p: float) -> float:
    """1 / (1 - p), which keeps the mean of what dropout leaves."""
    return 1.0 / (1.0 - p) if p < 1.0 else 0.0  # p = 1 drops everything

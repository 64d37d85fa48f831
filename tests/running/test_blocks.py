"""GELU in blocks: the same values in one block or several, over x itself too; in float32 as exact as promised."""

import math

import numpy as np
import pytest

from minibert import functional as F
from minibert.functional.gelu import gelu_erf, gelu_tanh
from minibert.running.blocks import BLOCK, fits, in_blocks
from tests.gradients import frozen, rng_of


@pytest.mark.parametrize("name", ["gelu", "gelu_new", "gelu_10"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [7, BLOCK - 1, BLOCK + 1, 2 * BLOCK + 3])
def test_blocks(name: str, dtype: str, size: int) -> None:
    """In one block or several: the same values, and the input stays as it was."""
    forward = F.ACTIVATIONS[name].forward
    x = (rng_of(25).normal(size=(size, 1)) * 4).astype(dtype)
    kept = frozen(x.copy())
    y = forward(kept)
    assert y.shape == x.shape
    assert y.dtype == dtype
    pieces = np.concatenate([forward(kept[start : start + 1000]) for start in range(0, size, 1000)])
    np.testing.assert_allclose(y, pieces, rtol=1e-6 if dtype == "float32" else 1e-14, atol=1e-12)
    np.testing.assert_array_equal(kept, x)
    derivative = F.ACTIVATIONS[name].derivative
    assert derivative is not None
    by_pieces = np.concatenate([derivative(kept[start : start + 1000]) for start in range(0, size, 1000)])
    np.testing.assert_allclose(derivative(kept), by_pieces, rtol=1e-6, atol=1e-6 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("step", [gelu_erf, gelu_tanh])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_over_x_itself(step: object, dtype: str) -> None:
    x = (rng_of(26).normal(size=(3, BLOCK)) * 4).astype(dtype)
    expected = in_blocks(step, frozen(x.copy()))  # type: ignore[arg-type]
    assert in_blocks(step, x, out=x) is x  # type: ignore[arg-type]
    np.testing.assert_array_equal(x, expected)


def test_what_does_not_fit_takes_the_plain_way() -> None:
    x = rng_of(27).normal(size=(3, 4))
    assert fits(x)
    assert not fits(x.T)
    assert not fits(x.astype(np.float16))
    np.testing.assert_allclose(gelu_erf(x.T), gelu_erf(x).T, rtol=1e-15)


def test_gelu_in_float32_is_as_good_as_promised() -> None:
    """At most 1.2e-6 away, PyTorch's own error, over the whole range and far beyond it."""
    beyond = np.geomspace(1e-8, 3e4, 2000)
    grid = np.concatenate([np.linspace(-12, 12, 120_001), beyond, -beyond])
    x = frozen(grid.astype(np.float32))
    y = F.ACTIVATIONS["gelu"].forward(x).astype(np.float64)
    exact = np.array([value * math.erfc(-value / math.sqrt(2)) / 2 for value in x.astype(np.float64).tolist()])
    error = np.abs(y - exact)
    inside = np.abs(x) <= 12
    assert error[inside].max() <= 1.2e-6
    assert (error / np.maximum(1.0, np.abs(exact))).max() <= 1.2e-6
    derivative = F.ACTIVATIONS["gelu"].derivative
    assert derivative is not None
    wide = derivative(x.astype(np.float64))
    assert np.abs(derivative(x) - wide).max() <= 1.2e-6

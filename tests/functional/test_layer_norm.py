"""Layer normalisation against exact rational arithmetic, at extremes, and its gradients against differences."""

import math
from fractions import Fraction

import numpy as np
import pytest

from minibert import functional as F
from tests.gradients import check_every_entry, frozen, rng_of

EPS = 1e-5


def exact(row: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> list[float]:
    """One row with mean and variance as fractions, rounded once before the root."""
    values = [Fraction(float(value)) for value in row]
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    std = math.sqrt(variance + Fraction(eps))
    return [
        float(value - mean) / std * float(gamma) + float(beta)
        for value, gamma, beta in zip(values, weight, bias, strict=True)
    ]


def arrays(dtype: str = "float64", mean: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = rng_of(7)
    x = (mean + rng.normal(size=(2, 3, 20)) * 2).astype(dtype)
    return frozen(x), frozen(rng.normal(size=20).astype(dtype)), frozen(rng.normal(size=20).astype(dtype))


@pytest.mark.parametrize("eps", [1e-12, 1e-5, 0.5])
def test_by_rows(eps: float) -> None:
    x, weight, bias = arrays()
    y, cache = F.layer_norm(x, weight, bias, eps)
    for place in np.ndindex(2, 3):
        np.testing.assert_allclose(y[place], exact(x[place], weight, bias, eps), rtol=1e-12, atol=1e-13)
    assert cache is not None
    np.testing.assert_allclose(cache.normalized * weight + bias, y, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(cache.rstd, 1 / np.sqrt(x.var(axis=-1, keepdims=True) + eps), rtol=1e-13)


@pytest.mark.parametrize(("mean", "tolerance"), [(0.0, 2e-6), (1000.0, 3e-4), (-3e4, 1e-2)])
def test_a_large_mean_in_float32(mean: float, tolerance: float) -> None:
    """E[x²] - E[x]² would lose every digit of the variance here: at mean 30,000 it is off by more than 1."""
    x, weight, bias = arrays("float32", mean)
    y, _ = F.layer_norm(x, weight, bias, EPS)
    for place in np.ndindex(2, 3):
        np.testing.assert_allclose(y[place], exact(x[place], weight, bias, EPS), atol=tolerance)


def test_a_constant_row_gives_the_bias() -> None:
    _, weight, bias = arrays()
    y, cache = F.layer_norm(np.full((1, 20), 3.0), weight, bias, 1e-12)
    np.testing.assert_array_equal(y[0], bias)
    assert cache is not None
    assert cache.rstd[0, 0] == pytest.approx(1e6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype: str) -> None:
    x, weight, bias = arrays(dtype)
    y, cache = F.layer_norm(x, weight, bias, EPS)
    assert cache is not None
    assert y.dtype == cache.normalized.dtype == cache.rstd.dtype == dtype
    assert [g.dtype for g in F.layer_norm_backward(frozen(y), cache, weight)] == [dtype] * 3


def test_backward() -> None:
    x, weight, bias = (array.copy() for array in arrays())

    def backward(dy: np.ndarray) -> tuple[np.ndarray, ...]:
        _, cache = F.layer_norm(x, weight, bias, EPS)
        assert cache is not None
        frozen(cache.normalized)
        frozen(cache.rstd)
        return F.layer_norm_backward(dy, cache, weight)

    check_every_entry(
        lambda: F.layer_norm(x, weight, bias, EPS)[0], backward, {"x": x, "weight": weight, "bias": bias}
    )


def test_backward_with_a_great_eps() -> None:
    x, weight, bias = (array.copy() for array in arrays())
    check_every_entry(
        lambda: F.layer_norm(x, weight, bias, 3.0)[0],
        lambda dy: F.layer_norm_backward(dy, F.layer_norm(x, weight, bias, 3.0)[1], weight),
        {"x": x, "weight": weight, "bias": bias},
    )


def test_dx_is_orthogonal_to_what_the_norm_removes() -> None:
    """Neither a shift nor a scaling of a row changes y (eps aside), so dx has no part along either."""
    x, weight, bias = arrays()
    _, cache = F.layer_norm(x, weight, bias, 1e-12)
    dx, _, _ = F.layer_norm_backward(rng_of(8).normal(size=x.shape), cache, weight)
    np.testing.assert_allclose(dx.sum(axis=-1), 0.0, atol=1e-13)
    np.testing.assert_allclose((dx * (x - x.mean(axis=-1, keepdims=True))).sum(axis=-1), 0.0, atol=1e-11)

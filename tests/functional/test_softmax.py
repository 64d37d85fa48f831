"""Softmax and its logarithm against exact sums, at extremes, and the gradient against differences."""

import math

import numpy as np
import pytest

from minibert import functional as F
from tests.gradients import check_every_entry, frozen, rng_of


def exact(row: list[float]) -> list[float]:
    """Softmax of one row with correctly rounded sums."""
    powers = [math.exp(value - max(row)) for value in row]
    return [power / math.fsum(powers) for power in powers]


def test_by_rows() -> None:
    x = frozen(rng_of(2).normal(size=(2, 4, 3, 5)) * 3)
    probs = F.softmax(x)
    for place in np.ndindex(2, 4, 3):
        np.testing.assert_allclose(probs[place], exact(x[place].tolist()), rtol=1e-14)
        assert math.fsum(probs[place]) == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(F.log_softmax(x), np.log(probs), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype: str) -> None:
    x = frozen(rng_of(3).normal(size=(2, 3, 5)).astype(dtype))
    probs = F.softmax(x)
    assert probs.dtype == F.log_softmax(x).dtype == F.softmax_backward(frozen(x), frozen(probs)).dtype == dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes(dtype: str) -> None:
    least = np.finfo(dtype).min
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        wholly_masked = F.softmax(np.full((2, 5), least, dtype))
        np.testing.assert_array_equal(wholly_masked, np.full((2, 5), 0.2, dtype))
        np.testing.assert_array_equal(F.softmax(np.array([[0.0, least, 0.0]], dtype)), [[0.5, 0.0, 0.5]])
        np.testing.assert_array_equal(F.softmax(np.array([[1e4, -1e4]], dtype)), [[1.0, 0.0]])
        np.testing.assert_array_equal(F.softmax(np.array([[3.0]], dtype)), [[1.0]])
        np.testing.assert_array_equal(F.log_softmax(np.array([[1e4, 0.0]], dtype)), [[0.0, -1e4]])
        # never the logarithm of a probability that was rounded to 0
        assert F.log_softmax(np.array([[0.0, 1000.0]], dtype))[0, 0] == -1000.0


def test_backward() -> None:
    x = rng_of(5).normal(size=(2, 4, 3, 5))
    check_every_entry(lambda: F.softmax(x), lambda dy: F.softmax_backward(dy, frozen(F.softmax(x))), {"x": x})


def test_backward_of_a_constant_is_zero() -> None:
    probs = F.softmax(rng_of(6).normal(size=(3, 5)))
    np.testing.assert_allclose(F.softmax_backward(np.full((3, 5), 2.5), probs), 0.0, atol=1e-15)

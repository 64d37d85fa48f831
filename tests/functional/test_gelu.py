"""GELU against x Φ(x) with `math.erfc`, and its two derivatives against differences."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from minibert.functional.gelu import gelu_erf, gelu_erf_derivative, gelu_tanh, gelu_tanh_derivative, normal_cdf

X = np.linspace(-8.0, 8.0, 1601)


def phi(x: float) -> float:
    """Φ(x), exact in both tails."""
    return math.erfc(-x / math.sqrt(2)) / 2


def test_the_distribution_function() -> None:
    np.testing.assert_allclose(normal_cdf(X), [phi(x) for x in X], rtol=0, atol=2e-16)
    assert normal_cdf(np.zeros(1))[0] == 0.5


def test_the_exact_form() -> None:
    np.testing.assert_allclose(gelu_erf(X), [x * phi(x) for x in X], rtol=4e-15, atol=2e-15)


def test_the_approximation() -> None:
    expected = [x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2 for x in X]
    np.testing.assert_allclose(gelu_tanh(X), expected, rtol=4e-15, atol=2e-15)


def test_the_approximation_is_as_near_as_it_says() -> None:
    distance = np.abs(gelu_tanh(X) - gelu_erf(X)).max()
    assert 4.6e-4 < distance < 4.8e-4


@pytest.mark.parametrize("f", [gelu_erf, gelu_tanh])
def test_far_out_it_is_zero_or_x(f: Callable[[np.ndarray], np.ndarray]) -> None:
    far = np.array([20.0, 1e3, 1e10])
    np.testing.assert_array_equal(f(far), far)
    np.testing.assert_array_equal(f(-far), 0.0)


@pytest.mark.parametrize(("f", "slope"), [(gelu_erf, gelu_erf_derivative), (gelu_tanh, gelu_tanh_derivative)])
def test_derivatives(f: Callable[[np.ndarray], np.ndarray], slope: Callable[[np.ndarray], np.ndarray]) -> None:
    h = 1e-3
    numeric = (8 * (f(X + h) - f(X - h)) - (f(X + 2 * h) - f(X - 2 * h))) / (12 * h)
    np.testing.assert_allclose(slope(X), numeric, rtol=0, atol=1e-11)
    assert slope(np.zeros(1))[0] == 0.5

"""GELU, the activation of BERT (Hendrycks & Gimpel 2016): x Φ(x), Φ the distribution function of the standard normal.

`gelu_erf` is that, exactly; `gelu_tanh` is the paper's approximation with tanh, 4.7e-4 away at most.
"""

import math

from minibert.backend import Array, array_module
from minibert.forms import step
from minibert.functional.numbers import erf

INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)
_SQRT_HALF = math.sqrt(0.5)
_SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)
_CUBIC = 0.044715


def normal_cdf(x: Array) -> Array:
    """x (...) -> Φ(x) (...) = (1 + erf(x / √2)) / 2."""
    return (1.0 + erf(x * _SQRT_HALF)) * 0.5


@step
def gelu_erf(x: Array) -> Array:
    """x (...) -> x Φ(x) (...).

    >>> import numpy as np
    >>> gelu_erf(np.array([-10.0, 0.0, 1.0, 10.0])).round(6).tolist()
    [-0.0, 0.0, 0.841345, 10.0]
    """
    return x * normal_cdf(x)


@step
def gelu_erf_derivative(x: Array) -> Array:
    """x (...) -> Φ(x) + x φ(x) (...), φ(x) = exp(-x²/2) / √(2π) the density, which is Φ'(x)."""
    density = array_module(x).exp(x * x * -0.5) * INV_SQRT_2PI
    return normal_cdf(x) + x * density


@step
def gelu_tanh(x: Array) -> Array:
    """x (...) -> x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2 (...).

    >>> import numpy as np
    >>> gelu_tanh(np.array([-10.0, 0.0, 1.0, 10.0])).round(6).tolist()
    [-0.0, 0.0, 0.841192, 10.0]
    """
    t = array_module(x).tanh((x * x * _CUBIC + 1.0) * x * _SQRT_2_OVER_PI)
    return (t + 1.0) * x * 0.5


@step
def gelu_tanh_derivative(x: Array) -> Array:
    """x (...) -> (1 + t) / 2 + x (1 - t²) u' / 2 (...), u = √(2/π) (x + 0.044715 x³) and t = tanh u."""
    square = x * x
    t = array_module(x).tanh(_SQRT_2_OVER_PI * x * (1.0 + _CUBIC * square))
    du = _SQRT_2_OVER_PI * (1.0 + 3 * _CUBIC * square)
    return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * du

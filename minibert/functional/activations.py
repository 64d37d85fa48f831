"""The activation functions, by the names that configurations use, each with its derivative.

Names as in transformers' table: there `gelu` is the exact form with erf, and `gelu_new`, `gelu_pytorch_tanh`,
`gelu_fast`, `gelu_accurate`, `gelu_python_tanh` are the approximation with tanh. The table's `prelu` and `xielu` have
parameters of their own, which no checkpoint of these models has: they are refused by name.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minibert.backend import Array, array_module
from minibert.errors import ConfigError
from minibert.forms import step
from minibert.functional.gelu import INV_SQRT_2PI, gelu_erf, gelu_erf_derivative, gelu_tanh, gelu_tanh_derivative
from minibert.functional.numbers import erf
from minibert.messages import quoted

Function = Callable[[Array], Array]


@dataclass(frozen=True)
class Activation:
    """One activation function, with its derivative.

    Attributes:
        name: as configurations have it.
        forward: x (...) -> f(x) (...), in x's dtype; leaves x as it is.
        derivative: x (...) -> f'(x) (...); None where it is not known, and then `backward` raises ConfigError.

    Example:
        >>> import numpy as np
        >>> square = Activation("square", forward=lambda x: x * x, derivative=lambda x: 2 * x)
        >>> square.forward(np.array([1.0, 3.0])), square.derivative(np.array([1.0, 3.0]))
        (array([1., 9.]), array([2., 6.]))
    """

    name: str
    forward: Function
    derivative: Function | None

    @step
    def backward(self, dy: Array, x: Array) -> Array:
        """dy (...), x (...) the forward's input -> dx (...): dx = dy f'(x).

        Raises:
            ConfigError: the derivative is not known.

        >>> import numpy as np
        >>> find_activation("relu").backward(dy=np.array([5.0, 5.0]), x=np.array([-1.0, 1.0]))
        array([0., 5.])
        """
        if self.derivative is None:
            raise ConfigError(
                f"activation {self.name!r} is a function without a derivative, so backward cannot pass it: give "
                "hidden_act as minibert.functional.Activation(name, forward, derivative)."
            )
        return dy * self.derivative(x)


def gelu_10(x: Array) -> Array:
    """x (...) -> gelu_erf(x) limited to -10 .. 10."""
    return array_module(x).clip(gelu_erf(x), -10.0, 10.0)


def gelu_10_derivative(x: Array) -> Array:
    """x (...) -> gelu'(x) where gelu(x) lies within -10 .. 10, else 0."""
    return gelu_erf_derivative(x) * (gelu_erf(x) <= 10.0)


def sigmoid(x: Array) -> Array:
    """x (...) -> σ(x) = 1 / (1 + exp(-x)), through tanh so that nothing overflows."""
    return (array_module(x).tanh(x * 0.5) + 1.0) * 0.5


def sigmoid_derivative(x: Array) -> Array:
    """x (...) -> σ (1 - σ)."""
    s = sigmoid(x)
    return s * (1.0 - s)


def silu(x: Array, scale: float = 1.0) -> Array:
    """x (...) -> x σ(scale x)."""
    return x * sigmoid(x * scale)


def silu_derivative(x: Array, scale: float = 1.0) -> Array:
    """x (...) -> σ + scale x σ (1 - σ), σ of scale x."""
    s = sigmoid(x * scale)
    return s + scale * x * s * (1.0 - s)


_QUICK = 1.702


def quick_gelu(x: Array) -> Array:
    """x (...) -> x σ(1.702 x)."""
    return silu(x, _QUICK)


def quick_gelu_derivative(x: Array) -> Array:
    """x (...) -> the derivative of `quick_gelu`."""
    return silu_derivative(x, _QUICK)


def tanh(x: Array) -> Array:
    """x (...) -> tanh(x)."""
    return array_module(x).tanh(x)


def tanh_derivative(x: Array) -> Array:
    """x (...) -> 1 - tanh²(x)."""
    xp = array_module(x)
    return 1.0 - xp.square(xp.tanh(x))


def relu(x: Array) -> Array:
    """x (...) -> max(x, 0)."""
    return array_module(x).maximum(x, 0.0)


def relu_derivative(x: Array) -> Array:
    """x (...) -> 1 where x > 0, else 0."""
    return (x > 0).astype(x.dtype)


def relu2(x: Array) -> Array:
    """x (...) -> max(x, 0)²."""
    return array_module(x).square(relu(x))


def relu2_derivative(x: Array) -> Array:
    """x (...) -> 2 max(x, 0)."""
    return 2.0 * relu(x)


def relu6(x: Array) -> Array:
    """x (...) -> x limited to 0 .. 6."""
    return array_module(x).clip(x, 0.0, 6.0)


def relu6_derivative(x: Array) -> Array:
    """x (...) -> 1 where 0 < x < 6, else 0."""
    return ((x > 0) & (x < 6)).astype(x.dtype)


_LEAK = 0.01


def leaky_relu(x: Array) -> Array:
    """x (...) -> x where x > 0, else 0.01 x."""
    return array_module(x).maximum(x, x * _LEAK)


def leaky_relu_derivative(x: Array) -> Array:
    """x (...) -> 1 where x > 0, else 0.01."""
    return array_module(x).where(x > 0, 1.0, _LEAK).astype(x.dtype)


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017


def selu(x: Array) -> Array:
    """x (...) -> s x where x > 0, else s a (exp(x) - 1); s = 1.0507, a = 1.6733."""
    xp = array_module(x)
    below = (_SELU_SCALE * _SELU_ALPHA) * xp.expm1(xp.minimum(x, 0.0))
    return below + _SELU_SCALE * xp.maximum(x, 0.0)


def selu_derivative(x: Array) -> Array:
    """x (...) -> s where x > 0, else s a exp(x)."""
    xp = array_module(x)
    below = (_SELU_SCALE * _SELU_ALPHA) * xp.exp(xp.minimum(x, 0.0))
    return xp.where(x > 0, below.dtype.type(_SELU_SCALE), below)


def _softplus(x: Array) -> Array:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    xp = array_module(x)
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


def mish(x: Array) -> Array:
    """x (...) -> x tanh(log(1 + exp(x)))."""
    return x * array_module(x).tanh(_softplus(x))


def mish_derivative(x: Array) -> Array:
    """x (...) -> t + x (1 - t²) σ(x), t = tanh(log(1 + exp(x)))."""
    xp = array_module(x)
    t = xp.tanh(_softplus(x))
    return t + x * (1.0 - xp.square(t)) * sigmoid(x)


_LAPLACE_MU, _LAPLACE_SIGMA = 0.707107, 0.282095


def laplace(x: Array) -> Array:
    """x (...) -> (1 + erf((x - mu) / (sigma √2))) / 2, mu = 0.707107, sigma = 0.282095 (Ma et al. 2022)."""
    return (1.0 + erf((x - _LAPLACE_MU) / (_LAPLACE_SIGMA * math.sqrt(2.0)))) * 0.5


def laplace_derivative(x: Array) -> Array:
    """x (...) -> the normal density with mean mu and deviation sigma."""
    xp = array_module(x)
    return xp.exp(-0.5 * xp.square((x - _LAPLACE_MU) / _LAPLACE_SIGMA)) * (INV_SQRT_2PI / _LAPLACE_SIGMA)


def identity(x: Array) -> Array:
    """x (...) -> x."""
    return x


def identity_derivative(x: Array) -> Array:
    """x (...) -> 1."""
    return array_module(x).ones_like(x)


ACTIVATIONS: dict[str, Activation] = {
    name: Activation(name, forward, derivative)
    for names, forward, derivative in [
        ("gelu gelu_python", gelu_erf, gelu_erf_derivative),
        (
            "gelu_new gelu_pytorch_tanh gelu_python_tanh gelu_fast gelu_accurate",
            gelu_tanh,
            gelu_tanh_derivative,
        ),
        ("gelu_10", gelu_10, gelu_10_derivative),
        ("quick_gelu", quick_gelu, quick_gelu_derivative),
        ("relu", relu, relu_derivative),
        ("relu2", relu2, relu2_derivative),
        ("relu6", relu6, relu6_derivative),
        ("leaky_relu", leaky_relu, leaky_relu_derivative),
        ("selu", selu, selu_derivative),
        ("silu swish", silu, silu_derivative),
        ("mish", mish, mish_derivative),
        ("laplace", laplace, laplace_derivative),
        ("sigmoid", sigmoid, sigmoid_derivative),
        ("tanh", tanh, tanh_derivative),
        ("linear", identity, identity_derivative),
    ]
    for name in names.split()
}


def find_activation(hidden_act: Any) -> Activation:
    """The activation that a configuration names.

    Args:
        hidden_act: a string of `ACTIVATIONS`, an `Activation`, or a function. A plain function f(x) is used as it is;
            backward through it needs an `Activation` with a derivative.

    Raises:
        ConfigError: the name is not in the table, or the value is neither a name nor a function.

    Example:
        >>> import numpy as np
        >>> find_activation("relu").forward(np.array([-1.0, 2.0]))
        array([0., 2.])
        >>> find_activation(np.sin).name, find_activation(np.sin).derivative is None
        ('sin', True)
    """
    if isinstance(hidden_act, Activation):
        return hidden_act
    if isinstance(hidden_act, str):
        if hidden_act in ACTIVATIONS:
            return ACTIVATIONS[hidden_act]
        if hidden_act in ("prelu", "xielu"):
            raise ConfigError(f"hidden_act {hidden_act!r} has parameters of its own, which these models do not have.")
        known = ", ".join(sorted(ACTIVATIONS))
        raise ConfigError(f"hidden_act {quoted(hidden_act)} is unknown: choose one of {known}.")
    if callable(hidden_act):
        return Activation(getattr(hidden_act, "__name__", "custom"), hidden_act, None)
    raise ConfigError(f"hidden_act must be a name or a function, not {type(hidden_act).__name__}.")

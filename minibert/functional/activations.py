"""The activation functions, by the names that configurations use, each with its derivative.

Names as in transformers' table: there `gelu` is the exact form with erf (Hendrycks & Gimpel 2016), and
`gelu_new`, `gelu_pytorch_tanh`, `gelu_fast`, `gelu_accurate`, `gelu_python_tanh` are the approximation with
tanh (4.7e-4 away at most). The table's `prelu` and `xielu` have parameters of their own, which no checkpoint
of these models has: they are refused by name.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.backend import Array, array_module, erf, narrowed, polynomial, widened
from minibert.errors import ConfigError
from minibert.kernels import fused

_SQRT_HALF = math.sqrt(0.5)
_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)
_SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)
_CHUNK = 1 << 15  # values a block: temporaries stay in the core's own cache


@dataclass(frozen=True)
class Activation:
    """One activation function.

    `forward(x, out=None)` gives f(x) in x's shape and dtype; `derivative(x)` gives f'(x).
    """

    name: str
    forward: Callable[..., Array]
    derivative: Callable[[Array], Array] | None

    def backward(self, dy: Array, x: Array) -> Array:
        """dy (...), x (...) the forward's input -> dx (...): dx = dy f'(x)."""
        if self.derivative is None:
            raise ConfigError(
                f"activation {self.name!r} is a function without a derivative, so backward cannot pass it: give "
                "hidden_act as minibert.functional.Activation(name, forward, derivative)."
            )
        form = FORMS.get(self.forward)
        if form is not None and fused.usable(x, dy):
            return fused.activation_backward(form, dy, x)
        dx = self.derivative(x)
        dx *= dy
        return dx


def _in_blocks(f: Callable[[Array], Array], x: Array, out: Array | None) -> Array:
    """f over x, a block of values at a time on the CPU; on a GPU all at once."""
    xp = array_module(x)
    if x.dtype.name == "float16":
        return narrowed(f(widened(x)), x, out)
    if xp is not np or x.size <= _CHUNK or not x.flags.c_contiguous:
        y = f(x)
        if out is None:
            return y
        out[...] = y
        return out
    if out is None:
        out = np.empty_like(x)
    source, target = x.reshape(-1), out.reshape(-1)
    for start in range(0, x.size, _CHUNK):
        target[start : start + _CHUNK] = f(source[start : start + _CHUNK])
    return out


# GELU with the exact erf: x Φ(x), Φ the distribution function of the standard normal

# float32 on the CPU: Φ(x) = 1 / (1 + exp(x r(x²))) for |x| <= 6, r fitted to the logit of Φ (error of Φ 2.9e-8).
# Greatest error of x Φ(x): 6.1e-7, half of PyTorch's own; erf itself would cost five times as much.
_LOGIT = (
    -1.5957698822, -0.0726661682, 6.518996e-05, 1.1061239e-04, -7.9294887e-06, 2.6452670e-07, -3.5123429e-09,
)  # fmt: skip


def _normal_cdf(x: Array) -> Array:
    """Φ(x) = (1 + erf(x / √2)) / 2 in x's dtype."""
    if array_module(x) is np and x.dtype == np.float32:
        c = np.clip(x, -6.0, 6.0)
        t = polynomial(_LOGIT, np.square(c))
        t *= c
        np.exp(t, out=t)
        t += 1.0
        return np.reciprocal(t, out=t)
    cdf = erf(x * _SQRT_HALF)
    cdf += 1.0
    cdf *= 0.5
    return cdf


def _gelu_erf_block(x: Array) -> Array:
    y = _normal_cdf(x)
    if y.dtype == np.float32:
        y *= x.clip(-6.0, math.inf)  # below -6 the clipped Φ is 1e-9, not 0: x Φ must not grow with |x|
    else:
        y *= x
    return y


def gelu_erf(x: Array, out: Array | None = None) -> Array:
    """x (...) -> x Φ(x) = x (1 + erf(x / √2)) / 2."""
    if fused.usable(x, out):
        return fused.bias_activation("gelu_erf", x, None, None, out)
    return _in_blocks(_gelu_erf_block, x, out)


def _gelu_erf_derivative_block(x: Array) -> Array:
    xp = array_module(x)
    density = xp.square(x)
    density *= -0.5
    xp.exp(density, out=density)
    density *= _INV_SQRT_2PI
    density *= x
    density += _normal_cdf(x)
    return density


def gelu_erf_derivative(x: Array) -> Array:
    """x (...) -> Φ(x) + x φ(x), φ(x) = exp(-x²/2) / √(2π)."""
    return _in_blocks(_gelu_erf_derivative_block, x, None)


# GELU with tanh: x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2


def _gelu_tanh_block(x: Array) -> Array:
    xp = array_module(x)
    t = xp.square(x)
    t *= 0.044715
    t += 1.0
    t *= x
    t *= _SQRT_2_OVER_PI
    xp.tanh(t, out=t)
    t += 1.0
    t *= x
    t *= 0.5
    return t


def gelu_tanh(x: Array, out: Array | None = None) -> Array:
    """x (...) -> x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2."""
    if fused.usable(x, out):
        return fused.bias_activation("gelu_tanh", x, None, None, out)
    return _in_blocks(_gelu_tanh_block, x, out)


def _gelu_tanh_derivative_block(x: Array) -> Array:
    """With u = √(2/π) (x + 0.044715 x³) and t = tanh u: (1 + t) / 2 + x (1 - t²) u' / 2."""
    xp = array_module(x)
    square = xp.square(x)
    t = xp.tanh(_SQRT_2_OVER_PI * x * (1.0 + 0.044715 * square))
    du = _SQRT_2_OVER_PI * (1.0 + 3 * 0.044715 * square)
    return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - xp.square(t)) * du


def gelu_tanh_derivative(x: Array) -> Array:
    """x (...) -> the derivative of `gelu_tanh`."""
    return _in_blocks(_gelu_tanh_derivative_block, x, None)


def gelu_10(x: Array, out: Array | None = None) -> Array:
    """x (...) -> gelu_erf(x) limited to -10 .. 10."""
    xp = array_module(x)
    y = gelu_erf(x, out)
    return xp.clip(y, -10.0, 10.0, out=y)


def gelu_10_derivative(x: Array) -> Array:
    """x (...) -> gelu'(x) where gelu(x) lies within -10 .. 10, else 0."""
    return gelu_erf_derivative(x) * (gelu_erf(x) <= 10.0)


# The rest, each on one line of algebra


def sigmoid(x: Array, out: Array | None = None) -> Array:
    """x (...) -> 1 / (1 + exp(-x)), through tanh so that nothing overflows."""
    xp = array_module(x)
    y = xp.multiply(x, 0.5, out=out)
    xp.tanh(y, out=y)
    y += 1.0
    y *= 0.5
    return y


def sigmoid_derivative(x: Array) -> Array:
    """x (...) -> σ (1 - σ)."""
    s = sigmoid(x)
    return s * (1.0 - s)


def _scaled_silu(scale: float) -> tuple[Callable[..., Array], Callable[[Array], Array]]:
    """x σ(scale x), and its derivative σ + scale x σ (1 - σ)."""

    def forward(x: Array, out: Array | None = None) -> Array:
        s = sigmoid(x * scale)
        return array_module(x).multiply(x, s, out=out)

    def derivative(x: Array) -> Array:
        s = sigmoid(x * scale)
        return s + scale * x * s * (1.0 - s)

    return forward, derivative


def tanh(x: Array, out: Array | None = None) -> Array:
    """x (...) -> tanh(x)."""
    return array_module(x).tanh(x, out=out)


def tanh_derivative(x: Array) -> Array:
    """x (...) -> 1 - tanh²(x)."""
    xp = array_module(x)
    return 1.0 - xp.square(xp.tanh(x))


def relu(x: Array, out: Array | None = None) -> Array:
    """x (...) -> max(x, 0)."""
    return array_module(x).maximum(x, 0.0, out=out)


def relu_derivative(x: Array) -> Array:
    """x (...) -> 1 where x > 0, else 0."""
    return (x > 0).astype(x.dtype)


def relu2(x: Array, out: Array | None = None) -> Array:
    """x (...) -> max(x, 0)²."""
    y = relu(x, out)
    y *= y
    return y


def relu2_derivative(x: Array) -> Array:
    """x (...) -> 2 max(x, 0)."""
    return 2.0 * relu(x)


def relu6(x: Array, out: Array | None = None) -> Array:
    """x (...) -> x limited to 0 .. 6."""
    return array_module(x).clip(x, 0.0, 6.0, out=out)


def relu6_derivative(x: Array) -> Array:
    """x (...) -> 1 where 0 < x < 6, else 0."""
    return ((x > 0) & (x < 6)).astype(x.dtype)


_LEAK = 0.01


def leaky_relu(x: Array, out: Array | None = None) -> Array:
    """x (...) -> x where x > 0, else 0.01 x."""
    xp = array_module(x)
    return xp.maximum(x, x * _LEAK, out=out)


def leaky_relu_derivative(x: Array) -> Array:
    """x (...) -> 1 where x > 0, else 0.01."""
    return array_module(x).where(x > 0, 1.0, _LEAK).astype(x.dtype)


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017


def selu(x: Array, out: Array | None = None) -> Array:
    """x (...) -> s x where x > 0, else s a (exp(x) - 1); s = 1.0507, a = 1.6733."""
    xp = array_module(x)
    below = (_SELU_SCALE * _SELU_ALPHA) * xp.expm1(xp.minimum(x, 0.0))
    above = _SELU_SCALE * xp.maximum(x, 0.0)
    return xp.add(below, above, out=out)


def selu_derivative(x: Array) -> Array:
    """x (...) -> s where x > 0, else s a exp(x)."""
    xp = array_module(x)
    below = (_SELU_SCALE * _SELU_ALPHA) * xp.exp(xp.minimum(x, 0.0))
    return xp.where(x > 0, below.dtype.type(_SELU_SCALE), below)


def _softplus(x: Array) -> Array:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    xp = array_module(x)
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


def mish(x: Array, out: Array | None = None) -> Array:
    """x (...) -> x tanh(log(1 + exp(x)))."""
    xp = array_module(x)
    return xp.multiply(x, xp.tanh(_softplus(x)), out=out)


def mish_derivative(x: Array) -> Array:
    """x (...) -> t + x (1 - t²) σ(x), t = tanh(log(1 + exp(x)))."""
    xp = array_module(x)
    t = xp.tanh(_softplus(x))
    return t + x * (1.0 - xp.square(t)) * sigmoid(x)


_LAPLACE_MU, _LAPLACE_SIGMA = 0.707107, 0.282095


def laplace(x: Array, out: Array | None = None) -> Array:
    """x (...) -> (1 + erf((x - mu) / (sigma √2))) / 2, mu = 0.707107, sigma = 0.282095 (Ma et al. 2022)."""
    xp = array_module(x)
    return xp.multiply(1.0 + erf((x - _LAPLACE_MU) / (_LAPLACE_SIGMA * math.sqrt(2.0))), 0.5, out=out)


def laplace_derivative(x: Array) -> Array:
    """x (...) -> the normal density with mean mu and deviation sigma."""
    xp = array_module(x)
    return xp.exp(-0.5 * xp.square((x - _LAPLACE_MU) / _LAPLACE_SIGMA)) * (_INV_SQRT_2PI / _LAPLACE_SIGMA)


def identity(x: Array, out: Array | None = None) -> Array:
    """x (...) -> x."""
    if out is None or out is x:
        return x
    out[...] = x
    return out


def identity_derivative(x: Array) -> Array:
    """x (...) -> 1."""
    return array_module(x).ones_like(x)


_silu, _silu_derivative = _scaled_silu(1.0)
_quick_gelu, _quick_gelu_derivative = _scaled_silu(1.702)

# the forward functions that have kernels, by the kernels' names
FORMS: dict[Callable[..., Array], str] = {gelu_erf: "gelu_erf", gelu_tanh: "gelu_tanh"}

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
        ("quick_gelu", _quick_gelu, _quick_gelu_derivative),
        ("relu", relu, relu_derivative),
        ("relu2", relu2, relu2_derivative),
        ("relu6", relu6, relu6_derivative),
        ("leaky_relu", leaky_relu, leaky_relu_derivative),
        ("selu", selu, selu_derivative),
        ("silu swish", _silu, _silu_derivative),
        ("mish", mish, mish_derivative),
        ("laplace", laplace, laplace_derivative),
        ("sigmoid", sigmoid, sigmoid_derivative),
        ("tanh", tanh, tanh_derivative),
        ("linear", identity, identity_derivative),
    ]
    for name in names.split()
}


def bias_activation(
    activation: Activation, x: Array, bias: Array, keep_sum: bool
) -> tuple[Array, Array | None]:
    """x (..., F) of the caller's own, which is written over, bias (F,) -> f(x + bias), and x + bias if kept."""
    form = FORMS.get(activation.forward)
    if form is not None and fused.usable(x, bias):
        y = fused.bias_activation(form, x, bias, x if keep_sum else None, None if keep_sum else x)
        return y, x if keep_sum else None
    x += bias
    return activation.forward(x, out=None if keep_sum else x), x if keep_sum else None


def find_activation(hidden_act: Any) -> Activation:
    """The activation that a configuration names: a string of `ACTIVATIONS`, an `Activation`, or a function.

    A plain function f(x) is used as it is; backward through it needs an `Activation` with a derivative.

    Raises:
        ConfigError: the name is not in the table, or the value is neither a name nor a function.
    """
    if isinstance(hidden_act, Activation):
        return hidden_act
    if isinstance(hidden_act, str):
        if hidden_act in ACTIVATIONS:
            return ACTIVATIONS[hidden_act]
        if hidden_act in ("prelu", "xielu"):
            raise ConfigError(f"hidden_act {hidden_act!r} has parameters of its own, which these models do not have.")
        raise ConfigError(f"hidden_act {hidden_act!r} is unknown: choose one of {', '.join(sorted(ACTIVATIONS))}.")
    if callable(hidden_act):
        return Activation(getattr(hidden_act, "__name__", "custom"), _plain(hidden_act), None)
    raise ConfigError(f"hidden_act must be a name or a function, not {type(hidden_act).__name__}.")


def _plain(f: Callable[[Array], Array]) -> Callable[..., Array]:
    """A user's f(x) with the `out=` that the layers pass; it is never written over its input."""

    def forward(x: Array, out: Array | None = None) -> Array:
        return f(x)

    return forward

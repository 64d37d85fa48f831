"""Every activation against the formula of its name in plain `math`, its derivative against differences."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from minibert import functional as F
from minibert.errors import ConfigError
from tests.gradients import check_every_entry, frozen, rng_of


def gelu(x: float) -> float:
    return x * math.erfc(-x / math.sqrt(2)) / 2


def gelu_tanh(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def softplus(x: float) -> float:
    return max(x, 0) + math.log1p(math.exp(-abs(x)))


PLAIN: dict[str, Callable[[float], float]] = {
    **dict.fromkeys(["gelu", "gelu_python"], gelu),
    **dict.fromkeys(["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"], gelu_tanh),
    "gelu_10": lambda x: min(10.0, max(-10.0, gelu(x))),
    "quick_gelu": lambda x: x * sigmoid(1.702 * x),
    "relu": lambda x: max(x, 0.0),
    "relu2": lambda x: max(x, 0.0) ** 2,
    "relu6": lambda x: min(max(x, 0.0), 6.0),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "selu": lambda x: 1.0507009873554804934193349852946
    * (x if x > 0 else 1.6732632423543772848170429916717 * math.expm1(x)),
    "silu": lambda x: x * sigmoid(x),
    "swish": lambda x: x * sigmoid(x),
    "mish": lambda x: x * math.tanh(softplus(x)),
    "laplace": lambda x: 0.5 * (1 + math.erf((x - 0.707107) / (0.282095 * math.sqrt(2)))),
    "sigmoid": sigmoid,
    "tanh": math.tanh,
    "linear": lambda x: x,
}
# off every kink; out to where each is flat or straight
POINTS = frozen(np.concatenate([np.linspace(-12.03, 12.02, 400), [-40.0, -6.5, 6.5, 11.0, 40.0]]))
# f' where f has a kink, as PyTorch has it
AT_KINKS = {
    "relu": {0.0: 0.0},
    "relu2": {0.0: 0.0},
    "relu6": {0.0: 0.0, 6.0: 0.0},
    "leaky_relu": {0.0: 0.01},
    "selu": {0.0: 1.0507009873554805 * 1.6732632423543772},
}


def test_the_table_is_complete() -> None:
    assert set(PLAIN) == set(F.ACTIVATIONS)
    assert all(activation.name == name for name, activation in F.ACTIVATIONS.items())


@pytest.mark.parametrize("name", PLAIN)
def test_values(name: str) -> None:
    y = F.ACTIVATIONS[name].forward(POINTS)
    expected = [PLAIN[name](float(x)) for x in POINTS]
    np.testing.assert_allclose(y, expected, rtol=4e-15, atol=2e-15)


@pytest.mark.parametrize("name", PLAIN)
def test_derivatives(name: str) -> None:
    derivative = F.ACTIVATIONS[name].derivative
    assert derivative is not None
    h = 1e-3
    for x, d in zip(POINTS.tolist(), derivative(POINTS), strict=True):
        f = PLAIN[name]
        numeric = (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)
        assert d == pytest.approx(numeric, abs=2e-9, rel=1e-9), x
    for x, expected in AT_KINKS.get(name, {}).items():
        assert derivative(np.array([x]))[0] == pytest.approx(expected, rel=1e-15), x


@pytest.mark.parametrize("name", PLAIN)
def test_backward(name: str) -> None:
    x = rng_of(24).normal(size=(2, 3, 4)) * 2
    activation = F.ACTIVATIONS[name]
    check_every_entry(lambda: activation.forward(x), lambda dy: activation.backward(dy, x), {"x": x})


@pytest.mark.parametrize("name", PLAIN)
def test_float32(name: str) -> None:
    x = frozen(POINTS.astype(np.float32))
    activation = F.ACTIVATIONS[name]
    y, dy = activation.forward(x), activation.backward(frozen(np.ones_like(x)), x)
    assert y.dtype == dy.dtype == np.float32
    wide = x.astype(np.float64)
    for narrow, exact in ((y, activation.forward(wide)), (dy, activation.backward(np.ones_like(wide), wide))):
        assert (np.abs(narrow - exact) / np.maximum(1.0, np.abs(exact))).max() < 2e-6


def test_strides() -> None:
    x = rng_of(26).normal(size=(300, 400))
    for name, activation in F.ACTIVATIONS.items():
        np.testing.assert_allclose(activation.forward(x.T), activation.forward(x).T, rtol=1e-14, err_msg=name)
        np.testing.assert_allclose(
            activation.backward(x.T, x.T), activation.backward(x, x).T, rtol=1e-14, atol=1e-15, err_msg=name
        )


def test_backward_leaves_its_arguments() -> None:
    x, dy = frozen(rng_of(27).normal(size=(3, 4))), frozen(rng_of(28).normal(size=(3, 4)))
    for activation in F.ACTIVATIONS.values():
        dx = activation.backward(dy, x)
        assert not np.shares_memory(dx, dy)
        assert not np.shares_memory(dx, x)


def test_no_activation_overflows() -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for name, activation in F.ACTIVATIONS.items():
            for dtype in (np.float32, np.float64):
                x = np.array([-1e3, -100.0, 0.0, 100.0, 1e3], dtype)
                assert np.isfinite(activation.forward(x)).all(), name
                assert np.isfinite(activation.backward(np.ones_like(x), x)).all(), name


def test_find_activation() -> None:
    assert F.find_activation("gelu") is F.ACTIVATIONS["gelu"]
    own = F.Activation("own", lambda x: x**3, lambda x: 3 * x**2)
    assert F.find_activation(own) is own
    np.testing.assert_array_equal(own.backward(np.array([2.0]), np.array([3.0])), [54.0])

    def cube(x: np.ndarray) -> np.ndarray:
        return x**3

    plain = F.find_activation(cube)
    assert plain.name == "cube"
    x = np.array([2.0])
    np.testing.assert_array_equal(plain.forward(x), [8.0])
    with pytest.raises(ConfigError) as error:
        plain.backward(x, x)
    assert str(error.value) == (
        "activation 'cube' is a function without a derivative, so backward cannot pass it: give "
        "hidden_act as minibert.functional.Activation(name, forward, derivative)."
    )


@pytest.mark.parametrize(
    ("hidden_act", "text"),
    [
        (
            "gelux",
            "hidden_act 'gelux' is unknown: choose one of gelu, gelu_10, gelu_accurate, gelu_fast, gelu_new, "
            "gelu_python, gelu_python_tanh, gelu_pytorch_tanh, laplace, leaky_relu, linear, mish, quick_gelu, relu, "
            "relu2, relu6, selu, sigmoid, silu, swish, tanh.",
        ),
        ("prelu", "hidden_act 'prelu' has parameters of its own, which these models do not have."),
        ("xielu", "hidden_act 'xielu' has parameters of its own, which these models do not have."),
        (3, "hidden_act must be a name or a function, not int."),
        (None, "hidden_act must be a name or a function, not NoneType."),
    ],
)
def test_find_activation_refuses(hidden_act: object, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        F.find_activation(hidden_act)
    assert str(error.value) == text

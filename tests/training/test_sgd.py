"""SGD: the steps by hand, momentum in PyTorch's form, and wrong numbers."""

import numpy as np
import pytest

import minibert as mb
from minibert.training.sgd import momentum_step, sgd_step

MODEL = {"a.weight": np.ones((2, 3)), "a.bias": np.ones(3)}


def test_a_step_without_momentum() -> None:
    theta = np.array([1.0, -2.0])
    sgd_step(theta, np.array([0.5, 0.25]), lr=0.1, decay=0.5)
    np.testing.assert_allclose(theta, [1.0 - 0.1 * (0.5 + 0.5), -2.0 - 0.1 * (0.25 - 1.0)], rtol=1e-15)


@pytest.mark.parametrize("nesterov", [False, True])
def test_steps_with_momentum_by_hand(nesterov: bool) -> None:
    theta, b, place, memory = np.array([1.0]), np.zeros(1), 1.0, 0.0
    for g in (1.0, -0.5, 0.25):
        momentum_step(theta, np.array([g]), b, 0.1, 0.2, momentum=0.9, dampening=0.0, nesterov=nesterov)
        g = g + 0.2 * place
        memory = 0.9 * memory + g
        place -= 0.1 * (g + 0.9 * memory if nesterov else memory)
        np.testing.assert_allclose([theta[0], b[0]], [place, memory], rtol=1e-14)


def test_the_first_momentum_is_the_gradient_itself() -> None:
    """Whatever the dampening is, as in PyTorch."""
    weights = {"w": np.zeros(1)}
    optimizer = mb.SGD(weights, lr=1.0, momentum=0.5, dampening=0.75)
    optimizer.step({"w": np.ones(1)})
    assert weights["w"].tolist() == [-1.0]
    optimizer.step({"w": np.ones(1)})
    assert weights["w"].tolist() == [-1.0 - (0.5 * 1.0 + 0.25 * 1.0)]


def test_without_momentum_there_is_no_state() -> None:
    optimizer = mb.SGD({"w": np.zeros(1)}, lr=1.0)
    optimizer.step({"w": np.ones(1)})
    assert optimizer.state == {"w": {}}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mb.SGD(MODEL, momentum=-1), "momentum is -1"),
        (
            lambda: mb.SGD(MODEL, nesterov=True),
            "nesterov needs a momentum above 0 and no dampening: they are 0.0 and 0.0",
        ),
    ],
)
def test_mistakes_are_one_sentence(make, message: str) -> None:
    with pytest.raises(mb.InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(MODEL["a.weight"], np.ones((2, 3)))

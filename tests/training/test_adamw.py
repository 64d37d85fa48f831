"""AdamW: the step against the paper's formulas, its forms, and wrong numbers."""

import math

import numpy as np
import pytest

import minibert as mb
from minibert.training.adamw import adamw_step, towards

MODEL = {"a.weight": np.ones((2, 3)), "a.bias": np.ones(3)}


@pytest.mark.parametrize("beta1", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_step_is_algorithm_2(beta1: float, decay: float) -> None:
    """Written once more as the paper has it, moment by moment."""
    rng = np.random.default_rng(0)
    theta, m, v = rng.normal(size=(3, 4)), np.zeros((3, 4)), np.zeros((3, 4))
    expected, first, second = theta.copy(), m.copy(), v.copy()
    for t in range(1, 6):
        g = rng.normal(size=(3, 4))
        adamw_step(theta, g, m, v, t, alpha=0.1, beta1=beta1, beta2=0.99, epsilon=1e-8, decay=decay)
        first = beta1 * first + (1 - beta1) * g
        second = 0.99 * second + (1 - 0.99) * g**2
        m_hat, v_hat = first / (1 - beta1**t), second / (1 - 0.99**t)
        expected = expected - 0.1 * (m_hat / (np.sqrt(v_hat) + 1e-8) + decay * expected)
        np.testing.assert_allclose(m, first, rtol=1e-12)
        np.testing.assert_allclose(v, second, rtol=1e-12)
        np.testing.assert_allclose(theta, expected, rtol=1e-12)


def test_the_first_step_is_as_long_as_the_learning_rate() -> None:
    """m̂ / √v̂ is the gradient's sign then, however large the gradient is."""
    theta = np.zeros(3)
    adamw_step(
        theta, np.array([1e-3, -5.0, 1e3]), np.zeros(3), np.zeros(3), 1,
        alpha=0.1, beta1=0.9, beta2=0.999, epsilon=0.0, decay=0.0,
    )  # fmt: skip
    np.testing.assert_allclose(theta, [-0.1, 0.1, -0.1], rtol=1e-12)


@pytest.mark.parametrize("beta1", [0.0, 0.4, 0.5, 0.6, 1.0])
def test_a_way_towards_the_gradient_is_exact_at_both_ends(beta1: float) -> None:
    rng = np.random.default_rng(1)
    g, m = rng.normal(size=50), 1e9 * rng.normal(size=50)
    start = m.copy()
    towards(g, m, beta1)
    np.testing.assert_allclose(m, beta1 * start + (1 - beta1) * g, rtol=1e-12)
    if beta1 in (0.0, 1.0):
        np.testing.assert_array_equal(m, start if beta1 else g)


def test_the_state_has_pytorchs_names() -> None:
    weights = {"w": np.ones(2)}
    optimizer = mb.AdamW(weights)
    optimizer.step({"w": np.ones(2)})
    assert list(optimizer.state["w"]) == ["step", "exp_avg", "exp_avg_sq"]
    assert optimizer.state["w"]["step"] == 1
    assert math.isclose(optimizer.state["w"]["exp_avg"][0], 0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mb.AdamW(MODEL, lr=-1), "lr is -1: a number of at least 0 belongs there"),
        (lambda: mb.AdamW(MODEL, lr="fast"), "lr is 'fast': a number"),
        (lambda: mb.AdamW(MODEL, lr=float("nan")), "lr is nan"),
        (lambda: mb.AdamW(MODEL, betas=(0.9, 1.0)), r"betas\[1\] is 1.0: a number of at least 0 and below 1"),
        (lambda: mb.AdamW(MODEL, betas=0.9), "betas is 0.9: two numbers"),
        (lambda: mb.AdamW(MODEL, eps=-1e-8), "eps is -1e-08"),
    ],
)
def test_mistakes_are_one_sentence(make, message: str) -> None:
    with pytest.raises(mb.InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(MODEL["a.weight"], np.ones((2, 3)))

"""The smallest modules: what they compute, what they call it, and what their parameters learn."""

import numpy as np
import pytest

from minibert import functional as F
from minibert.models.module import Dropout, Embedding, LayerNorm, Linear, Module, activate, activate_backward
from minibert.models.parameters import Parameters
from minibert.trace import Backward, Run, Trace
from tests.gradients import rng_of
from tests.models import by_hand
from tests.models.parts import check_part, filled, traced

X = rng_of(75).normal(size=(2, 3, 5))


def test_a_path_is_a_name_in_the_checkpoint() -> None:
    parameters = Parameters("float64", "numpy")
    assert Module("bert.pooler", parameters).at("dense") == "bert.pooler.dense"
    assert Module("", parameters).at("dense") == "dense"
    Linear("bert.pooler.dense", parameters, 5, 4, "B D", "x Wᵀ + b")
    assert parameters.shapes == {"bert.pooler.dense.weight": (4, 5), "bert.pooler.dense.bias": (4,)}


def test_a_parameter_may_have_another_name() -> None:
    parameters = Parameters("float64", "numpy")
    module = Module("decoder", parameters)
    module.declare("bias", (3,), "zeros", name="predictions.bias")
    assert module.names == {"bias": "predictions.bias"}
    assert parameters.shapes == {"predictions.bias": (3,)}


def linear() -> Linear:
    return filled(lambda parameters: Linear("dense", parameters, 5, 4, "B T O", "x Wᵀ + b"))


def test_linear() -> None:
    part = linear()
    np.testing.assert_allclose(part.forward(X, Run()), by_hand.linear(X, part.parameters, "dense"), rtol=1e-13)
    check_part(
        part, lambda run, x: part.forward(x, run), lambda dy, back: (part.backward(dy, back),), {"x": X.copy()}
    )
    assert part.backward(None, Backward(traced_pass(part), {})) is None


def traced_pass(part: Linear) -> Trace:
    run, trace = traced(part)
    part.forward(X, run)
    assert trace.points["dense"].shape == "B T O"
    assert trace.points["dense"].formula == "x Wᵀ + b"
    return trace


def test_activate() -> None:
    part, square = linear(), F.Activation("square", lambda x: x * x, lambda x: 2 * x)
    expected = by_hand.linear(X, part.parameters, "dense") ** 2
    np.testing.assert_allclose(activate(part, square, X, Run(), "act"), expected, rtol=1e-12)
    check_part(
        part,
        lambda run, x: activate(part, square, x, run, "act"),
        lambda dy, back: (activate_backward(part, square, dy, back, "act"),),
        {"x": X.copy()},
    )


def layer_norm() -> LayerNorm:
    return filled(lambda parameters: LayerNorm("norm", parameters, 5, 1e-3, "B T D"))


def test_layer_norm() -> None:
    part = layer_norm()
    expected = by_hand.layer_norm(X, part.parameters, "norm", 1e-3)
    np.testing.assert_allclose(part.forward(X, Run()), expected, rtol=1e-12, atol=1e-13)
    check_part(
        part, lambda run, x: part.forward(x, run), lambda dy, back: (part.backward(dy, back),), {"x": X.copy()}
    )


def test_a_norm_records_what_it_divides_by() -> None:
    part = layer_norm()
    run, trace = traced(part)
    part.forward(X, run, name="output", also=("dropout",))
    np.testing.assert_allclose(trace["norm.rstd"], 1 / np.sqrt(X.var(axis=-1, keepdims=True) + 1e-3), rtol=1e-12)
    np.testing.assert_allclose(
        trace["norm.normalized"], (X - X.mean(axis=-1, keepdims=True)) * trace["norm.rstd"], rtol=1e-11, atol=1e-13
    )
    assert trace.points["norm.rstd"].formula == "1 / √(var(x) + eps)"
    assert trace.points["output"].aliases == ("dropout", "norm")


def test_embedding() -> None:
    part = filled(lambda parameters: Embedding("words", parameters, 6, 5, padding_idx=0))
    ids = np.array([[3, 1], [3, 0]])
    run, trace = traced(part)
    np.testing.assert_array_equal(part.forward(ids, run), part.parameters["words.weight"][ids])
    back, dy = Backward(trace, {}), rng_of(76).normal(size=(2, 2, 5))
    back.add("words.weight", np.ones((6, 5)))  # of a tied output layer
    part.backward(dy, back)
    expected = np.ones((6, 5))
    expected[3] += dy[0, 0] + dy[1, 0]
    expected[1] += dy[0, 1]
    np.testing.assert_allclose(back.grads["words.weight"], expected, rtol=1e-13)


def dropout(p: float) -> Dropout:
    return filled(lambda parameters: Dropout("dropout", parameters, p, "B T D"))


@pytest.mark.parametrize(("p", "training"), [(0.3, False), (0.0, True)])
def test_nothing_is_dropped(p: float, training: bool) -> None:
    part = dropout(p)
    run, trace = traced(part, np.random.default_rng(6) if training else None)
    assert part.forward(X, run) is X
    assert part.alias(run) == ("dropout",)  # the step before is called so too
    assert part.backward(X, Backward(trace, {})) is X


def test_what_stays_is_scaled_up() -> None:
    part, x = dropout(0.3), rng_of(77).normal(size=(40, 50))
    run, trace = traced(part, np.random.default_rng(6))
    y = part.forward(x, run)
    kept = trace["dropout.mask"]
    assert kept.mean() == pytest.approx(0.7, abs=0.03)
    np.testing.assert_allclose(y, np.where(kept, x / 0.7, 0.0), rtol=1e-13)
    assert part.alias(run) == ()
    dx = part.backward(np.ones_like(x), Backward(trace, {}))
    np.testing.assert_allclose(dx, kept / 0.7, rtol=1e-13)

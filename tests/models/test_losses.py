"""The losses as steps of a pass: what they record, and what their backwards do without a loss or a gradient."""

from typing import Any

import numpy as np
import pytest

from minibert.models.losses import (
    classification_loss,
    classification_loss_backward,
    next_token_loss,
    next_token_loss_backward,
    problem_loss,
    problem_loss_backward,
    span_loss,
    span_loss_backward,
)
from minibert.models.parameters import Parameters
from minibert.trace import Backward, Run, Trace

RNG = np.random.default_rng(3)
LOGITS, LABELS = RNG.normal(size=(2, 4)), np.array([3, 0])


def run_of(trace: Trace) -> Run:
    return Run(trace, None, Parameters("float64", "numpy"))


def negative_log(logits: np.ndarray, label: int) -> float:
    return float(np.log(np.exp(logits).sum()) - logits[label])


def test_a_loss_records_itself() -> None:
    trace = Trace()
    loss = classification_loss(LOGITS, LABELS, run_of(trace))
    expected = (negative_log(LOGITS[0], 3) + negative_log(LOGITS[1], 0)) / 2
    assert float(trace["loss"]) == float(loss) == pytest.approx(expected, rel=1e-13)
    dlogits = classification_loss_backward(Backward(trace, {"loss": np.array(1.0)}))
    probs = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(dlogits, (probs - np.eye(4)[LABELS]) / 2, rtol=1e-12)


def test_the_label_of_a_token_is_the_next() -> None:
    logits, trace = RNG.normal(size=(1, 3, 4)), Trace()
    loss = next_token_loss(logits, np.array([[2, 1, 3]]), run_of(trace))
    assert float(loss) == pytest.approx((negative_log(logits[0, 0], 1) + negative_log(logits[0, 1], 3)) / 2, rel=1e-13)
    dlogits = next_token_loss_backward(Backward(trace, {"loss": np.array(1.0)}))
    assert dlogits is not None
    assert dlogits.shape == logits.shape
    assert not dlogits[:, -1].any()


PROBLEMS: dict[str, tuple[np.ndarray, Any]] = {
    "single_label_classification": (LABELS, lambda z, y: np.mean([negative_log(z[i], y[i]) for i in range(2)])),
    "multi_label_classification": (
        np.array([[0.0, 1, 1, 0], [1, 0, 0.5, 1]]),
        lambda z, y: np.mean(np.log1p(np.exp(z)) - y * z),
    ),
    "regression": (RNG.normal(size=(2, 4)), lambda z, y: np.mean((z - y) ** 2)),
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_problem_has_its_loss(problem: str) -> None:
    labels, expected = PROBLEMS[problem]
    trace = Trace()
    loss = problem_loss(problem, LOGITS, labels, run_of(trace))
    assert float(loss) == pytest.approx(float(expected(LOGITS, labels)), rel=1e-12)
    dlogits = problem_loss_backward(Backward(trace, {"loss": np.array(1.0)}))
    step = 1e-6 * np.eye(8)[5].reshape(2, 4)
    slope = (expected(LOGITS + step, labels) - expected(LOGITS - step, labels)) / 2e-6
    assert dlogits is not None
    assert dlogits[1, 1] == pytest.approx(slope, rel=1e-6)


def test_a_span_is_two_losses() -> None:
    start, end, trace = LOGITS, LOGITS[:, ::-1].copy(), Trace()
    loss = span_loss(start, end, np.array([1, 4]), np.array([2, 3]), run_of(trace))  # 4 is outside the text
    assert float(trace["start_loss"]) == pytest.approx(negative_log(start[0], 1), rel=1e-13)
    assert float(loss) == pytest.approx((float(trace["start_loss"]) + float(trace["end_loss"])) / 2, rel=1e-13)
    dstart, dend = span_loss_backward(Backward(trace, {"loss": np.array(1.0)}))
    assert dstart is not None
    assert dend is not None
    assert not dstart[1].any()
    assert dend.any()


@pytest.mark.parametrize("backward", [classification_loss_backward, next_token_loss_backward, problem_loss_backward])
def test_without_labels_there_is_no_gradient(backward: Any) -> None:
    trace = Trace()
    run_of(trace)
    assert backward(Backward(trace, {})) is None


def test_without_a_gradient_of_the_loss_there_is_none_of_the_logits() -> None:
    for problem, (labels, _) in PROBLEMS.items():
        trace = Trace()
        problem_loss(problem, LOGITS, labels, run_of(trace))
        assert problem_loss_backward(Backward(trace, {})) is None

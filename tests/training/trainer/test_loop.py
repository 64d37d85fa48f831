"""The loop: small batches are one large batch, and what it hands on and refuses."""

import itertools
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.training.trainer.loop import add_gradients, training_loop
from tests.training.trainer.labelled import IDS, LABELS, TOKEN_LABELS, build


class Recorded:
    """An optimiser and a schedule that change nothing and remember the gradients."""

    def __init__(self) -> None:
        self.grads: dict[str, np.ndarray] = {}
        self.calls: list[str] = []

    def step(self, grads: dict[str, np.ndarray] | None = None) -> None:
        if grads is None:
            self.calls.append("schedule")
        else:
            self.calls.append("step")
            self.grads = dict(grads)


def gradients_of_a_step(model: Any, batches: list[dict[str, Any]]) -> tuple[float, dict[str, np.ndarray]]:
    """The loss and the gradients that one step of the loop finds."""
    recorded, losses = Recorded(), []
    training_loop(model, recorded, recorded, [(0, batches)], lambda loss, norm, batches: losses.append(loss))
    return losses[0], recorded.grads


@pytest.mark.parametrize("name", LABELS)
def test_small_batches_give_the_large_batchs_loss_and_gradients(name: str) -> None:
    model = build(name)
    whole = {"input_ids": IDS, **LABELS[name]}
    loss, grads = gradients_of_a_step(model, [whole])
    assert loss == pytest.approx(float(model(**whole).loss), rel=1e-13)
    for cuts in ([0, 1, 2, 3, 4, 5, 6], [0, 4, 6], [0, 1, 6]):
        parts = [{key: value[a:b] for key, value in whole.items()} for a, b in itertools.pairwise(cuts)]
        summed_loss, summed = gradients_of_a_step(model, parts)
        assert summed_loss == pytest.approx(loss, rel=1e-12)
        assert list(summed) == list(grads)
        for key, gradient in grads.items():
            np.testing.assert_allclose(summed[key], gradient, rtol=1e-9, atol=1e-13, err_msg=key)


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        ({"num_labels": 1}, np.arange(6.0)),
        ({"num_labels": 3, "problem_type": "multi_label_classification"}, (IDS[:, :3] % 2).astype(float)),
    ],
)
def test_regression_and_many_labels_are_weighted_by_texts(config: dict, labels: np.ndarray) -> None:
    model = build("BertForSequenceClassification", **config)
    whole = {"input_ids": IDS, "labels": labels}
    loss, grads = gradients_of_a_step(model, [whole])
    parts = [{key: value[a:b] for key, value in whole.items()} for a, b in ((0, 1), (1, 6))]
    summed_loss, summed = gradients_of_a_step(model, parts)
    assert summed_loss == pytest.approx(loss, rel=1e-12)
    for key, gradient in grads.items():
        np.testing.assert_allclose(summed[key], gradient, rtol=1e-9, atol=1e-13)


def test_batches_without_labels_that_count_are_left_out() -> None:
    model = build("BertForTokenClassification")
    ignored = {"input_ids": IDS, "labels": np.full((6, 9), -100)}
    counted = {"input_ids": IDS, "labels": TOKEN_LABELS}
    alone, _ = gradients_of_a_step(model, [counted])
    assert gradients_of_a_step(model, [ignored, counted])[0] == alone
    assert gradients_of_a_step(model, [ignored, ignored]) == (0.0, {})


def test_every_step_of_the_loop_in_its_order() -> None:
    model = build("BertForTokenClassification")
    batch = {"input_ids": IDS, "labels": TOKEN_LABELS}
    recorded = Recorded()
    forward, backward = model.forward, model.backward
    model.forward = lambda **given: recorded.calls.append("forward") or forward(**given)
    model.backward = lambda *given: recorded.calls.append("backward") or backward(*given)
    norms = []

    def after_step(loss: float, norm: float, batches: Any) -> None:
        recorded.calls.append("after")
        norms.append(norm)

    training_loop(
        model, recorded, recorded, [(0, [batch, batch]), (1, [batch])], after_step, max_grad_norm=0.01,
        on_trace=lambda done, number, trace: recorded.calls.append(f"trace {done} {number}"),
    )  # fmt: skip
    assert recorded.calls == [
        "forward", "trace 0 0", "backward", "forward", "trace 0 1", "backward", "step", "schedule", "after",
        "forward", "trace 1 0", "backward", "step", "schedule", "after",
    ]  # fmt: skip
    assert norms[0] == pytest.approx(norms[1], rel=1e-12)
    assert norms[0] > 0.01  # before clipping
    after = np.sqrt(sum((gradient**2).sum() for gradient in recorded.grads.values()))
    assert after == pytest.approx(0.01, rel=1e-3)


def test_a_loss_that_is_no_number_stops_before_the_update() -> None:
    model, recorded = build("BertForTokenClassification"), Recorded()
    model.parameters["classifier.bias"][0] = np.inf
    batch = {"input_ids": IDS, "labels": TOKEN_LABELS}
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(mb.InputError, match=r"the loss of step 8 is (nan|inf)"),
    ):
        training_loop(model, recorded, recorded, [(7, [batch])], lambda *_: None)
    assert recorded.calls == []


def test_a_step_that_overflows_in_float16_is_left_out() -> None:
    model, recorded = build("BertForTokenClassification"), Recorded()
    batch = {"input_ids": IDS, "labels": TOKEN_LABELS}
    real = model.backward

    def overflowing(trace: mb.Trace, seeds: dict[str, float]) -> dict[str, np.ndarray]:
        grads = real(trace, seeds)
        if seeds["loss"] > 2.0:
            grads["classifier.bias"][0] = np.inf
        return grads

    model.backward = overflowing
    scaler = mb.LossScaler(init_scale=4.0)
    training_loop(model, recorded, recorded, [(i, [batch]) for i in range(2)], lambda *_: None, scaler=scaler)
    assert recorded.calls == ["schedule", "step", "schedule"]
    assert scaler.scale == 2.0
    expected = gradients_of_a_step(build("BertForTokenClassification"), [batch])[1]
    for name, gradient in expected.items():
        np.testing.assert_allclose(recorded.grads[name], gradient, rtol=1e-12, atol=1e-15, err_msg=name)


def test_gradients_are_added_in_place() -> None:
    grads = {"a": np.ones(2)}
    a = grads["a"]
    add_gradients(grads, {"a": np.full(2, 3.0), "b": np.ones(1)})
    assert grads["a"] is a
    assert a.tolist() == [4.0, 4.0]
    assert list(grads) == ["a", "b"]

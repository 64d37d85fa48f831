"""Backward over a trace: where gradients arrive and may enter, and every misuse."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.call_settings import BARE, message, setting
from tests.random_cases import CLASSES
from tests.small_models import SIZES, B, D, N, T, V, small_inputs, small_model


@pytest.mark.parametrize(("class_name", "label"), [(name, "labels, training") for name in CLASSES if name not in BARE])
def test_every_real_value_has_a_gradient(class_name: str, label: str) -> None:
    model, inputs, _ = setting(class_name, label)
    trace = mb.Trace()
    out = model(**inputs, trace=trace)
    model.backward(trace)
    constant = {"attention_mask"}
    real = {name for name, value in trace.items() if value.dtype.kind == "f"} - constant
    real = {name for name in real if not name.endswith("extended_attention_mask")}
    # the loss may leave a head aside, and a pooler that is not part of it
    assert real == set(trace.grad)
    for name in real:
        assert trace.grad[name].shape == trace[name].shape, name
    assert trace.grad["loss"] == 1.0
    assert out.loss == trace["loss"]
    for alias in trace.points["loss"].aliases:
        assert trace.grad[alias] == 1.0
    prefix = model.base_model_prefix
    assert trace.grad["inputs_embeds"] is trace.grad[f"{prefix}.embeddings.word_embeddings"]


def test_a_trace_for_backward_frees_itself() -> None:
    """`backward` gives up what it has read."""
    model = small_model("BertForMaskedLM")
    trace = mb.Trace("backward")
    model(**small_inputs(model, labels=True), trace=trace)
    assert trace.tape
    model.backward(trace)
    assert not [name for name in trace.tape if name.endswith(("probs", "dense", "LayerNorm"))]
    assert len(trace) == len(trace.grad) == 0


def test_misuse() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    trace = mb.Trace()
    assert message(mb.TraceError, lambda: model.backward(trace)) == (
        "the trace is empty: give it to a call first, model(..., trace=trace)."
    )
    assert message(mb.TraceError, lambda: model.backward({})) == (
        "backward takes the minibert.Trace of a call, not a dict."
    )
    assert message(mb.InputError, lambda: model(**inputs, trace={})) == (
        "trace is a dict: a minibert.Trace() belongs there."
    )
    model(**inputs, trace=trace)
    assert message(mb.TraceError, lambda: model(**inputs, trace=trace)) == (
        "this trace already holds a forward pass: give each pass a new minibert.Trace()."
    )
    other = small_model("BertForMaskedLM")
    assert message(mb.TraceError, lambda: other.backward(trace)) == (
        "the trace is of another model: use the one whose call filled it."
    )
    assert model.backward(trace)  # none of these mistakes used it up
    assert message(mb.TraceError, lambda: model.backward(trace)) == (
        "the trace was already used by a backward: run the forward again with a new trace."
    )
    little = mb.Trace(["*.probs", "loss"])
    model(**inputs, trace=little)
    assert message(mb.TraceError, lambda: model.backward(little)) == (
        "the trace kept only *.probs, loss, not what backward needs: add 'backward' to what it keeps."
    )
    broken = mb.Trace()

    def fail(x: np.ndarray) -> np.ndarray:
        raise RuntimeError("stopped")

    failing = mb.BertForMaskedLM(mb.BertConfig(**{**SIZES, "hidden_act": fail}))
    with pytest.raises(RuntimeError, match="stopped"):
        failing(**small_inputs(failing, labels=True), trace=broken)
    assert message(mb.TraceError, lambda: failing.backward(broken)) == (
        "the trace's forward pass did not finish: run it again with a new trace."
    )


def test_wrong_gradients() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model)

    def traced(**more: Any) -> mb.Trace:
        trace = mb.Trace()
        model(**inputs, **more, trace=trace)
        return trace

    trace = traced(output_attentions=True)
    assert message(mb.InputError, lambda: model.backward(trace)) == (
        "the call had no labels, so there is no loss: give backward a gradient, {'logits': ...}."
    )
    assert message(mb.InputError, lambda: model.backward(trace, {})) == "gradients is empty: name at least one output."
    assert message(mb.InputError, lambda: model.backward(trace, {"logits": np.ones((2, 3))})) == (
        f"the gradient of 'logits' has shape (2, 3): (2, 3, {V}) fits."
    )
    assert message(mb.InputError, lambda: model.backward(trace, {"logit": 1.0})) == (
        "'logit' is neither an output of the call (attentions, logits) nor a name of its trace."
    )
    assert message(mb.InputError, lambda: model.backward(trace, {"attentions": np.ones(3)})) == (
        "the gradient of 'attentions' must be a tuple of 2 arrays (None for no gradient)."
    )
    assert message(mb.InputError, lambda: model.backward(trace, {"logits": [["a"]]})) == (
        "the gradient of 'logits' holds <U1 values: numbers belong there."
    )
    assert model.backward(trace, {"logits": np.ones((B, T, V))})  # none of these mistakes used it up
    assert message(mb.InputError, lambda: model.backward(traced(), {"input_ids": np.ones((B, T))})) == (
        "no gradient can enter at input_ids: nothing learned leads there."
    )


def test_gradients_may_enter_anywhere() -> None:
    """A gradient given at an intermediate is what flows from it: the parameters after it get none."""
    model = small_model("BertModel")
    inputs = small_inputs(model)
    rng = np.random.default_rng(0)
    dy = rng.normal(size=(B, T, D))

    def gradients(seeds: dict[str, Any]) -> dict[str, np.ndarray]:
        trace = mb.Trace()
        model(**inputs, output_hidden_states=True, output_attentions=True, trace=trace)
        return model.backward(trace, seeds)

    at_layer = gradients({"encoder.layer.0.output": dy})
    assert not any(name.startswith(("encoder.layer.1", "pooler")) for name in at_layer)
    for same in ({"encoder.layer.0": dy}, {"hidden_states": [None, dy, None]}):
        other = gradients(same)
        assert list(other) == list(at_layer)
        for name, gradient in at_layer.items():
            np.testing.assert_allclose(other[name], gradient, rtol=1e-13, atol=1e-15, err_msg=name)
    last = gradients({"last_hidden_state": dy})
    twice = gradients({"last_hidden_state": dy, "hidden_states": [None, None, dy]})
    for name, gradient in last.items():
        np.testing.assert_allclose(twice[name], 2 * gradient, rtol=1e-12, atol=1e-14, err_msg=name)
    at_words = gradients({"inputs_embeds": dy})
    assert [name for name, gradient in at_words.items() if gradient.any()] == ["embeddings.word_embeddings.weight"]
    np.testing.assert_allclose(at_words["embeddings.word_embeddings.weight"][7], dy[0, 1] + dy[1, 0], rtol=1e-14)
    probs = rng.normal(size=(B, N, T, T))
    by_name = gradients({"encoder.layer.1.attention.self.probs": probs})
    by_field = gradients({"attentions": (None, probs)})
    for name, gradient in by_name.items():
        np.testing.assert_allclose(by_field[name], gradient, rtol=1e-13, atol=1e-15, err_msg=name)


def test_backward_is_linear_and_leaves_its_seeds() -> None:
    model = small_model("BertForPreTraining")
    inputs = small_inputs(model, labels=True)

    def gradients(seeds: dict[str, Any] | None) -> dict[str, np.ndarray]:
        trace = mb.Trace()
        model(**inputs, trace=trace)
        return model.backward(trace, seeds)

    once, thrice = gradients(None), gradients({"loss": 3.0})
    for name, gradient in once.items():
        np.testing.assert_allclose(thrice[name], 3 * gradient, rtol=1e-12, atol=1e-14, err_msg=name)
    dlogits = np.random.default_rng(1).normal(size=(B, T, V))
    kept = dlogits.copy()
    dlogits.flags.writeable = False
    alone = gradients({"prediction_logits": dlogits})
    both = gradients({"prediction_logits": dlogits, "loss": 1.0})
    np.testing.assert_array_equal(dlogits, kept)
    for name, gradient in both.items():
        other = alone.get(name, np.zeros(gradient.shape)) + once.get(name, np.zeros(gradient.shape))
        np.testing.assert_allclose(gradient, other, rtol=1e-11, atol=1e-13, err_msg=name)

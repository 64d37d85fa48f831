"""Edits: values replaced as a pass runs, what follows follows, and gradients through them."""


import numpy as np
import pytest

import minibert as mb
from tests.small_models import small_inputs, small_model

CLASSES = ["BertForMaskedLM", "RobertaForSequenceClassification", "RemBertForQuestionAnswering",
           "BertForMultipleChoice", "BertForPreTraining"]  # fmt: skip


def editable(trace: mb.Trace) -> list[str]:
    """Names of real values that may be edited, the final loss apart."""
    internal = ("rstd", "normalized", "dropout.mask")
    return [name for name in trace if trace[name].dtype.kind == "f" and not name.endswith(internal)]


@pytest.mark.parametrize("class_name", CLASSES)
def test_adding_to_any_value_changes_the_loss_as_its_gradient_says(class_name: str) -> None:
    model = small_model(class_name)
    inputs = small_inputs(model, labels=True, head_mask=True)
    trace = mb.Trace()
    model(**inputs, trace=trace)
    model.backward(trace)
    rng = np.random.default_rng(1)
    checked = 0
    for name in editable(trace):
        if name not in trace.grad or "attention_mask" in name:
            continue
        direction, step = rng.normal(size=trace[name].shape), 1e-6
        up, down = (
            model(**inputs, edits={name: lambda x, by=sign * step * direction: x + by}).loss for sign in (1, -1)
        )
        numeric, analytic = (up - down) / (2 * step), float((trace.grad[name] * direction).sum())
        assert abs(numeric - analytic) <= 1e-7 * max(1.0, abs(analytic)), (name, numeric, analytic)
        checked += 1
    assert checked > 20


def test_an_edit_shows_before_and_after_and_leaves_what_came_earlier() -> None:
    model = small_model("BertModel")
    inputs = small_inputs(model)
    plain, edited = mb.Trace(), mb.Trace()
    model(**inputs, trace=plain)
    name = "encoder.layer.1.attention.self.probs"
    model(**inputs, trace=edited, edits={name: lambda probs: probs * 0.5})
    np.testing.assert_array_equal(edited.before[name], plain[name])
    np.testing.assert_array_equal(edited[name], plain[name] * 0.5)
    order = list(plain)
    for earlier in order[: order.index(name)]:
        np.testing.assert_array_equal(edited[earlier], plain[earlier], earlier)
    for later in ("encoder.layer.1.attention.self.context", "encoder.layer.1", "pooler"):
        assert np.abs(edited[later] - plain[later]).max() > 1e-6, later
    assert edited.table(name)[0]["edited"]
    assert "[edited]" in edited.show(name)


def test_ablating_a_head_is_the_head_mask() -> None:
    model = small_model("BertModel")
    inputs = small_inputs(model)
    heads = np.array([1.0, 0.0, 1.0, 1.0])

    def ablate(probs: np.ndarray) -> np.ndarray:
        probs[:, 1] = 0.0  # the function gets a copy, so it may write
        return probs

    names = [f"encoder.layer.{i}.attention.self.probs" for i in range(2)]
    edited = model(**inputs, edits=dict.fromkeys(names, ablate))
    masked = model(**inputs, head_mask=heads)
    np.testing.assert_allclose(edited.last_hidden_state, masked.last_hidden_state, rtol=0, atol=1e-14)


def test_patching_from_another_run_gives_that_run() -> None:
    model = small_model("BertModel")
    one, other = small_inputs(model, seed=1), small_inputs(model, seed=2)
    trace = mb.Trace()
    expected = model(**other, trace=trace)
    patched = model(
        **{**one, "attention_mask": other.get("attention_mask")},
        edits={"encoder.layer.0": lambda _: trace["encoder.layer.0"]},
    )
    np.testing.assert_array_equal(patched.last_hidden_state, expected.last_hidden_state)


def test_gradients_through_an_edit() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    name = "bert.encoder.layer.0.intermediate"
    rule = mb.Edit(lambda x: np.tanh(x), lambda dy, x: dy * (1 - np.tanh(x) ** 2))
    trace = mb.Trace()
    model(**inputs, trace=trace, edits={name: rule})
    gradient = model.backward(trace)["bert.encoder.layer.0.intermediate.dense.bias"]
    bias, step = model.bert.encoder.layer[0].intermediate.dense.bias, 1e-6
    for place in range(3):
        losses = []
        for sign in (1, -1):
            bias[place] += sign * step
            losses.append(model(**inputs, edits={name: rule}).loss)
            bias[place] -= sign * step
        numeric = (losses[0] - losses[1]) / (2 * step)
        assert abs(numeric - gradient[place]) <= 1e-7 * max(1.0, abs(numeric))


def test_an_edit_without_a_rule_hands_the_gradient_on() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    name = "bert.embeddings"
    grads = []
    for edit in (lambda x: x + 1.0, mb.Edit(lambda x: x + 1.0, lambda dy, x: dy)):
        trace = mb.Trace()
        model(**inputs, trace=trace, edits={name: edit})
        grads.append(model.backward(trace))
    for key in grads[0]:
        np.testing.assert_array_equal(grads[0][key], grads[1][key])
    cut = mb.Trace()
    model(**inputs, trace=cut, edits={name: mb.Edit(lambda x: x + 1.0, lambda dy, x: dy * 0)})
    assert not model.backward(cut)["bert.embeddings.position_embeddings.weight"].any()
    assert cut.grad[name].any()


def test_edits_hold_in_a_recomputed_layer() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    edits = {"bert.encoder.layer.1.attention.self.probs": mb.Edit(lambda p: p * 0.3, lambda dp, p: dp * 0.3)}
    grads = []
    for enable in (model.gradient_checkpointing_disable, model.gradient_checkpointing_enable):
        enable()
        trace = mb.Trace("backward")
        model(**inputs, trace=trace, edits=edits)
        grads.append(model.backward(trace))
    for name in grads[0]:
        np.testing.assert_array_equal(grads[0][name], grads[1][name], name)


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"input_ids": lambda x: x}, "input_ids cannot be edited: change the call's input"),
        ({"embeddings.LayerNorm.rstd": lambda x: x}, "rstd cannot be edited"),
        ({"encoder.layer.7": lambda x: x}, r"edits names 'encoder.layer.7', which no value of this call has \(close"),
        ({"encoder.layer.0": lambda x: None}, "the edit of encoder.layer.0 gave None: it must return the new value"),
        ({"encoder.layer.0": lambda x: x[:1]}, r"the edit of encoder.layer.0 gave shape \(1, 3, 20\): the value's is"),
    ],
)
def test_mistakes(edits, message: str) -> None:
    model = small_model("BertModel")
    with pytest.raises(mb.InputError, match=message):
        model(**small_inputs(model), edits=edits, trace=mb.Trace())

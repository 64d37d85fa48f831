"""Edits at every value of a pass, against the same change made in place; what an edit may touch, and its gradients."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.trace import Edit
from tests.gradients import check_gradients, rng_of
from tests.models.test_gradients import WITH_INTERMEDIATES, Check, Nudged, settings_of
from tests.small_models import B, D, N, T, small_inputs, small_model

FIXED = ("ids", ".normalized", ".rstd", ".mask", "attention_mask")


def flat(value: Any) -> list[np.ndarray]:
    if isinstance(value, tuple | list):
        return [array for each in value for array in flat(each)]
    return [value] if hasattr(value, "dtype") else []


@pytest.mark.parametrize(("class_name", "label"), WITH_INTERMEDIATES[:1] + WITH_INTERMEDIATES[6:14])
def test_an_edit_is_followed_everywhere(class_name: str, label: str) -> None:
    """Adding numbers to a value by an edit is the same as adding them in place as it is recorded."""
    check = Check(class_name, settings_of(class_name)[label])
    trace = mb.Trace()
    check.call(trace)
    rng = rng_of(80)
    for name, value in trace.items():
        if value.dtype.kind != "f" or name.endswith(FIXED) or value.ndim == 0:
            continue
        nudge = rng.normal(size=value.shape)
        expected = dict(check.call(Nudged(name, nudge)).items())
        edits = {name: lambda x, nudge=nudge: x + nudge}
        for kept in (None, mb.Trace(), mb.Trace("backward")):
            check.inputs["edits"] = edits
            out = dict(check.call(kept).items())
            del check.inputs["edits"]
            for field, one in out.items():
                for a, b in zip(flat(one), flat(expected[field]), strict=True):
                    np.testing.assert_array_equal(a, b, err_msg=f"{name}: {field}")
        whole = mb.Trace()
        check.inputs["edits"] = edits
        check.call(whole)
        del check.inputs["edits"]
        np.testing.assert_array_equal(whole[name], value + nudge)
        np.testing.assert_array_equal(whole.before[name], value)
        assert not getattr(whole.before[name].flags, "writeable", False)  # CuPy has no read-only arrays


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_of_parameters_go_through_edits(checkpointing: bool) -> None:
    model = small_model("BertForMaskedLM")
    model.parameters.gradient_checkpointing = checkpointing
    inputs = small_inputs(model, labels=True)
    rng = rng_of(81)
    scale, shift = rng.normal(size=(B, N, T, T)), rng.normal(size=(B, T, D))
    edits = {
        "bert.encoder.layer.1.attention.self.probs": Edit(lambda p: p * scale, lambda dp, p: dp * scale),
        "bert.encoder.layer.0.output": lambda x: x + shift,
        "bert.encoder.layer.0.intermediate": Edit(lambda x: x**2, lambda dy, x: 2 * x * dy),
        "bert.embeddings": Edit(lambda x: np.tanh(x), lambda dy, x: dy * (1 - np.tanh(x) ** 2)),
        "cls.predictions.transform": lambda x: x + 1.0,
    }
    trace = mb.Trace()
    model(**inputs, edits=edits, trace=trace)
    gradients = model.backward(trace)
    check_gradients(
        lambda: float(model(**inputs, edits=edits).loss),
        {name: model.parameters[name] for name in gradients},
        gradients,
        step=2e-4,
        entries=1,
        left_out=model.parameters.padding,
    )


def test_an_edit_gets_a_copy_and_may_use_an_alias() -> None:
    model = small_model("BertModel")
    inputs = small_inputs(model)
    seen: list[np.ndarray] = []

    def look(x: np.ndarray) -> np.ndarray:
        seen.append(x.copy())
        x[...] = 99.0  # of its own copy
        return seen[-1]

    expected = model(**inputs).last_hidden_state
    for name in ("encoder.layer.0.attention.self", "encoder.layer.0.attention.self.context", "inputs_embeds"):
        np.testing.assert_array_equal(model(**inputs, edits={name: look}).last_hidden_state, expected)
    np.testing.assert_array_equal(seen[0], seen[1])
    trace = mb.Trace()
    model(**inputs, edits={"encoder.layer.0.intermediate": look}, trace=trace)
    np.testing.assert_array_equal(trace.before["encoder.layer.0.intermediate"], seen[-1])
    np.testing.assert_array_equal(model(**inputs).last_hidden_state, expected)  # nothing stays


def test_edits_keep_the_dtype() -> None:
    model = small_model("BertModel", "float32")
    trace = mb.Trace()
    model(**small_inputs(model), edits={"encoder.layer.0.output": lambda x: x.astype(np.float64) * 2}, trace=trace)
    assert trace["encoder.layer.0.output"].dtype == trace["encoder.layer.1"].dtype == np.float32


def test_chunks_do_not_hide_values() -> None:
    whole, parts = small_model("BertModel"), small_model("BertModel", chunk_size_feed_forward=2)
    inputs = small_inputs(whole)
    shift = rng_of(83).normal(size=(B, T, D))
    for name in ("encoder.layer.0", "encoder.layer.1.output"):
        edits = {name: lambda x: x + shift}
        np.testing.assert_allclose(parts(**inputs, edits=edits)[0], whole(**inputs, edits=edits)[0], rtol=1e-12)


def test_one_array_under_two_names_is_kept_once() -> None:
    model = small_model("BertModel")
    trace = mb.Trace()
    model(**small_inputs(model), trace=trace)
    assert np.shares_memory(trace["encoder.layer.0"], trace["encoder.layer.0.output"])

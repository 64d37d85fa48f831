"""The trace: every declared point fires, with its shape; what is recorded never changes; every misuse is told."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.trace import Trace, TracePoint
from tests.call_settings import ALL, message, option_sets, setting
from tests.random_cases import CLASSES
from tests.small_models import SIZES, B, D, F, K, L, N, T, small_inputs, small_model


@pytest.mark.parametrize("class_name", CLASSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(class_name: str, dtype: str) -> None:
    """A float32 model records nothing wider: one float64 scalar on the way would double the cost of all after it."""
    for label in ("labels, training", "embeds, head mask", "encoder states, training", "relative_key_query"):
        if label not in option_sets(class_name):
            continue
        model, inputs, _ = setting(class_name, label, dtype)
        trace = mb.Trace()
        out = model(**inputs, trace=trace)
        for name, value in trace.items():
            assert value.dtype in (np.dtype(dtype), np.dtype(np.int64), np.dtype(bool)), f"{name}: {value.dtype}"
        fields = {name: value for name, value in out.items() if hasattr(value, "dtype")}
        for name, value in fields.items():
            assert value.dtype == dtype, name
        if "loss" in out:
            assert out.loss.dtype == dtype
            gradients = model.backward(trace)
        else:
            (field, value), *_ = fields.items()
            gradients = model.backward(trace, {field: np.ones(value.shape)})
        for name, value in {**gradients, **trace.grad}.items():
            assert value.dtype == dtype, f"gradient of {name}: {value.dtype}"
        untraced = model(**inputs)
        for name, value in untraced.items():
            for each in value if isinstance(value, tuple) else [value]:
                assert not hasattr(each, "dtype") or each.dtype == dtype, name


def arrays_in(value: Any) -> Iterator[np.ndarray]:
    """Every array in an output, a cache or inputs."""
    if hasattr(value, "dtype"):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from arrays_in(each)
    elif isinstance(value, tuple | list | mb.Cache):
        for each in value:
            yield from arrays_in(each)


def disturb(*values: Any) -> None:
    """Write over everything that the caller was given or gave."""
    for value in values:
        for array in arrays_in(value):
            if getattr(array.flags, "writeable", True) and array.ndim:
                array[...] = 99 if array.dtype.kind == "f" else 0


@pytest.mark.parametrize(("class_name", "label"), [*ALL])
def test_recorded_values_never_change(class_name: str, label: str) -> None:
    """Copies at record time equal what stands there after backward, further calls, and writing over all else."""
    model, inputs, _ = setting(class_name, label)
    kept: dict[str, np.ndarray] = {}

    class Copying(Trace):
        def record(self, point: TracePoint, value: Any) -> None:
            super().record(point, value)
            kept[point.name] = np.array(value)

    trace = Copying()
    out = model(**inputs, trace=trace)
    reference = mb.Trace()
    if model.training:
        model.train(3)
    again = model(**inputs, trace=reference)
    fields = {name: value for name, value in again.items() if hasattr(value, "dtype")}
    seeds = {name: np.full(value.shape, 0.5) for name, value in fields.items()}
    expected = model.backward(reference, seeds)

    model(**inputs)
    cache = {"past_key_values": out.past_key_values} if "past_key_values" in out else {}
    if cache:
        more = {name: value for name, value in inputs.items() if name in ("input_ids", "inputs_embeds")}
        model(**more, **cache)
    disturb(inputs, dict(out.items()))
    gradients = model.backward(trace, seeds)
    for name, gradient in expected.items():
        np.testing.assert_array_equal(gradients[name], gradient, err_msg=f"gradient of {name}")
    of_values = {name: gradient.copy() for name, gradient in trace.grad.items()}
    disturb(gradients, seeds)
    for name, value in trace.items():
        np.testing.assert_array_equal(value, kept[name], err_msg=name)
        assert not getattr(value.flags, "writeable", False), name  # CuPy has no read-only arrays
    for name, gradient in trace.grad.items():
        np.testing.assert_array_equal(gradient, of_values[name], err_msg=f"gradient of {name}")
        assert not getattr(gradient.flags, "writeable", False), name


@pytest.mark.parametrize("kind", ["regression", "multi_label_classification", "single_label_classification"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_labels_may_change_before_backward(kind: str, dtype: str) -> None:
    """Backward needs the labels as they were in the call, even where they are in the model's own dtype."""
    model = small_model("BertForSequenceClassification", dtype, problem_type=kind)
    inputs = small_inputs(model, labels=True)
    if inputs["labels"].dtype.kind == "f":
        inputs["labels"] = inputs["labels"].astype(dtype)
    traces = mb.Trace(), mb.Trace("backward")
    for trace in traces:
        model(**inputs, trace=trace)
    expected = model.backward(traces[0])
    inputs["labels"][...] = 0
    for name, gradient in model.backward(traces[1]).items():
        np.testing.assert_array_equal(gradient, expected[name], err_msg=name)


def test_recorded_values_are_read_only() -> None:
    model = small_model("BertModel")
    trace = mb.Trace()
    model(**small_inputs(model), trace=trace)
    with pytest.raises(ValueError, match="read-only"):
        trace["encoder.layer.0.output"][0] = 0.0


@pytest.mark.parametrize("class_name", CLASSES)
def test_a_traced_run_gives_the_same_bits(class_name: str) -> None:
    """In evaluation, and in training from the same seed; whatever the trace keeps."""
    for label in ("outputs", "labels, training", "encoder states, training"):
        if label not in option_sets(class_name):
            continue
        model, inputs, training = setting(class_name, label)
        if training:
            model.train(8)
        expected = dict(model(**inputs).items())
        for keep in ("*", "backward", "*.probs", ["*.sum", "*.dense", "*.scores"], []):
            if training:
                model.train(8)
            out = dict(model(**inputs, trace=mb.Trace(keep)).items())
            assert list(out) == list(expected)
            for name in expected:
                for one, other in zip(arrays_in((out[name],)), arrays_in((expected[name],)), strict=True):
                    np.testing.assert_array_equal(one, other, err_msg=f"{name}, kept {keep}")


@pytest.mark.parametrize("keep", ["*.probs", "*.scores", "*.sum", "*.dense", "*.normalized", "*.activation", "*",
                                  ["*.context", "backward"], "*.mask"])  # fmt: skip
@pytest.mark.parametrize("class_name", ["BertForPreTraining", "RobertaForSequenceClassification", "RemBertForCausalLM"])
def test_a_part_holds_what_the_whole_holds(class_name: str, keep: Any) -> None:
    """Whatever else is overwritten: a value that is kept is the value."""
    whole, part = mb.Trace(), mb.Trace(keep)
    for trace in (whole, part):
        model, inputs, _ = setting(class_name, "labels, training")
        model(**inputs, trace=trace)
    patterns = [keep] if isinstance(keep, str) else keep
    assert set(part) == {name for name in whole if part.keeps(name, whole.points[name].aliases)}
    assert part or "activation" in str(keep) or not patterns
    for name, value in part.items():
        np.testing.assert_array_equal(value, whole[name], err_msg=name)


def test_globs_and_aliases() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)

    def kept(keep: Any) -> list[str]:
        trace = mb.Trace(keep)
        model(**inputs, trace=trace)
        return list(trace)

    probs = [f"bert.encoder.layer.{i}.attention.self.probs" for i in range(L)]
    assert kept("*.probs") == probs
    assert kept(["*.layer.1.*.probs", "loss"]) == [probs[1], "loss"]
    assert kept(("loss", "cls.predictions")) == ["cls.predictions", "loss"]
    assert kept("bert.encoder.layer.[0]*.dropout") == [  # an alias keeps its value
        probs[0],
        "bert.encoder.layer.0.attention.output.dense",
        "bert.encoder.layer.0.output.dense",
    ]
    assert kept([]) == kept("no such name") == kept("backward") == []
    assert kept(["*.probs", "backward"]) == probs
    assert len(kept("*")) == len(model.trace_points(labels=True, attention_mask=True))
    assert kept(["*", "backward"]) == kept("*")
    assert kept("bert.encoder.*PROBS") == []  # names are case-sensitive everywhere


def test_a_trace_is_a_mapping() -> None:
    model = small_model("BertModel")
    trace = mb.Trace()
    assert len(trace) == len(trace.grad) == 0
    assert repr(trace) == "<Trace: 0 values, 0.0 MiB>"
    model(**small_inputs(model), trace=trace)
    assert list(trace.keys()) == list(trace)
    assert len(list(trace.values())) == len(trace)
    assert trace.get("nothing") is None
    assert "nothing" not in trace
    assert "encoder.layer.0" in trace
    assert "inputs_embeds" in trace  # an alias of what the ids looked up
    assert trace["inputs_embeds"] is trace["embeddings.word_embeddings"]
    assert trace.points["encoder.layer.0.attention.self.scores"].shape == "B N T S"
    assert repr(trace) == f"<Trace: {len(trace)} values, 0.0 MiB>"
    model.backward(trace, {"pooler_output": np.ones((B, D))})
    assert repr(trace) == f"<Trace: {len(trace)} values, {len(trace.grad)} gradients, 0.0 MiB>"


def test_reading_by_globs() -> None:
    model = small_model("BertModel")
    trace = mb.Trace()
    model(**small_inputs(model), trace=trace)
    probs = [f"encoder.layer.{i}.attention.self.probs" for i in range(L)]
    assert trace.names("*.probs") == probs
    assert trace.names("*.self.dropout") == probs  # an alias counts as its name
    assert trace.names() == list(trace)
    assert trace.names("nothing*") == []
    found = trace["*.probs"]
    assert list(found) == probs
    assert all(found[name] is trace[name] for name in probs)
    np.testing.assert_array_equal(trace.stack("*.probs"), np.stack([trace[name] for name in probs]))
    assert trace.stack(probs[0]).shape == (1, B, N, T, T)
    with pytest.raises(mb.TraceError, match=r"^the trace holds no value that matches '\*\.xyz' \(it holds \d+\)\.$"):
        _ = trace["*.xyz"]
    with pytest.raises(mb.TraceError) as found_error:
        trace.stack("encoder.layer.0.*dense")
    assert str(found_error.value) == (
        f"the 3 values that match 'encoder.layer.0.*dense' have different shapes: {(B, T, F)}, {(B, T, D)}."
    )


def test_formulas_hold() -> None:
    """What stands under a name is what its formula says of the values before it."""
    model = small_model("BertForSequenceClassification")
    inputs = small_inputs(model, labels=True, head_mask=True)
    trace = mb.Trace()
    model(**inputs, trace=trace)
    state = model.state_dict()

    def linear(name: str, x: np.ndarray) -> np.ndarray:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def normed(name: str, x: np.ndarray) -> np.ndarray:
        y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + SIZES["layer_norm_eps"])
        return y * state[f"{name}.weight"] + state[f"{name}.bias"]

    def heads(x: np.ndarray) -> np.ndarray:
        return x.reshape(B, T, N, K).transpose(0, 2, 1, 3)

    least = np.finfo(np.float64).min
    mask = inputs["attention_mask"]
    np.testing.assert_array_equal(
        trace["bert.extended_attention_mask"], np.where(mask == 1, 0.0, least)[:, None, None, :]
    )
    total = sum(trace[f"bert.embeddings.{kind}_embeddings"] for kind in ("word", "token_type", "position"))
    np.testing.assert_allclose(trace["bert.embeddings.sum"], total, rtol=1e-14)
    hidden = trace["bert.embeddings"]
    np.testing.assert_allclose(hidden, normed("bert.embeddings.LayerNorm", total), rtol=1e-10, atol=1e-12)
    for i in range(L):
        layer = f"bert.encoder.layer.{i}"
        inner = f"{layer}.attention.self"
        query, key, value = (trace[f"{inner}.{name}"] for name in ("query", "key", "value"))
        np.testing.assert_allclose(query, linear(f"{inner}.query", hidden), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(key, linear(f"{inner}.key", hidden), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(value, linear(f"{inner}.value", hidden), rtol=1e-12, atol=1e-13)
        scores = np.einsum("bntk,bnsk->bnts", heads(query), heads(key)) / np.sqrt(K)
        scores += trace["bert.extended_attention_mask"]
        np.testing.assert_allclose(trace[f"{inner}.scores"], scores, rtol=1e-12, atol=1e-13)
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        probs = powers / powers.sum(-1, keepdims=True)
        np.testing.assert_allclose(trace[f"{inner}.probs"], probs, rtol=1e-11, atol=1e-14)
        masked = probs * inputs["head_mask"][i][None, :, None, None]
        np.testing.assert_allclose(trace[f"{inner}.masked_probs"], masked, rtol=1e-11, atol=1e-14)
        context = np.einsum("bnts,bnsk->btnk", masked, heads(value)).reshape(B, T, D)
        np.testing.assert_allclose(trace[f"{inner}.context"], context, rtol=1e-11, atol=1e-13)
        dense = linear(f"{layer}.attention.output.dense", context)
        np.testing.assert_allclose(trace[f"{layer}.attention.output.sum"], dense + hidden, rtol=1e-11, atol=1e-12)
        attended = normed(f"{layer}.attention.output.LayerNorm", dense + hidden)
        np.testing.assert_allclose(trace[f"{layer}.attention.output"], attended, rtol=1e-10, atol=1e-11)
        dense = linear(f"{layer}.intermediate.dense", attended)
        np.testing.assert_allclose(trace[f"{layer}.intermediate.dense"], dense, rtol=1e-10, atol=1e-11)
        inner_states = mb.functional.ACTIVATIONS["gelu"].forward(dense)
        np.testing.assert_allclose(trace[f"{layer}.intermediate"], inner_states, rtol=1e-9, atol=1e-11)
        dense = linear(f"{layer}.output.dense", inner_states)
        hidden = normed(f"{layer}.output.LayerNorm", dense + attended)
        np.testing.assert_allclose(trace[layer], hidden, rtol=1e-9, atol=1e-10)
        hidden = trace[layer]
    pooled = np.tanh(linear("bert.pooler.dense", hidden[:, 0]))
    np.testing.assert_allclose(trace["bert.pooler"], pooled, rtol=1e-11)
    np.testing.assert_allclose(trace["classifier"], linear("classifier", pooled), rtol=1e-10, atol=1e-12)


def test_unknown_names() -> None:
    model = small_model("BertModel")
    trace = mb.Trace()
    model(**small_inputs(model, mask=None), trace=trace)
    text = message(mb.TraceError, lambda: trace["encoder.layer.0.attention.self.prob"])
    assert text.startswith("the trace holds no value named 'encoder.layer.0.attention.self.prob' (it holds ")
    assert f"(it holds {len(trace)}; close names: encoder.layer.0.attention.self.probs, " in text
    assert text.endswith(").")
    assert message(KeyError, lambda: trace["xyz"]) == f"the trace holds no value named 'xyz' (it holds {len(trace)})."
    assert message(mb.TraceError, lambda: trace.grad["encoder.layer.0"]).startswith(
        "the trace holds no gradient named 'encoder.layer.0' (it holds 0"
    )

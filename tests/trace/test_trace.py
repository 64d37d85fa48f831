"""The trace: every declared point fires, with its shape; what is recorded never changes; every misuse is told."""

import gc
import tracemalloc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.trace import Run, Trace, TracePoint
from tests.random_cases import CLASSES
from tests.small_models import CHOICES, DECODERS, SIZES, B, C, D, E, F, K, L, N, O, S, T, V, small_inputs, small_model

BARE = ("BertModel", "RobertaModel", "RemBertModel")

# what a call has: configuration, inputs of `small_inputs`, arguments of the call, training
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], bool]] = {
    "plain": ({}, {"mask": None, "types": False}, {}, False),
    "labels": ({}, {"labels": True}, {}, False),
    "labels, training": ({"hidden_dropout_prob": 0.2}, {"labels": True}, {}, True),
    "embeds, head mask": ({}, {"embeds": True, "head_mask": True, "positions": True}, {}, False),
    "training without attention dropout": ({"attention_probs_dropout_prob": 0.0}, {"head_mask": True}, {}, True),
    "outputs": ({}, {"labels": True}, {"output_attentions": True, "output_hidden_states": True}, False),
}
RELATIVE = {
    "relative_key": ({"position_embedding_type": "relative_key"}, {"labels": True}, {}, False),
    "relative_key_query": ({"position_embedding_type": "relative_key_query"}, {}, {}, True),
}
CROSS = {
    "decoder": ({"is_decoder": True}, {}, {"use_cache": True}, False),
    "encoder states": (
        {"is_decoder": True, "add_cross_attention": True}, {"encoder": True}, {"use_cache": False}, False,
    ),
    "encoder states, training": (
        {"is_decoder": True, "add_cross_attention": True}, {"encoder": True, "head_mask": True}, {}, True,
    ),
}  # fmt: skip


def option_sets(class_name: str) -> list[str]:
    names = list(OPTIONS)
    if not class_name.startswith("RemBert"):
        names += RELATIVE
    if class_name in BARE or class_name in DECODERS or "MaskedLM" in class_name:
        names += CROSS
    return names


ALL = [(class_name, label) for class_name in CLASSES for label in option_sets(class_name)]


def setting(class_name: str, label: str, dtype: str = "float64") -> tuple[Any, dict[str, Any], bool]:
    """The model of an option set, and its inputs."""
    config, chosen, call, training = {**OPTIONS, **RELATIVE, **CROSS}[label]
    model = small_model(class_name, dtype, **config)
    if training:
        model.train(3)
    call = {name: value for name, value in call.items() if name != "use_cache" or class_name not in MASKED_LM}
    return model, {**small_inputs(model, **chosen), **call}, training


MASKED_LM = [name for name in CLASSES if "MaskedLM" in name]


def declared(model: Any, inputs: dict[str, Any]) -> list[TracePoint]:
    """trace_points for a call with these inputs."""
    optional = {name: True for name, value in inputs.items() if isinstance(value, np.ndarray) and name != "input_ids"}
    arguments = {name: value for name, value in inputs.items() if isinstance(value, bool)}
    return model.trace_points(**optional, **arguments)


def sizes(class_name: str) -> dict[str, int]:
    texts = B * CHOICES if "Choice" in class_name else B
    classes = 1 if "Choice" in class_name else 2 if "Question" in class_name or "NextSentence" in class_name else C
    return {"B": texts, "T": T, "S": T, "D": D, "N": N, "K": K, "F": F, "E": E, "O": O, "V": V, "C": classes, "L": L,
            "choices": CHOICES, "1": 1}  # fmt: skip


def resolved(class_name: str, point: TracePoint) -> tuple[int, ...]:
    """The shape that the symbols stand for."""
    table = sizes(class_name)
    if "crossattention" in point.name or "encoder_" in point.name:
        table["S"] = S
    if point.name.startswith("cls.seq_relationship"):
        table["C"] = 2
    if point.name == "logits":  # of several choices: a row for every question
        table["B"] = B
    return tuple(table[symbol] for symbol in point.shape.split())


@pytest.mark.parametrize(("class_name", "label"), ALL)
def test_declared_points_fire_in_order_with_their_shapes(class_name: str, label: str) -> None:
    model, inputs, _ = setting(class_name, label)
    points = declared(model, inputs)
    trace = mb.Trace()
    model(**inputs, trace=trace)
    names = [point.name for point in points]
    assert names == list(trace)
    assert len(set(names)) == len(names)
    for point in points:
        assert trace.points[point.name] == point
        assert trace[point.name].shape == resolved(class_name, point), point
        assert point.formula
        for alias in point.aliases:
            assert trace[alias] is trace[point.name]
            assert alias in trace
            assert alias not in list(trace)


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


def test_dropout_that_drops_nothing_is_another_name() -> None:
    """In evaluation, and in training with p = 0, the dropout's name leads to what it leaves as it is."""
    config = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    upstream = [np.random.default_rng(0).normal(size=(B, N, T, T)) for _ in range(L)]
    found = []
    for training in (False, True):
        model = small_model("BertModel", **config)
        if training:
            model.train(0)
        inputs = small_inputs(model)
        trace = mb.Trace()
        out = model(**inputs, output_attentions=True, trace=trace)
        assert [point.name for point in model.trace_points(attention_mask=True)] == list(trace)
        assert not [name for name in trace if "dropout" in name]
        for name, of in [
            ("embeddings.dropout", "embeddings"),
            ("encoder.layer.0.attention.self.dropout", "encoder.layer.0.attention.self.probs"),
            ("encoder.layer.0.attention.output.dropout", "encoder.layer.0.attention.output.dense"),
            ("encoder.layer.0.output.dropout", "encoder.layer.0.output.dense"),
        ]:
            assert trace[name] is trace[of]
        gradients = model.backward(trace, {"attentions": upstream})
        found.append((out.last_hidden_state, gradients))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    for name, gradient in found[0][1].items():
        np.testing.assert_array_equal(gradient, found[1][1][name], err_msg=name)


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


def test_names_of_the_design() -> None:
    model = small_model("BertForPreTraining")
    trace = mb.Trace()
    model(**small_inputs(model, labels=True), trace=trace)
    layer = "bert.encoder.layer.0"
    for name in [
        "bert.embeddings.word_embeddings", "bert.embeddings.position_embeddings",
        "bert.embeddings.token_type_embeddings", "bert.embeddings", "bert.embeddings.position_ids",
        "bert.extended_attention_mask", f"{layer}.attention.self.query", f"{layer}.attention.self.key",
        f"{layer}.attention.self.value", f"{layer}.attention.self.scores", f"{layer}.attention.self.probs",
        f"{layer}.attention.self.context", f"{layer}.attention.self", f"{layer}.attention.output.dense",
        f"{layer}.attention.output", f"{layer}.attention", f"{layer}.intermediate.dense", f"{layer}.intermediate",
        f"{layer}.output.dense", f"{layer}.output", layer, "bert.pooler.dense", "bert.pooler",
        "cls.predictions.transform.dense", "cls.predictions.transform", "cls.predictions", "cls.seq_relationship",
        "loss",
    ]:  # fmt: skip
        assert name in trace, name
    np.testing.assert_array_equal(trace[layer], trace[f"{layer}.output"])
    rembert = small_model("RemBertModel")
    assert "encoder.embedding_hidden_mapping_in" in {point.name for point in rembert.trace_points()}


def test_formulas_tell_the_variant() -> None:
    def formulas(**config: Any) -> dict[str, str]:
        model = small_model("BertModel", **config)
        return {point.name: point.formula for point in model.trace_points()}

    scores = "encoder.layer.0.attention.self.scores"
    plain = formulas(hidden_act="relu")
    assert plain["embeddings.sum"] == "word + token type + position"
    assert plain[scores] == "query keyᵀ / √K + mask"
    assert plain["encoder.layer.0.intermediate"] == "relu(dense)"
    by_query = formulas(position_embedding_type="relative_key")
    assert by_query["embeddings.sum"] == "word + token type"
    assert by_query[scores] == "(query keyᵀ + query distanceᵀ) / √K + mask"
    by_both = formulas(position_embedding_type="relative_key_query")
    assert by_both[scores] == "(query keyᵀ + query distanceᵀ + key distanceᵀ) / √K + mask"


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


def test_without_a_trace_nothing_is_kept() -> None:
    model = small_model("BertModel", "float32", max_position_embeddings=64, hidden_size=64, intermediate_size=256)
    ids = np.ones((8, 64), int)
    model(ids)
    made: list[weakref.ref[np.ndarray]] = []
    activation = model.encoder.layer[0].intermediate.activation
    forward = activation.forward

    def watching(x: np.ndarray) -> np.ndarray:
        made.append(weakref.ref(x))
        return forward(x)

    object.__setattr__(activation, "forward", watching)
    try:
        out = model(ids)
    finally:
        object.__setattr__(activation, "forward", forward)
    gc.collect()
    assert len(made) == L
    assert all(ref() is None for ref in made)
    assert out.hidden_states is None
    del out
    tracemalloc.start()
    model(ids)
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(3):
        model(ids)
    assert tracemalloc.get_traced_memory()[0] - before < 10_000
    tracemalloc.reset_peak()
    model(ids)
    untraced = tracemalloc.get_traced_memory()[1] - before
    trace = mb.Trace()
    model(ids, trace=trace)
    traced = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    wide = 8 * 64 * 256 * 4  # one (B, T, F) array
    assert untraced < 5 * wide
    assert traced > 2 * untraced


def test_a_trace_for_backward_frees_itself() -> None:
    """`backward` gives up what it has read."""
    model = small_model("BertForMaskedLM")
    trace = mb.Trace("backward")
    model(**small_inputs(model, labels=True), trace=trace)
    assert trace.tape
    model.backward(trace)
    assert not [name for name in trace.tape if name.endswith(("probs", "dense", "LayerNorm"))]
    assert len(trace) == len(trace.grad) == 0


def message(error: type[Exception], call: Any) -> str:
    with pytest.raises(error) as found:
        call()
    return str(found.value)


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


def test_run_without_a_trace_lets_arrays_be_reused() -> None:
    run, array = Run(), np.zeros(3)
    assert run.reusable(array) is array
    assert run.output(array) is array
    assert run.record("x", array, "T", "zeros") is array
    trace = mb.Trace("x")
    traced = Run(trace)
    traced.record("x", array, "T", "zeros")
    assert traced.reusable(array) is None
    assert traced.reusable(array[1:]) is None  # a view of what is kept is kept too
    copied = traced.output(array)
    assert copied is not array
    other = np.ones(3)
    assert traced.reusable(other) is other
    traced.save("cache", (other, None, 3))
    assert traced.reusable(other) is other  # this trace keeps no tape
    with pytest.raises(AssertionError, match="trace point x fired twice"):
        traced.record("x", array, "T", "zeros")


def test_run_with_cache() -> None:
    model = small_model("BertModel")
    inputs = small_inputs(model)
    out, trace = model.run_with_cache(**inputs)
    np.testing.assert_array_equal(out.last_hidden_state, trace["encoder.layer.1"])
    out, trace = model.run_with_cache(inputs, keep="*.probs")
    assert len(trace) == L

"""What a model says that a trace of it would hold: names in order, shapes, formulas."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.trace import TracePoint
from tests.call_settings import ALL, setting
from tests.small_models import CHOICES, B, C, D, E, F, K, L, N, O, S, T, V, small_inputs, small_model


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

"""Gradients and attributions of the number that the page explains."""

import numpy as np
import pytest

import minibert as mb
from tests import small_checkpoints
from tests.explorer.pages import data_of, encoded, model, page


def test_gradients_and_attributions() -> None:
    data = data_of(page("bert", gradients=True, integrated=4))
    place = data["predictions"][0]["place"]
    names = [attribution["name"] for attribution in data["attributions"]]
    answer = data["predictions"][0]["answer"]
    assert names == [
        f"Gradient × input of the logit of “{answer}” at token {place}",
        f"Integrated gradients of the logit of “{answer}” at token {place}, 4 steps",
    ]
    output = model("bert")(**encoded("bert"), return_dict=True)
    best = int(output.logits[0, place].argmax())
    told = mb.integrated_gradients(model("bert"), ("logits", (place, best)), steps=4, **encoded("bert"))
    np.testing.assert_allclose(data["attributions"][1]["word"], told.word[0], rtol=1e-3, atol=1e-5)
    assert data["attributions"][1]["gap"]["word"] == pytest.approx(float(told.gap["word"][0]), rel=1e-2, abs=1e-5)
    norms = [value["gradient"]["norm"] for value in data["walk"]["values"] if "gradient" in value]
    assert len(norms) > 30


def test_a_trace_of_ones_own_with_gradients() -> None:
    inputs = encoded("bert")
    trace = mb.Trace()
    name = "bert.encoder.layer.0.output"
    output = model("bert")(**inputs, trace=trace, edits={name: lambda value: value * 2})
    model("bert").backward(trace, {"logits": np.ones_like(output.logits)})
    values = {value["name"]: value for value in data_of(page("bert", trace=trace))["walk"]["values"]}
    assert values[name]["edited"]
    assert values[name]["gradient"]["norm"] == pytest.approx(float(np.linalg.norm(trace.grad[name])), rel=1e-4)


def test_a_pair_and_a_classifier() -> None:
    tokenizer = small_checkpoints.tokenizer("bert")
    classifier = mb.BertForSequenceClassification(small_checkpoints.config("bert", num_labels=3), seed=0)
    data = data_of(mb.explore(classifier, tokenizer, "A fox.", pair="The river.", gradients=True))
    assert [text["text"] for text in data["texts"]] == ["A fox.", "The river."]
    assert {token["type"] for token in data["tokens"]} == {0, 1}
    assert data["attributions"][0]["name"].startswith("Gradient × input of logits[")
    assert data["predictions"] == []


def test_a_bare_encoder() -> None:
    encoder = mb.BertModel(small_checkpoints.config("bert"), seed=0)
    tokenizer = small_checkpoints.tokenizer("bert")
    data = data_of(mb.explore(encoder, tokenizer, "A fox.", gradients=("last_hidden_state", (0, 1))))
    assert data["attributions"][0]["name"] == "Gradient × input of last_hidden_state[0, 1]"


def test_trace_and_gradients() -> None:
    trace = mb.Trace()
    model("bert")(**encoded("bert"), trace=trace)
    with pytest.raises(mb.InputError, match=r"a trace was given: run model\.backward"):
        page("bert", trace=trace, gradients=True)


def test_bare_encoder_has_no_logits_and_predicts_nothing() -> None:
    encoder, tokenizer = mb.BertModel(small_checkpoints.config("bert")), small_checkpoints.tokenizer("bert")
    with pytest.raises(mb.InputError, match="no logits to take gradients of: name a number"):
        mb.explore(encoder, tokenizer, "fox", gradients=True)
    with pytest.raises(mb.InputError, match="BertModel has no language-model head: it predicts nothing"):
        mb.explore(encoder, tokenizer, "fox", places="all")

"""The last layer for the first token alone gives the classes that the whole layer gives."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.running import first_token, parts

CONFIG: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 12, "num_attention_heads": 3, "intermediate_size": 20,
    "max_position_embeddings": 40,
}  # fmt: skip
MODELS = [
    (mb.BertConfig, mb.BertForSequenceClassification),
    (mb.BertConfig, mb.BertForNextSentencePrediction),
    (mb.RobertaConfig, mb.RobertaForSequenceClassification),
    (mb.RemBertConfig, mb.RemBertForSequenceClassification),
]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of what every shortened last layer gave, however little it saves."""
    monkeypatch.setattr(parts, "WORTH", 0.0)
    shapes: list[tuple[int, ...]] = []
    before = first_token.first_token_of

    def watched(*args: Any) -> np.ndarray:
        y = before(*args)
        shapes.append(y.shape)
        return y

    monkeypatch.setattr(first_token, "first_token_of", watched)
    return shapes


def batch() -> dict[str, Any]:
    mask = (np.arange(9) < np.array([9, 4, 7])[:, None]).astype(int)
    return {"input_ids": np.random.default_rng(0).integers(2, 50, (3, 9)), "attention_mask": mask}


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("config", "model"), MODELS)
def test_logits_and_loss_are_those_of_the_whole_layer(
    monkeypatch: pytest.MonkeyPatch, taken: list[tuple[int, ...]], config: Any, model: Any, layers: int
) -> None:
    network = model(config(**CONFIG, num_hidden_layers=layers), dtype="float64")
    given = {**batch(), "labels": [0, 1, 1], "head_mask": [1.0, 0.5, 1.0]}
    found = network(**given)
    assert taken == [(3, 1, 12)]
    monkeypatch.setattr(parts, "WORTH", float("inf"))
    expected = network(**given)
    assert len(taken) == 1
    np.testing.assert_allclose(found.logits, expected.logits, rtol=1e-11, atol=1e-14)
    assert float(found.loss) == pytest.approx(float(expected.loss), rel=1e-12)


def test_padding_may_be_skipped_as_well(monkeypatch: pytest.MonkeyPatch, taken: list[tuple[int, ...]]) -> None:
    network = mb.BertForSequenceClassification(mb.BertConfig(**CONFIG, num_hidden_layers=2), dtype="float64")
    monkeypatch.setattr("minibert.running.padding.TOKENS", 10)
    found = network(**batch(), skip_padding=True).logits
    assert len(taken) == 3
    monkeypatch.setattr(parts, "WORTH", float("inf"))
    np.testing.assert_allclose(found, network(**batch()).logits, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("asked", [{"output_hidden_states": True}, {"output_attentions": True}, {"trace": True}])
def test_what_is_asked_for_is_computed(taken: list[tuple[int, ...]], asked: dict[str, Any]) -> None:
    network = mb.BertForSequenceClassification(mb.BertConfig(**CONFIG, num_hidden_layers=2))
    if "trace" in asked:
        asked = {"trace": mb.Trace("backward")}
    network(**batch(), **asked)
    network.train(0)(**batch())
    network.eval()(**batch(), edits={"bert.encoder.layer.1": lambda x: x})
    assert taken == []


def test_heads_that_read_other_tokens_get_them(taken: list[tuple[int, ...]]) -> None:
    for model in (mb.BertModel, mb.BertForPreTraining, mb.BertForTokenClassification, mb.BertForMaskedLM):
        model(mb.BertConfig(**CONFIG, num_hidden_layers=2))(**batch())
    assert taken == []

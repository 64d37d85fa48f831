"""A batch without its padding: what comes back is that of the padded batch, with zeros at padding."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.running import padding, threads

CONFIG: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 12, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 20,
    "max_position_embeddings": 40,
}  # fmt: skip
LENGTHS = np.array([3, 12, 7, 1, 12, 5, 6])


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(padding, "TOKENS", 14)


def batch(**more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    mask = (np.arange(12) < LENGTHS[:, None]).astype(int)
    return {
        "input_ids": np.where(mask, rng.integers(2, 50, mask.shape), 0),
        "attention_mask": mask,
        "token_type_ids": rng.integers(0, 2, mask.shape),
        **more,
    }


def sizes_of_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(B, T) of every group from now on."""
    seen: list[tuple[int, int]] = []
    before = padding.trimmed

    def watched(inputs: Any, rows: np.ndarray, length: int) -> Any:
        seen.append((len(rows), length))
        return before(inputs, rows, length)

    monkeypatch.setattr(padding, "trimmed", watched)
    return seen


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("config", "model"),
    [
        (mb.BertConfig, mb.BertModel),
        (mb.RobertaConfig, mb.RobertaModel),
        (mb.RemBertConfig, mb.RemBertModel),
    ],
)
def test_every_value_is_the_padded_ones_or_zero(
    monkeypatch: pytest.MonkeyPatch, config: Any, model: Any, count: int
) -> None:
    types = {"type_vocab_size": 2}
    network = model(config(**CONFIG, **types), dtype="float64")
    given = batch(output_hidden_states=True, output_attentions=True)
    padded = network(**given)
    seen = sizes_of_calls(monkeypatch)
    with threads.threads(count):
        skipped = network(**given, skip_padding=True)
    assert seen == [(1, 12), (1, 12), (2, 7), (2, 5), (1, 1)]
    useful = given["attention_mask"].astype(bool)
    for found, expected in zip(
        (skipped.last_hidden_state, *skipped.hidden_states), (padded.last_hidden_state, *padded.hidden_states),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(found, np.where(useful[..., None], expected, 0.0), rtol=1e-11, atol=1e-13)
    both = useful[:, None, :, None] & useful[:, None, None, :]
    for found, expected in zip(skipped.attentions, padded.attentions, strict=True):
        np.testing.assert_allclose(found, np.where(both, expected, 0.0), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(skipped.pooler_output, padded.pooler_output, rtol=1e-11, atol=1e-13)


def test_positions_vectors_and_head_masks_go_along() -> None:
    network = mb.BertModel(mb.BertConfig(**CONFIG), dtype="float64")
    rng = np.random.default_rng(1)
    given = batch(
        inputs_embeds=rng.standard_normal((7, 12, 12)), position_ids=rng.integers(0, 40, (7, 12)),
        head_mask=[[1, 0, 1], [1, 1, 0], [0, 1, 1]],
    )  # fmt: skip
    del given["input_ids"]
    padded = network(**given).last_hidden_state
    useful = given["attention_mask"].astype(bool)[..., None]
    found = network(**given, skip_padding=True).last_hidden_state
    np.testing.assert_allclose(found, np.where(useful, padded, 0.0), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
def test_relative_positions_count_from_token_to_token(kind: str) -> None:
    network = mb.BertModel(mb.BertConfig(**CONFIG, position_embedding_type=kind), dtype="float64")
    given = batch()
    useful = given["attention_mask"].astype(bool)[..., None]
    found = network(**given, skip_padding=True).last_hidden_state
    expected = np.where(useful, network(**given).last_hidden_state, 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    "model", [mb.BertForSequenceClassification, mb.BertForNextSentencePrediction, mb.BertForMultipleChoice]
)
def test_the_loss_of_a_text_is_the_same(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    network = model(mb.BertConfig(**CONFIG), dtype="float64")
    given = batch(labels=np.arange(7) % 2)
    if model is mb.BertForMultipleChoice:
        given = {name: np.stack([value, value[::-1]], axis=1) for name, value in batch().items()}
        given["labels"] = np.arange(7) % 2
    padded = network(**given)
    seen = sizes_of_calls(monkeypatch)
    skipped = network(**given, skip_padding=True)
    assert seen
    np.testing.assert_allclose(skipped.logits, padded.logits, rtol=1e-11, atol=1e-13)
    assert float(skipped.loss) == pytest.approx(float(padded.loss), rel=1e-12)


def test_logits_of_tokens_are_the_same_where_there_are_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    network = mb.BertForMaskedLM(mb.BertConfig(**CONFIG), dtype="float64")
    given = batch()
    useful = given["attention_mask"].astype(bool)
    seen = sizes_of_calls(monkeypatch)
    found, expected = network(**given, skip_padding=True).logits, network(**given).logits
    assert seen
    np.testing.assert_allclose(found[useful], expected[useful], rtol=1e-11, atol=1e-13)


def left_padded() -> dict[str, Any]:
    return {name: value[:, ::-1] for name, value in batch().items()}


def of_three_axes() -> dict[str, Any]:
    given = batch()
    return {**given, "attention_mask": np.repeat(given["attention_mask"][:, None], 12, axis=1)}


def with_an_empty_text() -> dict[str, Any]:
    given = batch()
    given["attention_mask"][2] = 0
    return given


@pytest.mark.parametrize(
    "given",
    [
        left_padded(),
        of_three_axes(),
        with_an_empty_text(),
        batch(attention_mask=None),
        batch(edits={"encoder.layer.0": lambda x: x * 2}),
        batch(attention_mask=np.ones((7, 12), dtype=int)),
    ],
)
def test_what_cannot_be_skipped_is_computed_as_it_is(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]) -> None:
    network = mb.BertModel(mb.BertConfig(**CONFIG))
    seen = sizes_of_calls(monkeypatch)
    skipped = network(**given, skip_padding=True)
    assert seen == []
    assert np.array_equal(skipped.last_hidden_state, network(**given).last_hidden_state)


def test_labels_of_tokens_traces_dropout_and_decoders_see_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = sizes_of_calls(monkeypatch)
    tagger = mb.BertForTokenClassification(mb.BertConfig(**CONFIG))
    labels = np.zeros((7, 12), dtype=int)
    assert float(tagger(**batch(), labels=labels, skip_padding=True).loss) == float(
        tagger(**batch(), labels=labels).loss
    )
    trace = mb.Trace()
    tagger(**batch(), trace=trace, skip_padding=True)
    assert trace["bert.encoder.layer.0"].shape == (7, 12, 12)
    tagger.train(3)(**batch(), skip_padding=True)
    mb.BertLMHeadModel(mb.BertConfig(**CONFIG, is_decoder=True))(**batch(), skip_padding=True)
    assert seen == []


def test_groups_hold_every_row_once_and_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 200)
    groups = padding.like_lengths(lengths, 256)
    assert sorted(np.concatenate(groups).tolist()) == list(range(200))
    for rows in groups:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= 256
    computed = sum(len(rows) * lengths[rows].max() for rows in groups)
    assert computed < 1.1 * lengths.sum()

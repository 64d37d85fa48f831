"""RoBERTa: what differs from BERT."""

import numpy as np
import pytest

import minibert as mb
from minibert.models.roberta import positions_after_padding
from tests.small_models import small_model


@pytest.mark.parametrize(
    ("ids", "pad", "past", "positions"),
    [
        ([[0, 31, 2]], 1, 0, [[2, 3, 4]]),
        ([[0, 31, 2, 1, 1]], 1, 0, [[2, 3, 4, 1, 1]]),
        ([[1, 1, 0, 31, 2]], 1, 0, [[1, 1, 2, 3, 4]]),  # padded on the left
        ([[5, 6], [5, 0]], 0, 0, [[1, 2], [1, 0]]),
        ([[7]], 1, 3, [[5]]),  # after three cached tokens
    ],
)
def test_positions_count_from_the_padding_token(
    ids: list[list[int]], pad: int, past: int, positions: list[list[int]]
) -> None:
    assert positions_after_padding(np.array(ids), pad, past).tolist() == positions


def test_vectors_have_positions_at_every_place() -> None:
    model = small_model("RobertaModel")
    _, trace = model.run_with_cache(inputs_embeds=np.zeros((2, 3, model.config.hidden_size)))
    first = model.config.pad_token_id + 1
    assert trace["embeddings.position_ids"].tolist() == [[first, first + 1, first + 2]] * 2


def test_the_language_model_head_has_the_erf_gelu() -> None:
    model = small_model("RobertaForMaskedLM", hidden_act="relu")
    formulas = {point.name: point.formula for point in model.trace_points()}
    assert formulas["lm_head.activation"] == "gelu(dense)"
    assert "relu(dense)" in formulas.values()


def test_a_classifier_reads_the_first_token() -> None:
    model = small_model("RobertaForSequenceClassification")
    assert model.base_model.pooler is None
    _, trace = model.run_with_cache(input_ids=[[0, 5, 6]])
    assert trace["classifier.activation"].shape == (1, model.config.hidden_size)
    assert not hasattr(mb, "RobertaForNextSentencePrediction")

"""When a text is complete, and what stands after its end."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.generation import generate
from tests.generation.small_decoders import IDS, WIDE
from tests.small_models import small_model


def as_soon_as_it_may(ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The end, token 7, wherever it is not forbidden."""
    return np.where((np.arange(31) == 7) & np.isfinite(scores), 100.0, scores)


def test_texts_end_at_their_end_token(bert: Any) -> None:
    free = generate(bert, IDS, max_new_tokens=8, eos_token_id=None)
    eos = int(free[0, 6])
    expected = free.copy()
    for row in expected:
        places = np.flatnonzero(row[4:] == eos)
        if len(places):
            row[4 + places[0] + 1 :] = 3
    ended = generate(bert, IDS, max_new_tokens=8, eos_token_id=eos, pad_token_id=3)
    np.testing.assert_array_equal(ended, expected[:, : ended.shape[1]])
    assert (expected[:, ended.shape[1] :] == 3).all()  # when all have ended, nothing is left to do
    assert (ended[0] == 3).any() or ended.shape[1] < 12
    held = generate(bert, IDS, max_new_tokens=8, eos_token_id=[eos, 30], min_new_tokens=4)
    assert not np.isin(held[:, 4:8], [eos, 30]).any()
    eager: dict[str, Any] = {"eos_token_id": 7, "max_new_tokens": 8, "logits_processor": [as_soon_as_it_may]}
    assert generate(bert, IDS, **eager).shape == (2, 5)
    assert generate(bert, IDS, min_new_tokens=4, **eager).shape == (2, 9)
    assert generate(bert, IDS, min_length=7, **eager).shape == (2, 8)


@pytest.mark.parametrize(
    ("beams", "pad", "after"), [(1, 2, 2), (1, None, 7), (1, 0, 0), (2, 2, 2), (2, None, 7), (2, 0, 7)]
)
def test_what_stands_after_an_end(beams: int, pad: int | None, after: int) -> None:
    """The padding, or the end where there is none; in a beam search an id of 0 counts as none, as in transformers."""
    model = small_model("BertLMHeadModel", pad_token_id=pad, **WIDE)

    def first_row_ends(ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
        scores = scores.copy()
        scores[:, 7] = np.where(ids[:, 0] == IDS[0, 0], 100.0, -100.0)
        return scores

    texts = generate(model, IDS, max_new_tokens=4, num_beams=beams, eos_token_id=7, logits_processor=[first_row_ends])
    assert texts[0, 4:].tolist() == [7, after, after, after]
    assert 7 not in texts[1, 4:]


def test_criteria_and_processors_of_the_caller(bert: Any) -> None:
    seen: list[tuple[int, ...]] = []

    def at_six(ids: np.ndarray, scores: Any) -> bool:
        seen.append(ids.shape)
        return ids.shape[1] >= 6

    assert generate(bert, IDS, stopping_criteria=[at_six]).shape == (2, 6)
    assert seen == [(2, 5), (2, 6)]
    first_only = generate(bert, IDS, stopping_criteria=[lambda ids, scores: np.array([True, False])], pad_token_id=1)
    assert (first_only[0, 5:] == 1).all()
    forced = generate(bert, IDS, max_new_tokens=3, logits_processor=[lambda ids, scores: np.eye(31)[[7, 8]]])
    np.testing.assert_array_equal(forced[:, 4:], [[7] * 3, [8] * 3])
    with pytest.raises(mb.InputError, match=r"a stopping criterion gave int64 values of shape \(3,\)"):
        generate(bert, IDS, stopping_criteria=[lambda ids, scores: np.arange(3)])

"""`generate` as a whole: seeds, what it gives, and what it leaves as it was."""

from typing import Any

import numpy as np

from minibert.generation import generate
from tests.generation.small_decoders import IDS


def test_seeds(bert: Any) -> None:
    options: dict[str, Any] = {"do_sample": True, "max_new_tokens": 6}
    one, same, other = (generate(bert, IDS, seed=seed, **options) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(one, generate(bert, IDS, seed=rng, **options))
    assert (one != generate(bert, IDS, seed=rng, **options)).any()


def test_arguments_stay_as_they_are(bert: Any) -> None:
    ids, mask, types = IDS.copy(), np.ones_like(IDS), np.zeros_like(IDS)
    generate(bert, ids, attention_mask=mask, token_type_ids=types, max_new_tokens=3, num_beams=2)
    assert (ids == IDS).all()
    assert mask.shape == types.shape == IDS.shape


def test_texts_with_their_scores(bert: Any) -> None:
    options: dict[str, Any] = {"max_new_tokens": 3, "return_dict_in_generate": True, "eos_token_id": None}
    greedy = generate(bert, IDS, **options)
    assert (greedy.sequences_scores, greedy.scores) == (None, None)
    beams = generate(bert, IDS, num_beams=3, num_return_sequences=2, output_scores=True, **options)
    assert beams.sequences.shape == (4, 7)
    assert [scores.shape for scores in beams.scores] == [(6, 31)] * 3
    assert (np.diff(beams.sequences_scores.reshape(2, 2), axis=1) <= 0).all()  # the best first
    np.testing.assert_array_equal(generate(bert, IDS, max_new_tokens=3, eos_token_id=None), greedy.sequences)

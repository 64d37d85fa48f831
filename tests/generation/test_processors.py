"""What is done to the scores: n-grams, bad words, the likeliest tokens."""

import itertools
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.generation import generate
from tests.generation.small_decoders import IDS
from tests.small_models import small_model


def test_no_ngram_comes_twice(bert: Any) -> None:
    for size, beams in ((1, 1), (2, 1), (2, 3), (3, 3)):
        texts = generate(bert, IDS[:, :2], max_new_tokens=16, no_repeat_ngram_size=size, num_beams=beams)
        for row in texts.tolist():
            grams = [tuple(row[i : i + size]) for i in range(len(row) - size + 1)]
            assert len(set(grams)) == len(grams)


@pytest.mark.parametrize("beams", [1, 3])
def test_bad_words_stand_nowhere(bert: Any, beams: int) -> None:
    free = generate(bert, IDS, max_new_tokens=10, num_beams=beams, eos_token_id=None)
    pairs = [free[0, 6:8].tolist(), free[1, 3:5].tolist()]  # the second begins with the prompt's last token
    words = [[int(free[0, 5])], *pairs, [1] * 30]
    texts = generate(bert, IDS, max_new_tokens=10, num_beams=beams, eos_token_id=None, bad_words_ids=words)
    assert not (texts[:, 4:] == words[0][0]).any()
    for row in texts.tolist():
        assert not {tuple(pair) for pair in pairs} & set(itertools.pairwise(row[3:]))
    eos = int(free[0, 7])
    options: dict[str, Any] = {"max_new_tokens": 10, "num_beams": beams, "eos_token_id": [eos, 30]}
    ended = generate(bert, IDS, **options)
    np.testing.assert_array_equal(generate(bert, IDS, bad_words_ids=[[eos], [30]], **options), ended)
    with pytest.raises(mb.InputError, match=r"bad_words_ids holds \[31\]: lists of ids 0..30 belong there, one a word"):
        generate(bert, IDS, bad_words_ids=[[2], [31]])
    for wrong in ([3], [[]], [[-1]], [[0.5]]):
        with pytest.raises(mb.InputError, match="bad_words_ids holds"):
            generate(bert, IDS, bad_words_ids=wrong)


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_k": 0, "top_p": 0.0}, {"top_k": 0, "min_p": 1.0}])
def test_drawn_beams_keep_a_token_besides_the_ends(bert: Any, narrow: dict[str, Any]) -> None:
    options: dict[str, Any] = {"do_sample": True, "max_new_tokens": 1, "return_dict_in_generate": True, **narrow}
    for beams, eos, left in ((1, [1, 2], 1), (2, None, 2), (2, [1, 2], 3)):
        out = generate(bert, IDS, num_beams=beams, eos_token_id=eos, output_scores=True, **options)
        assert (np.isfinite(out.scores[0]).sum(axis=1) == left).all()


def test_draws_are_among_the_50_likeliest_unless_told_otherwise() -> None:
    model = small_model("BertLMHeadModel", vocab_size=80, max_position_embeddings=24)
    for options, left in (({}, 50), ({"top_k": 0}, 80), ({"top_k": 200}, 80)):
        out = generate(model, IDS, do_sample=True, max_new_tokens=1, return_dict_in_generate=True, output_scores=True,
                       **options)  # fmt: skip
        assert (np.isfinite(out.scores[0]).sum(axis=1) == left).all()

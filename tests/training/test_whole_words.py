"""Words of whole-word masking: how they are numbered, and how many are chosen."""

import numpy as np

from minibert.training.whole_words import (
    choose_words,
    spread_over_words,
    word_starts,
    words_by_offsets,
    words_by_pieces,
)


def test_offsets_and_pieces_number_the_same_words() -> None:
    tokens = ["un", "##aff", "##able", "cat", "sat", "."]
    offsets = [(0, 2), (2, 5), (5, 9), (10, 13), (14, 17), (18, 19)]
    assert words_by_offsets(offsets) == words_by_pieces(tokens) == [0, 0, 0, 1, 2, 3]


def test_a_special_token_ends_a_word() -> None:
    assert words_by_offsets([(0, 3), (0, 0), (3, 5)]) == [0, -1, 1]
    assert words_by_pieces(["##ly", "cat"]) == [0, 1]  # a text that was cut inside a word


def test_a_word_is_chosen_by_its_first_token() -> None:
    words = np.array([[-1, 0, 0, 1, -1], [3, 3, 3, 4, 4]])
    starts = word_starts(words)
    np.testing.assert_array_equal(starts, [[False, True, False, True, False], [True, False, False, True, False]])
    np.testing.assert_array_equal(spread_over_words(starts, words), words >= 0)


def test_words_fill_a_share_of_the_tokens_and_a_long_one_is_passed_over() -> None:
    words = np.array([[0] * 8 + [1, 2, 3, 4] + [-1] * 8] * 300)
    chosen = choose_words(words, [20] * 300, 0.15, np.random.default_rng(0))
    assert (chosen.sum(axis=1) == 3).all()  # 15 % of twenty tokens; the word of eight never fits
    assert not chosen[:, :8].any()
    assert chosen[:, 8:12].any(axis=0).all()


def test_one_token_at_least_and_512_at_most() -> None:
    short, long = np.array([[0, 1]]), np.arange(5000)[None]
    assert choose_words(short, [2], 0.0, np.random.default_rng(0)).sum() == 1
    assert choose_words(long, [5000], 0.5, np.random.default_rng(0)).sum() == 512

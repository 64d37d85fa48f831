"""Merges by numbers against merges of strings: random merges, words short and long."""

import random

import pytest

from minibert.errors import TokenizerError
from minibert.tokenizers.fast.merging import LONG_WORD, merge_by_heap, merge_by_scan, merge_numbers, number_merges
from minibert.tokenizers.stages.byte_bpe import merge_all, merge_ranks


def test_random_merges():
    rng = random.Random(4)
    for _ in range(150):
        tokens, merges = list("abc"), []
        for _ in range(rng.randint(1, 12)):
            merges.append((rng.choice(tokens), rng.choice(tokens)))
            tokens.append("".join(merges[-1]))
        vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
        numbered, ranks = number_merges(merges, vocab), merge_ranks(merges)
        for size in (0, 1, 2, 7, LONG_WORD - 1, LONG_WORD, 3 * LONG_WORD):
            word = rng.choices("abc", k=size)
            ids = [vocab[char] for char in word]
            expected = [vocab[symbol] for symbol in merge_all(word, ranks)]
            for merge in (merge_by_scan, merge_by_heap):
                assert merge(ids, *numbered) == expected, (word, merges)
            assert merge_numbers(ids, numbered) == expected
            assert ids == [vocab[char] for char in word]  # the argument stays as it was


def test_merges_that_do_not_fit():
    with pytest.raises(TokenizerError, match=r"merge 1, 'ab' . 'c', needs the token 'c'"):
        number_merges([("a", "b"), ("ab", "c")], {"a": 0, "b": 1, "ab": 2})


@pytest.mark.parametrize("merge", [merge_by_scan, merge_by_heap])
def test_a_run_is_joined_from_the_left(merge):
    numbered = number_merges([("a", "a"), ("aa", "aa")], {"a": 0, "aa": 1, "aaaa": 2})
    assert merge([0] * 7, *numbered) == [2, 1, 0]


def test_two_merges_of_one_token():
    vocab = {token: i for i, token in enumerate(["a", "b", "c", "ab", "bc", "abc"])}
    merges = [("a", "b"), ("b", "c"), ("ab", "c"), ("a", "bc")]
    assert number_merges(merges, vocab).joined == [3, 4, 5, 5]

"""Suffixes in order, and the substrings that repeat, against slow searches."""

import itertools
import random
from collections import Counter

import numpy as np
import pytest
from training_words import laid_out, random_words

from minibert.tokenizers.training.suffix_array import (
    Followers,
    common_prefixes,
    repeated_substrings,
    sort_suffixes,
)


def test_suffixes_are_sorted():
    rng = random.Random(0)
    for _ in range(100):
        words = random_words(rng)
        text, room, _ = laid_out(words)
        joined = "".join(words)
        for longest in (1, 2, 3, 5, 16):
            width = 1 << max(longest - 1, 0).bit_length()  # doubling stops at the first power of two
            order = sort_suffixes(text, room, longest)
            suffixes = [joined[at : at + min(room[at], width)] for at in order]
            assert suffixes == sorted(suffixes)
            common = common_prefixes(text, room, order, longest)
            for left, right, found in zip(suffixes, suffixes[1:], common[1:], strict=False):
                pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False))
                assert found == min(len(list(pairs)), longest)


def slow_repeats(words, longest):
    """Substrings of 2 to `longest` characters, twice or more, that not always have the same follower."""
    counts, followers = Counter(), {}
    for number, (word, count) in enumerate(words.items()):
        for start in range(len(word)):
            for end in range(start + 2, min(len(word), start + longest) + 1):
                counts[word[start:end]] += count
                follower = word[end] if end < len(word) else None
                followers.setdefault(word[start:end], set()).add(follower)
                if follower is None:
                    followers[word[start:end]] |= {f"end {number}", f"end {number}, again"}
    return {text: count for text, count in counts.items() if count >= 2 and len(followers[text]) > 1}


@pytest.mark.parametrize("longest", [2, 3, 4, 16])
def test_repeated_substrings(longest):
    rng = random.Random(longest)
    for _ in range(150):
        words = random_words(rng)
        found = repeated_substrings(*laid_out(words), longest)
        joined = "".join(words)
        strings = [joined[start : start + length] for start, length in zip(found.starts, found.lengths, strict=True)]
        assert len(set(strings)) == len(strings)
        assert dict(zip(strings, found.counts.tolist(), strict=True)) == slow_repeats(words, longest)


def test_followers_decide_what_can_not_grow():
    words = {"ab": 2, "cab": 3}
    text, room, weights = laid_out(words)
    always_blank = Followers(text, np.full(5, 1), np.full(5, 1))
    assert len(repeated_substrings(text, room, weights, 16, always_blank).starts) == 0
    sometimes_last = Followers(text, np.array([0, 0, 1, 1, 1]), np.full(5, 1))
    found = repeated_substrings(text, room, weights, 16, sometimes_last)
    assert (found.lengths.tolist(), found.counts.tolist()) == ([2], [5])

"""Joining the most frequent pair, again and again: by hand, and against a slow trainer that says what it should do."""

import random
from collections import Counter
from itertools import pairwise

from minibert.tokenizers.training.merges import MergeStep, Symbols, learn_merges


def slow_merges(words, alphabet, vocab_size, min_frequency):
    """BPE by counting all pairs anew each round. Differs where a pair forms anew after it was joined."""
    ids = {char: i for i, char in enumerate(alphabet)}
    words = {tuple(word): count for word, count in words.items()}
    merges = []
    while len(ids) < vocab_size:
        counts = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                counts[pair] += count
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], ids[pair[0]], ids[pair[1]]))
        if counts[best] < min_frequency:
            break
        merges.append(best)
        ids.setdefault("".join(best), len(ids))
        rewritten = Counter()
        for word, count in words.items():
            new, at = [], 0
            while at < len(word):
                joined = word[at : at + 2] == best
                new.append("".join(best) if joined else word[at])
                at += 2 if joined else 1
            rewritten[tuple(new)] += count
        words = rewritten
    return merges


def test_merges_are_those_of_counting_anew():
    rng = random.Random(0)
    for _ in range(150):
        texts = ["".join(rng.choices("abcd", (4, 3, 2, 1), k=rng.randint(1, 8))) for _ in range(rng.randint(1, 30))]
        words = {text: rng.randint(1, 9) for text in texts}
        symbols = Symbols("abcd")
        size, least = rng.randint(4, 30), rng.randint(0, 4)
        spelled = {tuple(symbols.ids[char] for char in word): count for word, count in words.items()}
        expected = slow_merges(words, "abcd", size, max(least, 1))
        strings = ["".join(pair) for pair in expected]
        merges = learn_merges(spelled, symbols, size, least)
        if len(set(strings)) == len(strings):  # no symbol was made in two ways
            assert merges == expected


def test_of_equally_frequent_pairs_the_smaller_ids_win():
    symbols = Symbols("abc")
    assert learn_merges({(1, 2): 3, (0, 1): 3}, symbols, 5, 1) == [("a", "b"), ("b", "c")]


def test_overlapping_pairs_are_joined_from_the_left():
    steps = []
    assert learn_merges({(0, 0, 0): 2}, Symbols("a"), 9, 1, on_step=steps.append) == [("a", "a"), ("aa", "a")]
    assert steps[0] == MergeStep(0, "a", "a", "aa", 4)


def test_min_frequency_and_size_stop_the_loop():
    words = {(0, 1): 3, (1, 2): 2}
    assert learn_merges(words, Symbols("abc"), 99, 3) == [("a", "b")]
    assert learn_merges(words, Symbols("abc"), 4, 1) == [("a", "b")]
    assert learn_merges(words, Symbols("abc"), 3, 1) == []


def test_a_symbol_made_in_two_ways_has_one_id():
    # "ab" is joined first, so abc comes from ab + c; but one word has "bc" from the start
    words = {(0, 1): 20, (1, 2): 8, (0, 1, 2): 5, (3, 1, 2): 4, (0, 4): 1}
    symbols = Symbols(["a", "b", "c", "x", "bc"])
    merges = learn_merges(words, symbols, 99, 1)
    assert ("ab", "c") in merges
    assert ("a", "bc") in merges
    assert sorted(symbols.ids.values()) == list(range(len(symbols.texts)))
    assert len(set(symbols.texts)) == len(symbols.texts)


def test_a_pair_that_forms_anew_keeps_its_count_and_stands_where_it_was_joined_last():
    words = {(0, 1): 20, (0, 1, 2): 10, (0, 1, 2, 3): 15, (0, 4, 3): 4}
    steps = []
    merges = learn_merges(words, Symbols(["a", "b", "c", "d", "bc"]), 99, 1, on_step=steps.append)
    assert merges == [("a", "b"), ("ab", "c"), ("a", "bc"), ("abc", "d")]
    joined = [(step.merged, step.frequency) for step in steps]
    assert joined == [("ab", 45), ("abc", 25), ("abcd", 15), ("abc", 4), ("abcd", 19)]

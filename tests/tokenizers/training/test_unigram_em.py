"""Expectations, best paths and pruning against sums over all ways to cut a word."""

import math
import random
from collections import Counter

import numpy as np
import pytest
from training_words import random_words

from minibert.tokenizers.training.unigram_em import Lattice, digamma, estimate, prune, with_unknown


def test_of_equal_ways_the_longer_last_piece_wins():
    lattice = Lattice(["xab", "ab"], {"x": 0, "a": 1, "b": 2, "ab": 3})
    best, last = lattice.best_paths(np.array([-1.0, -1.0, -1.0, -2.0, -20.0]))
    assert best.tolist() == [-3.0, -2.0]
    rounds = [(texts.tolist(), pieces.tolist()) for texts, pieces in lattice.walk(last)]
    assert rounds == [([0, 1], [3, 3]), ([0], [0])]


@pytest.mark.parametrize("x", [0.5, 1.0, 2.0, 6.9, 7.0, 100.0, 12345.6])
def test_digamma(x):
    step = 1e-5 * max(x, 1)
    slope = (math.lgamma(x + step) - math.lgamma(x - step)) / (2 * step)
    assert digamma(np.array([x]))[0] == pytest.approx(slope, rel=1e-6, abs=1e-6)


def ways(text, scores, unknown):
    """Every way to cut the text: (pieces, sum); unknown characters are None."""
    if not text:
        return [((), 0.0)]
    found = []
    for size in range(1, len(text) + 1):
        if text[:size] in scores or size == 1:
            piece = text[:size] if text[:size] in scores else None
            score = scores.get(text[:size], unknown)
            found += [((piece, *rest), score + total) for rest, total in ways(text[size:], scores, unknown)]
    return found


def random_lattice(rng, **options):
    words = random_words(rng, "abc?")
    pieces = {"a": -1.5, "b": -2.0} | {
        "".join(rng.choices("abc", k=rng.randint(1, 4))): -rng.random() * 6 for _ in range(rng.randint(1, 9))
    }
    ids = {piece: i for i, piece in enumerate(pieces)}
    return words, pieces, Lattice(list(words), ids, **options), np.array(list(pieces.values()))


def test_expectations_are_sums_over_all_ways():
    rng = random.Random(1)
    for _ in range(60):
        words, pieces, lattice, scores = random_lattice(rng)
        expected, logs = lattice.expectations(with_unknown(scores), np.array(list(words.values()), float))
        unknown = min(pieces.values()) - 10
        slow = Counter()
        for (word, count), log in zip(words.items(), logs, strict=True):
            all_ways = ways(word, pieces, unknown)
            total = math.log(sum(math.exp(score) for _, score in all_ways))
            assert log == pytest.approx(total)
            for way, score in all_ways:
                for piece in way:
                    slow[piece] += count * math.exp(score - total)
        assert expected[:-1] == pytest.approx([slow[piece] for piece in pieces])
        assert expected[-1] == pytest.approx(slow[None])


def test_best_paths():
    rng = random.Random(2)
    for _ in range(60):
        words, pieces, lattice, scores = random_lattice(rng)
        sums, last = lattice.best_paths(with_unknown(scores))
        names = [*pieces, None]
        cut = [[] for _ in words]
        for texts, used in lattice.walk(last):
            for text, piece in zip(texts, used, strict=True):
                cut[text].insert(0, names[piece])
        for word, total, way in zip(words, sums, cut, strict=True):
            all_ways = ways(word, pieces, min(pieces.values()) - 10)
            assert total == pytest.approx(max(score for _, score in all_ways))
            assert tuple(way) in [way for way, score in all_ways if score == pytest.approx(total)]


def test_dropping_pieces_and_texts_is_the_same_as_building_anew():
    rng = random.Random(3)
    for _ in range(40):
        words, pieces, lattice, scores = random_lattice(rng)
        kept = sorted(rng.sample(range(len(pieces)), rng.randint(1, len(pieces))))
        texts = sorted(rng.sample(range(len(words)), rng.randint(1, len(words))))
        renumber = np.full(len(pieces), -1)
        renumber[kept] = np.arange(len(kept))
        lattice.keep(renumber)
        lattice.keep_texts(np.array(texts))
        fewer_words = [list(words)[i] for i in texts]
        anew = Lattice(fewer_words, {list(pieces)[i]: n for n, i in enumerate(kept)})
        weights = np.array([words[word] for word in fewer_words], float)
        for left, right in zip(
            lattice.expectations(with_unknown(scores[kept]), weights),
            anew.expectations(with_unknown(scores[kept]), weights),
            strict=True,
        ):
            assert left == pytest.approx(right)


def test_estimates_drop_what_is_hardly_expected():
    kept, scores = estimate(np.array([10.0, 0.4, 0.5, 2.0]))
    assert kept.tolist() == [0, 2, 3]
    assert scores == pytest.approx(digamma(np.array([10.0, 0.5, 2.0])) - digamma(np.array([12.5])))


def test_prune_drops_what_costs_least():
    pieces = {"a": -1.0, "b": -1.0, "c": -2.0, "ab": -1.2, "bc": -2.5, "abc": -9.0}
    words = {"ab": 50, "bc": 2, "abc": 1, "a": 5, "b": 5, "c": 5}
    ids = {piece: i for i, piece in enumerate(pieces)}
    lattice, alone = Lattice(list(words), ids), Lattice(list(pieces), ids, whole=False)
    decided = prune(
        lattice, np.array(list(words.values()), float), alone, with_unknown(np.array(list(pieces.values()))), 4, True
    )
    # abc is better cut; of ab and bc, ab saves more; characters have no alternative
    assert decided.pieces.tolist() == [0, 1, 2, 3]
    assert decided.dropped.tolist() == [4, 5]
    assert decided.losses[0] > 0 == decided.losses[1]
    assert decided.tokens == 50 + 2 + 2 + 15


def test_the_loss_of_a_piece_is_what_its_alternative_costs():
    words, pieces = {"ab": 10, "a": 5, "b": 3}, {"a": -2.0, "b": -2.0, "ab": -3.0}
    ids = {piece: i for i, piece in enumerate(pieces)}
    lattice, alone = Lattice(list(words), ids), Lattice(list(pieces), ids, whole=False)
    scores = with_unknown(np.array(list(pieces.values())))
    decided = prune(lattice, np.array([10.0, 5.0, 3.0]), alone, scores, 2, False)
    assert decided.pieces.tolist() == [0, 1]
    # ab has 10 of 18 tokens; without it, a and b would have 10 more each, of 28
    kept, without = math.log(10 / 18), math.log(15 / 28) + math.log(13 / 28)
    assert decided.losses.tolist() == pytest.approx([10 / 18 * (kept - without)])

"""Unigram's search word by word: the same best paths and the same rounding as the plain search of the whole text."""

import random

import pytest
from unigram_roads import UnigramRoads, all_ways, model_of, random_vocabulary

from minibert.tokenizers.fast import unigram_words
from minibert.tokenizers.fast.unigram_words import (
    LONGEST_KEPT,
    KnownWords,
    PieceIndex,
    quick_path,
    search,
    split_at_seams,
    split_words,
)
from minibert.tokenizers.stages.unigram import ScoredPieces, Unigram, best_path, float32


def test_the_index_has_the_lengths_of_all_pieces():
    index = PieceIndex(ScoredPieces(model_of({"a": -1.0, "ab": -2.0, "abc": -3.0, "abcd": -4.0, "xyz": -5.0})))
    assert index.longer == {"ab": (2,), "abc": (2, 3, 4), "xyz": (3,)}
    assert index.score_of["abc"] == -3.0
    assert index.longest == 4


def test_texts_are_split_where_no_piece_reaches_across():
    assert split_words("▁ab▁▁c") == ["▁ab", "▁", "▁c"]
    assert split_at_seams(["▁", "a", "b", "."])("▁ab.▁.a") == ["▁ab", ".", "▁.", "a"]
    assert split_at_seams(["a.", "(", "a"])("▁a.(a") == ["▁a.", "(", "a"]  # the full stop is tied to a letter
    assert split_at_seams([])("▁a.") == ["▁a", "."]


def test_what_is_known_about_a_word():
    words = KnownWords(Unigram(model_of({"▁": -1.0, "a": -2.0, "▁a": -2.5, "b": -1.0})))
    ids, limit, path, cost = words.find("▁ab")
    assert (ids, path, cost) == ((3, 4), ((2, 3), (3, 4)), 3.5)
    assert 0 < limit < 100_000
    assert words.find("▁ab") is words.find("▁ab")
    assert words.find_all("▁ab▁a") == ((3, 4, 3), min(limit, words.find("▁a")[1]), 6.0)


def test_a_full_memory_is_emptied(monkeypatch):
    monkeypatch.setattr(unigram_words, "WORDS_KEPT", 4)
    rng, unigram = random.Random(3), UnigramRoads(random_vocabulary(random.Random(2), coarse=False))
    for _ in range(200):
        text = " ".join("".join(rng.choices("abc?", k=rng.randint(1, 5))) for _ in range(6))
        assert unigram.encode(text) == unigram.encode_plainly(text), text
        assert len(unigram.words._known) <= 4


def test_long_words_are_searched_each_time():
    model = Unigram(model_of({"▁": -1.0, "a": -2.0, "aa": -3.0}))
    words = KnownWords(model)
    long = "▁" + "a" * LONGEST_KEPT
    assert words.path([long, "▁a"]) == best_path(long + "▁a", model.scored)[0]
    assert list(words._known) == ["▁a"]


@pytest.mark.parametrize("coarse", [True, False])
def test_fast_and_plain_search_agree(coarse):
    rng = random.Random(5)
    for _ in range(150):
        unigram = UnigramRoads(random_vocabulary(rng, coarse))
        for _ in range(8):
            text = "".join(rng.choice("aaabbbc d") for _ in range(rng.randint(0, 60)))
            normalized = unigram.normalize(text).text
            start = float32(-rng.random() * 10 ** rng.randint(0, 5))
            scored = unigram.unigram.scored
            assert quick_path(normalized, unigram.words.pieces, start) == best_path(normalized, scored, start)
            assert unigram.encode(text) == unigram.encode_plainly(text), (text, unigram.model.pieces)


def test_parts_between_signs_and_letters_are_searched_alone_only_where_no_piece_joins_them():
    rng = random.Random(11)
    cut = whole = 0
    for _ in range(300):
        pieces = {"▁": -1.0, "a": -2.0, "b": -2.5, "(": -3.0, ".": -3.0}
        for _ in range(rng.randint(1, 8)):
            letters, signs, both = "abé\n", ".(1~", rng.choice([".(1~ab", "ab.\n", "a1"])
            alphabet = rng.choice([letters, signs, signs, letters, both])
            text = rng.choice(["", "▁"]) + "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 4)))
            pieces[text] = float32(-rng.random() * 9)
        unigram = UnigramRoads(model_of(pieces))
        for _ in range(8):
            text = "".join(rng.choice("aabbé(.1~\n ?") for _ in range(rng.randint(0, 25)))
            parts = unigram.words.split(unigram.normalize(text).text)
            cut += len(parts) > len(unigram.pre_tokenizer.split(unigram.normalize(text)))
            whole += len(parts) <= len(unigram.pre_tokenizer.split(unigram.normalize(text)))
            assert unigram.encode(text) == unigram.encode_plainly(text), (text, pieces)
            assert "".join(parts) == unigram.normalize(text).text
    assert cut > 300
    assert whole > 300


def test_unknown_characters_on_both_sides_of_a_seam_are_one_unknown_piece():
    unigram = UnigramRoads(model_of({"▁": -1.0, "a": -2.0, ".": -2.0}))
    assert unigram.words.split("▁xy(z)") == ["▁xy", "(", "z", ")"]
    assert unigram.encode("xy(z) a.x(") == unigram.encode_plainly("xy(z) a.x(") == [1, 0, 1, 2, 3, 0]


def test_search_finds_the_best_way_and_the_distance_to_the_second():
    rng = random.Random(6)
    for _ in range(300):
        vocabulary = ScoredPieces(random_vocabulary(rng, coarse=False))
        text = "▁" + "".join(rng.choice("abc?") for _ in range(rng.randint(0, 7)))
        ways = all_ways(text, vocabulary)
        path, cost, gap = search(text, PieceIndex(vocabulary))
        assert tuple(path) == ways[0][1] or gap == 0
        assert cost == pytest.approx(-ways[0][0])
        assert gap == pytest.approx(ways[0][0] - ways[1][0] if len(ways) > 1 else float("inf"))


def test_near_ties_are_decided_by_what_stood_before():
    # "ab" is worse than a + b by less than float32 can tell once the sum is large
    rng = random.Random(7)
    pieces = {"▁": -1.0, "a": float32(-1.1), "b": float32(-1.3), "c": float32(-3.7)}
    pieces["ab"] = float32(pieces["a"] + pieces["b"] - 3e-7)
    pieces["abc"] = float32(pieces["ab"] + pieces["c"] + 5e-7)
    unigram = UnigramRoads(model_of(pieces))
    outcomes = set()
    for size in (2, 50, 300, 3000):
        text = " ".join(rng.choice(["c", "ab", "cab", "abc", "abab"]) for _ in range(size))
        assert unigram.encode(text) == unigram.encode_plainly(text)
        outcomes.update(unigram.encode(text))
    assert {unigram.model.ids[piece] for piece in ("a", "ab", "abc")} & outcomes


def test_costly_words_leave_less_precision_to_what_follows():
    rng = random.Random(8)
    for _ in range(40):
        pieces = {"▁": -1.0, "a": float32(-1 - rng.random()), "b": float32(-1 - rng.random()), "c": -901.25, ".": -1.0}
        pieces["ab"] = float32(pieces["a"] + pieces["b"] - 0.0007)
        unigram = UnigramRoads(model_of(pieces))
        for costly in ("c ", "c. "):
            text = f"{costly * 50}ab {costly}ab"
            assert unigram.encode(text) == unigram.encode_plainly(text)


def test_sums_beyond_the_limit_are_shifted():
    vocabulary = ScoredPieces(model_of({"a": -9.0, "aa": -17.9, "b": -60.0}))
    text = "ab" * 900 + "a" * 9000
    path, total = best_path(text, vocabulary)
    assert quick_path(text, PieceIndex(vocabulary)) == (path, total)
    assert abs(total) < 100_000
    spread = UnigramRoads(model_of({"▁": -2000.0, "a": -1000.0, "ab": -1999.0, "b": -1100.0}))
    long = "ab aab b " * 200
    assert spread.encode(long) == spread.encode_plainly(long)

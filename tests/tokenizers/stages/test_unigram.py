"""Unigram against stored answers of SentencePiece, and what the answers do not show: offsets, ties, long texts, speed.

The vectors are made by unigram_vectors/make.py; nothing here needs SentencePiece.
"""

import itertools
import json
import random
import time
from pathlib import Path

import pytest
from unigram_roads import UNK, UnigramRoads, all_ways, model_of, random_vocabulary

from minibert.errors import InputError
from minibert.tokenizers.files.sentencepiece_model import read_sentencepiece_model, sentencepiece_bytes
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.pieces import BYTE_PIECES, Piece, PieceType, SentencePieceModel
from minibert.tokenizers.stages.unigram import ScoredPieces, best_path, float32, lattice, user_defined_score

FOLDER = Path(__file__).parents[1] / "unigram_vectors"
VECTORS = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))["models"]


@pytest.fixture(scope="module", params=VECTORS)
def stored(request):
    """(the model at work, its vectors)"""
    return UnigramRoads(read_sentencepiece_model(FOLDER / f"{request.param}.model")), VECTORS[request.param]


# ------------------------------------------------------------ stored answers


def test_vectors_are_many(stored):
    assert len(stored[1]) >= 50


def test_normalized_text(stored):
    unigram, cases = stored
    for case in cases:
        source = AlignedText.from_text(case["text"], 3)
        assert unigram.normalize(source).text == case["normalized"], case["text"]
        assert unigram.normalize(case["text"]).text == case["normalized"], case["text"]
        assert unigram.normalize_text(case["text"]) == case["normalized"], case["text"]


@pytest.mark.parametrize("method", ["encode", "encode_plainly"])
def test_ids(stored, method):
    unigram, cases = stored
    for case in itertools.chain(cases, cases):  # the second time from what was kept
        assert getattr(unigram, method)(case["text"]) == case["ids"], case["text"]


def test_tokens_and_ids_with_offsets(stored):
    unigram, cases = stored
    for case in cases:
        encoding = unigram.encode_with_offsets(case["text"])
        assert encoding.ids == case["ids"], case["text"]
        assert encoding.tokens == case["pieces"], case["text"]
        assert len(encoding.offsets) == len(encoding.words) == len(case["ids"])


def test_decoded_text(stored):
    unigram, cases = stored
    for case in cases:
        assert unigram.decode(case["ids"]) == case["decoded"], case["ids"]
        assert unigram.decode(case["other_ids"]) == case["other_decoded"], case["other_ids"]


def test_written_models_work_the_same(stored):
    unigram, cases = stored
    again = UnigramRoads(read_sentencepiece_model(sentencepiece_bytes(unigram.model)))
    assert again.model == unigram.model
    assert [again.encode(case["text"]) for case in cases] == [case["ids"] for case in cases]


def test_offsets_are_spans_of_the_text_in_order(stored):
    unigram, cases = stored
    for case in cases:
        offsets = unigram.encode_with_offsets(case["text"]).offsets
        assert all(0 <= start <= end <= len(case["text"]) for start, end in offsets), case["text"]
        assert [start for start, _ in offsets] == sorted(start for start, _ in offsets), case["text"]


# ------------------------------------------------------------ offsets and words

LETTERS = {"▁": -2.0, **dict.fromkeys("abcxyz1é株式会社", -3.0)}


@pytest.mark.parametrize(
    ("text", "tokens", "offsets"),
    [
        ("ab", ["▁", "a", "b"], [(0, 1), (0, 1), (1, 2)]),
        ("a   b", ["▁", "a", "▁", "b"], [(0, 1), (0, 1), (3, 4), (4, 5)]),
        ("  a", ["▁", "a"], [(1, 2), (2, 3)]),
        ("a b  ", ["▁", "a", "▁", "b"], [(0, 1), (0, 1), (1, 2), (2, 3)]),
        ("x ㍿", ["▁", "x", "▁", "株", "式", "会", "社"], [(0, 1), (0, 1), (1, 2), (2, 3), (2, 3), (2, 3), (2, 3)]),
        ("ae\u0301", ["▁", "a", "é"], [(0, 1), (0, 1), (1, 3)]),
        ("a\x01b", ["▁", "a", "b"], [(0, 1), (0, 1), (2, 3)]),
        ("\x01a", ["▁", "a"], [(1, 2), (1, 2)]),
        ("\x01 a", ["▁", "a"], [(1, 2), (2, 3)]),
        ("a?!b", ["▁", "a", "?!", "b"], [(0, 1), (0, 1), (1, 3), (3, 4)]),
        ("😀a", ["▁", "😀", "a"], [(0, 1), (0, 1), (1, 2)]),
    ],
)
def test_offsets(text, tokens, offsets):
    rules = {"㍿": "株式会社", "e\u0301": "é", "\x01": ""}
    encoding = UnigramRoads(model_of(LETTERS, rules=rules)).encode_with_offsets(text)
    assert (encoding.tokens, encoding.offsets) == (tokens, offsets)


def test_words_are_counted_by_blank():
    unigram = UnigramRoads(model_of(LETTERS))
    assert unigram.encode_with_offsets("ab c ab").words == [0, 0, 0, 1, 1, 2, 2, 2]
    plain = UnigramRoads(model_of(LETTERS, add_dummy_prefix=False))
    assert plain.encode_with_offsets("ab c").words == [0, 0, 1, 1]


def test_offsets_of_byte_tokens_are_those_of_the_character():
    unigram = UnigramRoads(model_of({"▁": -1.0, "a": -2.0}, byte_fallback=True))
    encoding = unigram.encode_with_offsets("aé")
    assert encoding.tokens == ["▁", "a", "<0xC3>", "<0xA9>"]
    assert encoding.offsets == [(0, 1), (0, 1), (1, 2), (1, 2)]
    assert unigram.encode("aé") == encoding.ids


def test_offsets_start_from_those_of_an_aligned_text():
    unigram = UnigramRoads(model_of(LETTERS))
    encoding = unigram.encode_with_offsets(AlignedText("ab", [(5, 7), (9, 10)]))
    assert encoding.offsets == [(5, 7), (5, 7), (9, 10)]


def test_unescaped_blanks():
    model = model_of({" ": -1.0, "a": -1.0, " a": -1.5}, escape_whitespaces=False)
    assert UnigramRoads(model).encode_with_offsets("a a").tokens == [" a", " a"]


# ------------------------------------------------------------ the search


def test_of_equal_ways_the_longer_last_piece_wins():
    vocabulary = ScoredPieces(model_of({"a": -1.0, "aa": -2.0, "b": -9.0}))
    assert best_path("aaa", vocabulary)[0] == [(1, 1), (3, 2)]


def test_sums_are_float32():
    # in double precision, b + c is better by 1e-9; in float32 both sums are the same, and the longer piece stays
    vocabulary = ScoredPieces(model_of({"b": float32(-0.1), "c": float32(-0.7), "bc": float32(-0.80000001)}))
    exact = float32(-0.1) + float32(-0.7)
    assert exact != float32(exact)
    assert best_path("bc", vocabulary)[0] == [(2, 3)]


def test_unknown_score_and_penalty():
    vocabulary = ScoredPieces(model_of({"a": -1.0, "b": -7.5, Piece("<sep>", 0.0, PieceType.USER_DEFINED): None}))
    assert vocabulary.unk_score == -17.5
    assert best_path("?", vocabulary) == ([(1, 0)], -17.5)


def test_user_defined_symbols_beat_every_score():
    pieces = {Piece("ab", -90.0, PieceType.USER_DEFINED): None, "a": -0.1, "b": -0.1, "▁": -1.0}
    assert user_defined_score("é<") == float32(0.2)
    assert UnigramRoads(model_of(pieces)).encode("ab") == [4, 1]


def test_unused_and_control_pieces_never_match():
    pieces = {Piece("ab", 0.0, PieceType.UNUSED): None, Piece("<s>", 0.0, PieceType.CONTROL): None, **LETTERS}
    unigram = UnigramRoads(model_of(pieces))
    assert unigram.encode_with_offsets("ab<s>").tokens == ["▁", "a", "b", "<s>"]
    assert unigram.encode("ab<s>")[-1] == 0


def test_lattice_shows_every_piece_and_the_best_way():
    vocabulary = ScoredPieces(model_of({"▁": -1.0, "▁a": -2.5, "a": -2.0, "b": -1.0, "ab": -2.5}))
    nodes = lattice("▁ab?", vocabulary)
    assert [(node.start, node.end, node.id) for node in nodes] == [
        (0, 1, 1), (0, 2, 2), (1, 2, 3), (1, 3, 5), (2, 3, 4), (3, 4, 0)
    ]  # fmt: skip
    # ▁a + b scores the same; the longer last piece wins
    assert [(node.start, node.end) for node in nodes if node.on_best_path] == [(0, 1), (1, 3), (3, 4)]
    best = [node for node in nodes if node.on_best_path]
    assert best[0].start == 0
    assert best[-1].end == 4
    assert all(left.end == right.start for left, right in itertools.pairwise(best))
    assert best[-1].best == sum(node.score for node in best) == best_path("▁ab?", vocabulary)[1]


# ------------------------------------------------------------ rules that reach across words, and stray pieces


def test_words_that_begin_with_an_unknown_blank_are_fused():
    unigram = UnigramRoads(model_of({"a": -1.0}))
    assert unigram.encode("? a ?") == [0, 1, 0]
    assert unigram.encode_with_offsets("? a ?").tokens == ["▁?▁", "a", "▁?"]


def test_a_stray_nul_piece_never_matches():
    pieces = [UNK, Piece("\0", -0.5, PieceType.NORMAL), Piece("▁", -1.0)]
    pieces += [Piece(text, 0.0, PieceType.BYTE) for text in BYTE_PIECES]
    unigram = UnigramRoads(SentencePieceModel(tuple(pieces), byte_fallback=True))
    assert unigram.encode("\0") == [2, 3]


@pytest.mark.parametrize("method", ["encode", "encode_plainly", "encode_with_offsets", "normalize"])
def test_lone_surrogates_are_refused(method):
    with pytest.raises(InputError, match=r"lone surrogate, U\+D800, at position 1"):
        getattr(UnigramRoads(model_of({"▁": -1.0, "a": -1.0})), method)("a\ud800")


# ------------------------------------------------------------ hostile texts take linear time


@pytest.mark.parametrize(
    "text",
    ["a" * 300_000, "\u0301" * 300_000, "e\u0301\u0323" * 100_000, "<sep>" * 60_000, "ab" * 150_000, " " * 300_000],
    ids=["one word", "marks", "marked letters", "symbols", "repeats", "blanks"],
)
@pytest.mark.parametrize("name", ["nmt", "symbols", "inner"])
def test_hostile_texts(name, text):
    unigram = UnigramRoads(read_sentencepiece_model(FOLDER / f"{name}.model"))
    begin = time.process_time()
    ids = unigram.encode(text)
    seconds = time.process_time() - begin
    assert unigram.encode_with_offsets(text[:1000]).ids == unigram.encode(text[:1000])
    assert len(ids) <= len(text) + 1
    assert seconds < 20


def test_the_best_path_is_the_best_of_all_segmentations():
    rng = random.Random(12)
    for _ in range(300):
        vocabulary = ScoredPieces(random_vocabulary(rng, coarse=False))
        text = "▁" + "".join(rng.choice("abc?") for _ in range(rng.randint(0, 7)))
        path, total = best_path(text, vocabulary)
        ways = all_ways(text, vocabulary)
        assert total == pytest.approx(ways[0][0])
        assert {way: cost for cost, way in ways}[tuple(path)] == pytest.approx(ways[0][0])

"""Unigram against stored answers of SentencePiece, and what the answers do not show: offsets, ties, long texts, speed.

The vectors are made by unigram_vectors/make.py; nothing here needs SentencePiece.
"""

import itertools
import json
import random
import time
from pathlib import Path

import pytest
from unigram_roads import UnigramRoads

from minibert.errors import InputError
from minibert.tokenizers.fast.unigram_words import PieceIndex, quick_path, search
from minibert.tokenizers.files.sentencepiece_model import read_sentencepiece_model, sentencepiece_bytes
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.decoding import decode_bytes
from minibert.tokenizers.stages.pieces import BYTE_PIECES, NormalizerOptions, Piece, PieceType, SentencePieceModel
from minibert.tokenizers.stages.unigram import ScoredPieces, best_path, float32, lattice, user_defined_score
from minibert.tokenizers.stages.unigram_normalizer import SymbolMatcher, UnigramNormalizer
from minibert.tokenizers.training.charsmap_builder import build_charsmap

FOLDER = Path(__file__).parents[1] / "unigram_vectors"
VECTORS = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))["models"]
UNK = Piece("<unk>", 0.0, PieceType.UNKNOWN)


@pytest.fixture(scope="module", params=VECTORS)
def stored(request):
    """(the model at work, its vectors)"""
    return UnigramRoads(read_sentencepiece_model(FOLDER / f"{request.param}.model")), VECTORS[request.param]


def model_of(pieces, *, rules=None, byte_fallback=False, **options):
    """A model of these {piece: score}, unknown piece first."""
    entries = [UNK, *(piece if isinstance(piece, Piece) else Piece(piece, score) for piece, score in pieces.items())]
    if byte_fallback:
        entries += [Piece(text, 0.0, PieceType.BYTE) for text in BYTE_PIECES]
    normalizer = NormalizerOptions(charsmap=build_charsmap(rules or {}), **options)
    return SentencePieceModel(tuple(entries), normalizer, byte_fallback)


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


def test_suffix_blank_stands_for_the_last_character():
    model = read_sentencepiece_model(FOLDER / "suffix.model")
    assert UnigramNormalizer(model).normalize(AlignedText.from_text("ab")) == ("ab▁", [(0, 1), (1, 2), (1, 2)])


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


def random_vocabulary(rng, coarse):
    """Pieces over few letters; coarse scores make ties."""
    pieces = {"▁": -1.0, "a": -2.0, "b": -2.5}
    for _ in range(rng.randint(3, 25)):
        text = rng.choice(["", "▁"]) + "".join(rng.choice("abc") for _ in range(rng.randint(1, 5)))
        pieces[text] = -rng.randint(1, 12) / 2 if coarse else float32(-rng.random() * 12)
    return model_of(pieces)


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


def all_ways(text, vocabulary):
    """Every way to cut the text, best first: (exact sum, path)."""
    ways = [[(0.0, ())]] + [[] for _ in text]
    for start in range(len(text)):
        for end, piece, score in vocabulary.starting_at(text, start):
            ways[end] += [(total + score, (*path, (end, piece))) for total, path in ways[start]]
    return sorted(ways[-1], reverse=True)


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


def test_chunks_that_rounding_could_turn_are_not_kept():
    unigram = UnigramRoads(model_of({"▁": -1.0, "a": -1.0, "b": -1.0, "ab": -2.0}))
    assert unigram.encode("ab ab") == [1, 4, 1, 4]
    assert unigram.by_chunks("ab ab") is None
    assert unigram.by_chunks("b ab") is None
    assert unigram.by_chunks("b ba") == unigram.encode_plainly("b ba")


def test_no_word_is_taken_as_known_where_sums_are_shifted():
    unigram = UnigramRoads(model_of({"▁": -1.0, "a": -1.0, "b": -9.0}))
    assert all(unigram.words.find(word)[1] < 100_000 - 20 * len(word) for word in ("▁", "▁a", "▁bbbb"))
    assert unigram.by_chunks("a a a") == unigram.encode_plainly("a a a")
    assert unigram.by_chunks("a " * 5000) is None  # the sum may have come close to where it is shifted
    assert unigram.encode("a " * 5000) == unigram.encode_plainly("a " * 5000)


def test_sums_beyond_the_limit_are_shifted():
    vocabulary = ScoredPieces(model_of({"a": -9.0, "aa": -17.9, "b": -60.0}))
    text = "ab" * 900 + "a" * 9000
    path, total = best_path(text, vocabulary)
    assert quick_path(text, PieceIndex(vocabulary)) == (path, total)
    assert abs(total) < 100_000
    spread = UnigramRoads(model_of({"▁": -2000.0, "a": -1000.0, "ab": -1999.0, "b": -1100.0}))
    long = "ab aab b " * 200
    assert spread.encode(long) == spread.encode_plainly(long)


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


def test_pre_tokenize_gives_the_words():
    unigram = UnigramRoads(model_of(LETTERS))
    words = unigram.pre_tokenizer.split(AlignedText.from_text("ab▁c▁▁a"))
    assert [word.text for word in words] == ["ab", "▁c", "▁", "▁a"]


# ------------------------------------------------------------ rules that reach across words, and stray pieces


@pytest.mark.parametrize("rules", [{" a": "b"}, {"a ": "c"}, {" ": "x"}, {"x": "a  b"}, {"y": " a "}, {"\t": " "}])
@pytest.mark.parametrize("collapse", [True, False])
def test_rules_with_blanks(rules, collapse):
    unigram = UnigramRoads(model_of(LETTERS, rules=rules, remove_extra_whitespaces=collapse))
    for size in range(6):
        for chars in itertools.product("a xy\t", repeat=size):
            text = "".join(chars)
            source = AlignedText.from_text(text)
            assert unigram.normalize(source).text == unigram.normalize(text).text
            assert unigram.normalize_text(text) == unigram.normalize(text).text, text
            assert unigram.encode(text) == unigram.encode_plainly(text), text


def test_the_longest_symbol_escapes_the_map():
    matcher = SymbolMatcher(["x", "xé", "é", "xéyz"])
    assert [matcher.match("xéyxé", at) for at in range(5)] == [2, 1, 0, 2, 1]
    symbols = {Piece(text, 0.0, PieceType.USER_DEFINED): None for text in ("x", "xé")}
    unigram = UnigramRoads(model_of({**symbols, "▁": -1.0}, rules={"é": "e"}))
    assert unigram.normalize("xéé").text == "▁xée"
    for text in ("xéé", "é xé é"):
        assert unigram.encode(text) == unigram.encode_plainly(text) == unigram.encode_with_offsets(text).ids


def test_words_that_begin_with_an_unknown_blank_are_fused():
    unigram = UnigramRoads(model_of({"a": -1.0}))
    assert unigram.encode("? a ?") == [0, 1, 0]
    assert unigram.encode_with_offsets("? a ?").tokens == ["▁?▁", "a", "▁?"]


def test_a_stray_nul_piece_never_matches():
    pieces = [UNK, Piece("\0", -0.5, PieceType.NORMAL), Piece("▁", -1.0)]
    pieces += [Piece(text, 0.0, PieceType.BYTE) for text in BYTE_PIECES]
    unigram = UnigramRoads(SentencePieceModel(tuple(pieces), byte_fallback=True))
    assert unigram.encode("\0") == [2, 3]


# ------------------------------------------------------------ decoding


@pytest.mark.parametrize(
    ("raw", "text"),
    [("e282ac", "€"), ("e282", "��"), ("ff41", "�A"), ("f09f9880c3", "😀�"), ("eda080", "���"), ("", "")],
)
def test_bytes_that_are_not_utf8_become_replacement_characters(raw, text):
    assert decode_bytes(bytes.fromhex(raw)) == text


def test_ids_outside_the_vocabulary_are_refused():
    unigram = UnigramRoads(model_of({"a": -1.0}))
    with pytest.raises(InputError, match=r"The id 2 is not in the vocabulary, which has 2 pieces\."):
        unigram.decode([1, 2])
    with pytest.raises(InputError, match="The id -1 is not"):
        unigram.decode([-1])


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

"""SentencePiece's normaliser, faster, against the plain one."""

import itertools
from pathlib import Path

import pytest
from generated_texts import generate
from unigram_roads import model_of

from minibert.tokenizers.fast.unigram_normalizer import QuickNormalizer
from minibert.tokenizers.files.sentencepiece_model import read_sentencepiece_model
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.pieces import NormalizerOptions, Piece, PieceType, SentencePieceModel
from minibert.tokenizers.stages.unigram_normalizer import UnigramNormalizer
from minibert.tokenizers.training.charsmap_builder import build_charsmap

PIECES = (Piece("<unk>", 0, PieceType.UNKNOWN), Piece("a", -1.0), Piece("<s>", 0, PieceType.USER_DEFINED))
RULES = [{}, {"x": ""}, {"x": "yy"}, {"ax": "b"}, {"x": " "}, {"x": "y  y"}, {" x": "z"}]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize(("prefix", "suffix"), [(True, False), (False, False), (True, True)])
def test_short_texts(rules, collapse, prefix, suffix):
    options = NormalizerOptions(
        charsmap=build_charsmap(rules), add_dummy_prefix=prefix, remove_extra_whitespaces=collapse
    )
    plain = UnigramNormalizer(SentencePieceModel(PIECES, options, treat_whitespace_as_suffix=suffix))
    quick = QuickNormalizer(plain)
    for size in range(5):
        for chars in itertools.product(["a", "x", " ", "▁", "<s>"], repeat=size):
            source = AlignedText.from_text("".join(chars), 7)
            assert quick.normalize(source) == plain.normalize(source), source.text
            assert quick.normalize_text(source.text) == plain.normalize(source).text, source.text


@pytest.mark.parametrize("rules", RULES)
def test_chunks(rules):
    plain = UnigramNormalizer(SentencePieceModel(PIECES, NormalizerOptions(charsmap=build_charsmap(rules))))
    quick = QuickNormalizer(plain)
    if not quick.chunks_are_independent:
        assert "  " in "".join(rules.values()) or any(" " in source for source in rules)
        return
    for chunk in ("a", "x", "axa", "xx", "aax"):
        expected = plain.normalize(AlignedText.from_text(chunk))
        assert quick.normalize_chunk(chunk) == expected.text, chunk
        if quick.keeps_places(chunk, expected.text):
            assert expected.spans == [(0, 1), *((i, i + 1) for i in range(len(chunk)))], chunk


FOLDER = Path(__file__).parents[1] / "unigram_vectors"


def quick_and_plain(model):
    plain = UnigramNormalizer(model)
    return QuickNormalizer(plain), plain


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.model")), ids=lambda path: path.stem)
def test_generated_texts(path):
    quick, plain = quick_and_plain(read_sentencepiece_model(path))
    for text in generate(200, 49, ["<sep>", "[MASK]"]):
        source = AlignedText.from_text(text, 3)
        expected = plain.normalize(source)
        assert quick.normalize_text(text) == expected.text, text
        assert quick.normalize(source) == expected, text
        if not quick.symbols.found_in(text):
            assert plain.normalize(AlignedText.from_text(quick.write_blanks(text))).text == expected.text, text


def test_where_chunks_are_not_independent():
    for rules, options in (({"a ": "b"}, {}), ({"x": "a  b"}, {}), ({}, {"add_dummy_prefix": False})):
        assert not quick_and_plain(model_of({"a": -1.0}, rules=rules, **options))[0].chunks_are_independent


def test_places_are_kept_where_each_character_becomes_one():
    quick, _ = quick_and_plain(model_of({"a": -1.0}, rules={"é": "e", "x": "", "w": "vv"}))
    kept = [quick.keeps_places(chunk, quick.normalize_chunk(chunk)) for chunk in ("ab", "aé", "ax", "aw", "xw")]
    assert kept == [True, True, False, False, False]  # the last has the right length by chance


def test_characters_that_become_blanks_are_written_as_blanks():
    quick, _ = quick_and_plain(model_of({"a": -1.0}, rules={"\t": " ", "\u3000": " ", "x": "  "}))
    assert quick.write_blanks("a\tb\u3000x") == "a b x"
    assert quick_and_plain(model_of({"a": -1.0}))[0].write_blanks("a\tb") == "a\tb"

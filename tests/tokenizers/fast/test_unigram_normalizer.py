"""SentencePiece's normaliser, faster, against the plain one."""

import itertools

import pytest

from minibert.tokenizers.fast.unigram_normalizer import QuickNormalizer
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

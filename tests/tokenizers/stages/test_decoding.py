"""Tokens back to text."""

import pytest

from minibert.tokenizers.stages.decoding import (
    ByteLevelDecoder,
    OriginalSentencePieceDecoder,
    OriginalWordPieceDecoder,
    SentencePieceDecoder,
    WordPieceDecoder,
    clean_up_tokenization,
    decode_bytes,
)
from minibert.tokenizers.stages.pieces import BYTE_PIECES, Piece, PieceType, SentencePieceModel


def test_words_of_bert():
    tokens = ["##un", "##able", "!", "do", "n't", "'", "x"]
    assert WordPieceDecoder().join(tokens) == "##unable! don't ' x"
    assert WordPieceDecoder(cleanup=False).join(tokens) == "##unable ! do n't ' x"
    assert OriginalWordPieceDecoder().join(tokens[1:]) == "##able ! do n't ' x"
    assert clean_up_tokenization("a ' b . do n't") == "a'b. don't"
    assert WordPieceDecoder("_", cleanup=False).join(["a", "_b", "c"]) == "ab c"


@pytest.mark.parametrize(("raw", "text"), [("e282ac", "€"), ("e282", "��"), ("ff41", "�A"), ("", "")])
def test_bytes(raw, text):
    assert decode_bytes(bytes.fromhex(raw)) == text


def test_byte_level():
    assert ByteLevelDecoder().join(["Ġa", "Ã", "©", "<s>", "日"]) == " aé<s>日"
    assert [ByteLevelDecoder().cleans_up, ByteLevelDecoder(cleans_up=True).cleans_up] == [False, True]


def test_sentencepiece():
    pieces = [Piece("<unk>", 0, PieceType.UNKNOWN), Piece("<s>", 0, PieceType.CONTROL), Piece("▁a", -1.0)]
    pieces += [Piece(name, 0, PieceType.BYTE) for name in BYTE_PIECES]
    model = SentencePieceModel(tuple(pieces), byte_fallback=True)
    tokens = ["<s>", "▁a", "<0xC3>", "<0xA9>", "<unk>", "▁a", "[X]"]
    assert SentencePieceDecoder(model).join(tokens) == "<s> aé<unk> a[X]"
    assert OriginalSentencePieceDecoder(model).join(tokens) == "aé ⁇  a [X]"

"""The pieces of a SentencePiece model: ids, roles, and every contradiction that is refused."""

import pytest
from unigram_roads import UnigramRoads

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.pieces import (
    BYTE_PIECES,
    Piece,
    PieceType,
    SentencePieceModel,
    byte_of_piece,
    is_stray_nul,
)

BYTE = PieceType.BYTE
UNK, A = Piece("<unk>", 0.0, PieceType.UNKNOWN), Piece("a", -1.0)


def test_ids_are_places_and_roles_are_control_pieces():
    model = SentencePieceModel((A, UNK, Piece("<s>", 0.0, PieceType.CONTROL), Piece("</s>", -2.0)))
    assert model.texts == ["a", "<unk>", "<s>", "</s>"]
    assert model.special_ids == [1, 2]
    assert (model.unk_id, model.bos_id, model.eos_id, model.pad_id) == (1, 2, -1, -1)  # </s> is a normal piece


def test_a_nul_that_no_text_can_match_is_let_pass():
    assert is_stray_nul(Piece("\0", -1.0), byte_fallback=True)
    assert is_stray_nul(Piece("\0", -1.0, PieceType.UNUSED), byte_fallback=False)
    assert not is_stray_nul(Piece("\0", -1.0), byte_fallback=False)
    assert SentencePieceModel((UNK, A, Piece("\0", -1.0, PieceType.UNUSED))).texts[2] == "\0"


def test_ids_prefer_reserved_pieces():
    model = SentencePieceModel((UNK, Piece("x", 0.0, PieceType.CONTROL), Piece("x", -1.0)))
    assert model.ids == {"x": 1, "<unk>": 0}


def test_byte_pieces():
    assert [byte_of_piece(piece) for piece in BYTE_PIECES] == list(range(256))
    assert byte_of_piece("<0xG0>") == -1


@pytest.mark.parametrize(
    ("pieces", "byte_fallback", "reason"),
    [
        ([], False, "the model holds no pieces; this is not a SentencePiece model"),
        ([UNK, Piece("", -1.0)], False, "piece 1 is empty"),
        ([UNK, Piece("a\0", -1.0)], False, "piece 1, 'a\\x00', holds a NUL character"),
        ([UNK, Piece("é" * 4000, -1.0)], False, "piece 1 has 8000 bytes; a piece has at most 7999"),
        ([UNK, Piece("a", float("nan"))], False, "piece 1, 'a', has the score nan, which is not a finite number"),
        ([UNK, Piece("a", float("-inf"))], False, "piece 1, 'a', has the score -inf, which is not a finite number"),
        ([UNK, A, A], False, "piece 2, 'a', is in the vocabulary twice"),
        ([UNK, A, Piece("a", 0.0, PieceType.UNUSED)], False, "piece 2, 'a', is in the vocabulary twice"),
        ([UNK, A, Piece("<unk>", 0.0, PieceType.CONTROL)], False, "piece 2, '<unk>', is in the vocabulary twice"),
        ([UNK, A, Piece("?", 0.0, PieceType.UNKNOWN)], False, "pieces 0 and 2 are both the unknown piece"),
        ([A], False, "no piece is the unknown piece, and byte fallback is off"),
        ([UNK], False, "the model has no piece that could match text"),
        ([UNK, A, Piece("<0x41>", 0.0, BYTE)], False,
         "piece 2, '<0x41>', is a byte piece, but byte fallback is off"),
        ([UNK, A, Piece("<0x4g>", 0.0, BYTE)], True,
         "piece 2, '<0x4g>', is a byte piece, but is not named <0x00> to <0xFF>"),
        ([UNK, A, Piece("<0x00>", 0.0, BYTE)], True,
         "byte fallback is on, but 255 of the 256 byte pieces are missing, the first is <0x01>"),
    ],
)  # fmt: skip
def test_contradictory_pieces(pieces, byte_fallback, reason):
    with pytest.raises(TokenizerError) as caught:
        SentencePieceModel(tuple(pieces), byte_fallback=byte_fallback, name="some.model")
    assert str(caught.value) == f"some.model: {reason}."


def test_byte_fallback_needs_no_unknown_piece():
    pieces = (A, *(Piece(text, 0.0, PieceType.BYTE) for text in BYTE_PIECES))
    unigram = UnigramRoads(SentencePieceModel(pieces, byte_fallback=True))
    assert unigram.model.unk_id == -1
    assert unigram.encode("ab") == [1 + 0xE2, 1 + 0x96, 1 + 0x81, 0, 1 + 0x62]
    assert unigram.encode_with_offsets("ab").ids == unigram.encode_plainly("ab") == unigram.encode("ab")

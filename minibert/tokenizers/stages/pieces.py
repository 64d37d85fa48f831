"""The pieces of a SentencePiece model: what RemBERT's vocabulary is made of, and how its text is normalised.

A piece is a part of a text with its log probability; its id is its place. `files/sentencepiece_model.py` reads and
writes the files; `unigram.py` searches for the pieces of a text.

Source: Kudo and Richardson 2018, "SentencePiece", arXiv:1808.06226; `sentencepiece_model.proto`.
"""

import math
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

from minibert.errors import TokenizerError
from minibert.messages import quoted

SPACE = "▁"  # U+2581 stands for a blank inside pieces
DEFAULT_UNK_SURFACE = " ⁇ "  # what decoding writes for an unknown piece
LONGEST_PIECE = 8000  # bytes; SentencePiece refuses pieces of this size and more


class PieceType(IntEnum):
    """What a piece is for; the numbers are those of the file."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3  # never matches text: [CLS], </s>, ...
    USER_DEFINED = 4  # always one token when it stands in the text
    UNUSED = 5
    BYTE = 6  # <0x00> ... <0xFF>, for characters without a piece


class Piece(NamedTuple):
    """One entry of the vocabulary; its id is its place."""

    text: str
    score: float  # log probability, a float32
    type: PieceType = PieceType.NORMAL


@dataclass(frozen=True)
class NormalizerOptions:
    """How text is normalised before it is split (`normalizer_spec` of the file)."""

    name: str = ""
    charsmap: bytes = field(default=b"", repr=False)  # see charsmap.py; empty: characters stay as they are
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    escape_whitespaces: bool = True


@dataclass(frozen=True)
class SentencePieceModel:
    """A Unigram model as its file holds it. `bos_id`, `eos_id` and `pad_id` are -1 where there is none.

    Raises TokenizerError if the pieces contradict each other (see `check_pieces`).

    >>> model = SentencePieceModel((Piece("<unk>", 0, PieceType.UNKNOWN), Piece("▁a", -1.0)))
    >>> model.unk_id, model.bos_id, model.ids["▁a"]
    (0, -1, 1)
    """

    pieces: tuple[Piece, ...] = field(repr=False)
    normalizer: NormalizerOptions = NormalizerOptions()
    byte_fallback: bool = False
    treat_whitespace_as_suffix: bool = False
    unk_surface: str = DEFAULT_UNK_SURFACE
    unk_piece: str = "<unk>"
    bos_piece: str = "<s>"
    eos_piece: str = "</s>"
    pad_piece: str = "<pad>"
    name: str = field(default="the model", compare=False)  # what errors call it: the file's path
    source: bytes | None = field(default=None, init=False, repr=False, compare=False)  # the file, if it was read

    def __post_init__(self) -> None:
        check_pieces(self)

    @cached_property
    def texts(self) -> list[str]:
        """The pieces' texts, by id."""
        return [piece.text for piece in self.pieces]

    @cached_property
    def special_ids(self) -> list[int]:
        """The ids of the pieces that are not normal ones: nearly always few."""
        normal = PieceType.NORMAL
        return [i for i, piece in enumerate(self.pieces) if piece.type is not normal]

    @cached_property
    def ids(self) -> dict[str, int]:
        """piece -> id. Control, unknown and byte pieces come before a normal one of the same text."""
        ids = dict(zip(self.texts, range(len(self.pieces)), strict=True))
        if len(ids) == len(self.pieces):
            return ids
        ids = {piece.text: i for i, piece in enumerate(self.pieces) if _matches_text(piece)}
        ids.update((piece.text, i) for i, piece in enumerate(self.pieces) if not _matches_text(piece))
        return ids

    @cached_property
    def unk_id(self) -> int:
        """The id of the piece of type UNKNOWN, or -1 (allowed with byte fallback only)."""
        return next((i for i in self.special_ids if self.pieces[i].type == PieceType.UNKNOWN), -1)

    @property
    def bos_id(self) -> int:
        return self._control_id(self.bos_piece)

    @property
    def eos_id(self) -> int:
        return self._control_id(self.eos_piece)

    @property
    def pad_id(self) -> int:
        return self._control_id(self.pad_piece)

    def _control_id(self, text: str) -> int:
        found = self.ids.get(text, -1)
        return found if found >= 0 and self.pieces[found].type == PieceType.CONTROL else -1


_MATCHING = (PieceType.NORMAL, PieceType.USER_DEFINED, PieceType.UNUSED)


def _matches_text(piece: Piece) -> bool:
    return piece.type in _MATCHING


def byte_of_piece(text: str) -> int:
    """The byte that a byte piece stands for, or -1 for any other text.

    >>> byte_of_piece("<0x0A>"), byte_of_piece("<0x0a>"), byte_of_piece("a")
    (10, -1, -1)
    """
    return _BYTE_OF_PIECE.get(text, -1)


BYTE_PIECES = tuple(f"<0x{byte:02X}>" for byte in range(256))
_BYTE_OF_PIECE = {piece: byte for byte, piece in enumerate(BYTE_PIECES)}


def check_pieces(model: SentencePieceModel) -> None:
    """Refuse, with TokenizerError, the vocabularies that SentencePiece refuses to load."""
    if not model.pieces:
        raise TokenizerError(f"{model.name}: the model holds no pieces; this is not a SentencePiece model.")
    if _are_plain(model):
        _check_unknown(model)
        return
    texts: set[str] = set()
    reserved: set[str] = set()
    for index, piece in enumerate(model.pieces):
        if is_stray_nul(piece, model.byte_fallback):
            continue
        _check_piece(model, index, piece)
        seen = texts if _matches_text(piece) else reserved
        if piece.text in seen:
            raise TokenizerError(f"{model.name}: piece {index}, {quoted(piece.text)}, is in the vocabulary twice.")
        seen.add(piece.text)
    if not texts:
        raise TokenizerError(f"{model.name}: the model has no piece that could match text.")
    _check_unknown(model)
    if model.byte_fallback:
        missing = [text for text in BYTE_PIECES if text not in reserved]
        if missing:
            raise TokenizerError(
                f"{model.name}: byte fallback is on, but {len(missing)} of the 256 byte pieces are missing, "
                f"the first is {missing[0]}."
            )


def _are_plain(model: SentencePieceModel) -> bool:
    """Whether nothing can be wrong with the single pieces: the quick answer for nearly every vocabulary."""
    texts, types = model.texts, {model.pieces[i].type for i in model.special_ids}
    if len(set(texts)) < len(texts) or PieceType.BYTE in types or len(model.special_ids) == len(texts):
        return False
    if not min(map(len, texts)) or max(map(len, texts)) * 4 >= LONGEST_PIECE or "\0" in "".join(texts):
        return False
    return all(map(math.isfinite, [piece.score for piece in model.pieces]))


def is_stray_nul(piece: Piece, byte_fallback: bool) -> bool:
    """Whether this is a NUL that some converters write into the vocabulary; it never matches text."""
    return piece.text == "\0" and (byte_fallback or piece.type == PieceType.UNUSED)


def _check_piece(model: SentencePieceModel, index: int, piece: Piece) -> None:
    where = f"{model.name}: piece {index}"
    if not piece.text:
        raise TokenizerError(f"{where} is empty.")
    if "\0" in piece.text:
        raise TokenizerError(f"{where}, {quoted(piece.text)}, holds a NUL character.")
    if len(piece.text) * 4 >= LONGEST_PIECE and (size := len(piece.text.encode())) >= LONGEST_PIECE:
        raise TokenizerError(f"{where} has {size} bytes; a piece has at most {LONGEST_PIECE - 1}.")
    if not math.isfinite(piece.score):
        raise TokenizerError(
            f"{where}, {quoted(piece.text)}, has the score {piece.score}, which is not a finite number."
        )
    if piece.type == PieceType.BYTE:
        if not model.byte_fallback:
            raise TokenizerError(f"{where}, {quoted(piece.text)}, is a byte piece, but byte fallback is off.")
        if byte_of_piece(piece.text) < 0:
            raise TokenizerError(f"{where}, {quoted(piece.text)}, is a byte piece, but is not named <0x00> to <0xFF>.")


def _check_unknown(model: SentencePieceModel) -> None:
    unknown = [index for index in model.special_ids if model.pieces[index].type == PieceType.UNKNOWN]
    if len(unknown) > 1:
        raise TokenizerError(f"{model.name}: pieces {unknown[0]} and {unknown[1]} are both the unknown piece.")
    if not unknown and not model.byte_fallback:
        raise TokenizerError(f"{model.name}: no piece is the unknown piece, and byte fallback is off.")

"""Reading and writing SentencePiece models (`spiece.model`, `sentencepiece.model`), Unigram only.

Such a file is one protobuf message: the pieces with their scores, what the trainer was told, and how text
is normalised. This file knows which field is what (`sentencepiece_model.proto` of SentencePiece) and
refuses whatever SentencePiece itself would refuse to load; what the numbers mean for a text is in
`unigram.py`, the normalisation map in `charsmap.py`.

Does not handle: models of type BPE, WORD or CHAR, and models with a denormaliser; both are refused by name.
"""

import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from minibert.errors import TokenizerError
from minibert.tokenizers.fast.collector import collector_paused
from minibert.tokenizers.files import protobuf
from minibert.tokenizers.files.protobuf import write_bytes_field, write_float_field, write_varint_field

SPACE = "▁"  # U+2581 stands for a blank inside pieces
DEFAULT_UNK_SURFACE = " ⁇ "  # what decoding writes for an unknown piece
LONGEST_PIECE = 8000  # bytes; SentencePiece refuses pieces of this size and more
MODEL_TYPES = {1: "Unigram", 2: "BPE", 3: "WORD", 4: "CHAR"}


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

    def to_bytes(self) -> bytes:
        """The model as a file that SentencePiece loads. What this class has no field for is not kept."""
        parts = [write_bytes_field(1, _piece_message(piece)) for piece in self.pieces]
        parts.append(write_bytes_field(2, _trainer_message(self)))
        parts.append(write_bytes_field(3, _normalizer_message(self.normalizer)))
        return b"".join(parts)


def read_sentencepiece_model(source: str | PathLike[str] | bytes) -> SentencePieceModel:
    """Read a model from a file or from its bytes.

    Raises TokenizerError, with the file's name and the reason, for a file that is missing, cut short,
    corrupt, not a Unigram model, or whose pieces contradict each other; never another exception.
    """
    data, name = source, "the model"
    if not isinstance(data, bytes):
        name = str(source)
        try:
            data = Path(data).read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise TokenizerError(f"{name}: the SentencePiece model cannot be read: {reason}.") from None
    with collector_paused:
        return _read(data, name)


def _read(data: bytes, name: str) -> SentencePieceModel:
    pieces, start = _read_ordinary_pieces(data)
    trainer: dict[str, Any] | None = None
    normalizer: dict[str, Any] | None = None
    for part in protobuf.read_fields(data[start:], name=name, start=start):
        if part.number == 1:
            pieces.append(_read_piece(part, name, len(pieces)))
        elif part.number == 2:
            trainer = {**(trainer or {}), **_read_message(part, _TRAINER_FIELDS, name)}
        elif part.number == 3:
            normalizer = {**(normalizer or {}), **_read_message(part, _NORMALIZER_FIELDS, name)}
        elif part.number == 5 and _read_message(part, _NORMALIZER_FIELDS, name).get("charsmap"):
            raise TokenizerError(f"{name}: the model has a denormaliser, which is not supported.")
    if not pieces:
        raise TokenizerError(f"{name}: the model holds no pieces; this is not a SentencePiece model.")
    if trainer is None or normalizer is None:  # SentencePiece writes both behind the pieces
        missing = "trainer_spec" if trainer is None else "normalizer_spec"
        raise TokenizerError(f"{name}: the file ends after {len(pieces)} pieces without {missing}; it is cut short.")
    model_type = trainer.pop("model_type", 1)
    if model_type != 1:
        kind = MODEL_TYPES.get(model_type, f"number {model_type}")
        raise TokenizerError(f"{name}: the model's type is {kind}; only Unigram models are supported.")
    for special in ("unk_piece", "bos_piece", "eos_piece", "pad_piece"):
        if trainer.get(special) == "":  # an empty name means the default one
            del trainer[special]
    model = SentencePieceModel(tuple(pieces), NormalizerOptions(**normalizer), name=name, **trainer)
    object.__setattr__(model, "source", data)
    return model


_Fields = dict[int, tuple[str, Callable[..., Any]]]
_PIECE_FIELDS: _Fields = {
    1: ("text", protobuf.as_text),
    2: ("score", protobuf.as_float),
    3: ("type", protobuf.as_int32),
}
_TRAINER_FIELDS: _Fields = {
    3: ("model_type", protobuf.as_int32),
    24: ("treat_whitespace_as_suffix", protobuf.as_bool),
    35: ("byte_fallback", protobuf.as_bool),
    44: ("unk_surface", protobuf.as_text),
    45: ("unk_piece", protobuf.as_text),
    46: ("bos_piece", protobuf.as_text),
    47: ("eos_piece", protobuf.as_text),
    48: ("pad_piece", protobuf.as_text),
}
_NORMALIZER_FIELDS: _Fields = {
    1: ("name", protobuf.as_text),
    2: ("charsmap", protobuf.as_bytes),
    3: ("add_dummy_prefix", protobuf.as_bool),
    4: ("remove_extra_whitespaces", protobuf.as_bool),
    5: ("escape_whitespaces", protobuf.as_bool),
}


def _read_message(part: protobuf.Field, fields: _Fields, name: str) -> dict[str, Any]:
    """The known fields of an embedded message by name; the last one wins, others are passed over."""
    data = protobuf.as_bytes(part, name=name)
    found: dict[str, Any] = {}
    for entry in protobuf.read_fields(data, name=name, start=part.value_offset):
        if entry.number in fields:
            key, read = fields[entry.number]
            found[key] = read(entry, name=name)
    return found


def _read_piece(part: protobuf.Field, name: str, index: int) -> Piece:
    values = _read_message(part, _PIECE_FIELDS, name)
    number = values.get("type", 1)
    if number not in PieceType.__members__.values():
        raise TokenizerError(f"{name}: piece {index} has type {number}, which is not known.")
    return Piece(values.get("text", ""), values.get("score", 0.0), PieceType(number))


def _read_ordinary_pieces(data: bytes) -> tuple[list[Piece], int]:
    """The pieces at the start of a file, as long as they look as SentencePiece writes them, and where they end.

    A piece is `0a <size> 0a <length> <text> 15 <score>`, then `18 <type>` unless it is a normal one, with sizes of one
    byte. Reading only that, and decoding all texts at once, is many times faster than the general way, which takes
    over at the first piece that is different or damaged.
    """
    texts: list[bytes] = []
    scores: list[bytes] = []
    kinds: list[PieceType] = []
    at = 0
    try:
        while data[at] == 0x0A:
            size, length = data[at + 1], data[at + 3]
            text_end = at + 4 + length
            if size >= 0x80 or data[at + 2] != 0x0A or data[text_end] != 0x15 or at + 2 + size > len(data):
                break
            kind = PieceType.NORMAL
            if size != length + 7:
                if size != length + 9 or data[text_end + 5] != 0x18 or not 1 <= data[text_end + 6] <= 6:
                    break
                kind = _PIECE_TYPES[data[text_end + 6]]
            texts.append(data[at + 4 : text_end])
            scores.append(data[text_end + 1 : text_end + 5])
            kinds.append(kind)
            at += 2 + size
    except IndexError:
        pass
    try:
        decoded = b"\0".join(texts).decode("utf-8").split("\0") if texts else []
    except UnicodeDecodeError:
        return [], 0
    if len(decoded) != len(texts):  # one of them holds a NUL
        return [], 0
    numbers = struct.unpack(f"<{len(scores)}f", b"".join(scores))
    return list(map(Piece._make, zip(decoded, numbers, kinds, strict=True))), at


_PIECE_TYPES = {int(kind): kind for kind in PieceType}
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
            raise TokenizerError(f"{model.name}: piece {index}, {piece.text!r}, is in the vocabulary twice.")
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
        raise TokenizerError(f"{where}, {piece.text!r}, holds a NUL character.")
    if len(piece.text) * 4 >= LONGEST_PIECE and (size := len(piece.text.encode())) >= LONGEST_PIECE:
        raise TokenizerError(f"{where} has {size} bytes; a piece has at most {LONGEST_PIECE - 1}.")
    if not math.isfinite(piece.score):
        raise TokenizerError(f"{where}, {piece.text!r}, has the score {piece.score}, which is not a finite number.")
    if piece.type == PieceType.BYTE:
        if not model.byte_fallback:
            raise TokenizerError(f"{where}, {piece.text!r}, is a byte piece, but byte fallback is off.")
        if byte_of_piece(piece.text) < 0:
            raise TokenizerError(f"{where}, {piece.text!r}, is a byte piece, but is not named <0x00> to <0xFF>.")


def _check_unknown(model: SentencePieceModel) -> None:
    unknown = [index for index in model.special_ids if model.pieces[index].type == PieceType.UNKNOWN]
    if len(unknown) > 1:
        raise TokenizerError(f"{model.name}: pieces {unknown[0]} and {unknown[1]} are both the unknown piece.")
    if not unknown and not model.byte_fallback:
        raise TokenizerError(f"{model.name}: no piece is the unknown piece, and byte fallback is off.")


def _piece_message(piece: Piece) -> bytes:
    message = write_bytes_field(1, piece.text.encode()) + write_float_field(2, piece.score)
    return message if piece.type == PieceType.NORMAL else message + write_varint_field(3, piece.type)


def _trainer_message(model: SentencePieceModel) -> bytes:
    def of_type(*types: PieceType) -> Iterable[str]:
        return (piece.text for piece in model.pieces if piece.type in types)

    named = {model.unk_piece, model.bos_piece, model.eos_piece, model.pad_piece}
    control = [text for text in of_type(PieceType.CONTROL) if text not in named]
    texts = [(30, text) for text in control] + [(31, text) for text in of_type(PieceType.USER_DEFINED)]
    texts += [(44, model.unk_surface)] if model.unk_surface != DEFAULT_UNK_SURFACE else []
    texts += [(45, model.unk_piece), (46, model.bos_piece), (47, model.eos_piece), (48, model.pad_piece)]
    numbers = [
        (3, 1),
        (4, len(model.pieces)),
        (24, model.treat_whitespace_as_suffix),
        (35, model.byte_fallback),
        (40, model.unk_id),
        (41, model.bos_id),
        (42, model.eos_id),
        (43, model.pad_id),
    ]
    return b"".join(write_varint_field(number, value) for number, value in numbers) + b"".join(
        write_bytes_field(number, text.encode()) for number, text in texts
    )


def _normalizer_message(options: NormalizerOptions) -> bytes:
    return b"".join(
        [
            write_bytes_field(1, options.name.encode()),
            write_bytes_field(2, options.charsmap),
            write_varint_field(3, options.add_dummy_prefix),
            write_varint_field(4, options.remove_extra_whitespaces),
            write_varint_field(5, options.escape_whitespaces),
        ]
    )

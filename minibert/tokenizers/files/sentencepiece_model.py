"""Reading and writing SentencePiece models (`spiece.model`, `sentencepiece.model`), Unigram only.

Such a file is one protobuf message: the pieces with their scores, what the trainer was told, and how text
is normalised. This file knows which field is what (`sentencepiece_model.proto` of SentencePiece). What it
reads becomes a `SentencePieceModel` (stages/pieces.py), which refuses pieces that contradict each other.

Does not handle: models of type BPE, WORD or CHAR, and models with a denormaliser; both are refused by name.
"""

import os
import struct
from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from minibert.errors import TokenizerError
from minibert.files.output import output_file
from minibert.files.reading import read_bytes
from minibert.messages import shown
from minibert.tokenizers.fast.collector import collector_paused
from minibert.tokenizers.files import protobuf
from minibert.tokenizers.files.protobuf import write_bytes_field, write_float_field, write_varint_field
from minibert.tokenizers.stages.pieces import (
    DEFAULT_UNK_SURFACE,
    NormalizerOptions,
    Piece,
    PieceType,
    SentencePieceModel,
)

MODEL_TYPES = {1: "Unigram", 2: "BPE", 3: "WORD", 4: "CHAR"}


def given_sentencepiece_model(model: SentencePieceModel | None, path: Any) -> SentencePieceModel:
    """RemBERT's model: itself, or read from a .model. Raises TokenizerError if neither is given."""
    if model is not None:
        return model
    if path is None:
        raise TokenizerError(
            "A RemBertTokenizer needs a vocabulary: give vocab_file= (a SentencePiece .model) or model=."
        )
    return read_sentencepiece_model(path)


def read_sentencepiece_model(source: str | PathLike[str] | bytes) -> SentencePieceModel:
    """Read a model from a file or from its bytes.

    Raises TokenizerError, with the file's name and the reason, for a file that is missing, cut short,
    corrupt, not a Unigram model, or whose pieces contradict each other; never another exception.
    """
    data, name = source, "the model"
    if not isinstance(data, bytes):
        name = str(source)
        if "\0" not in name and not os.path.lexists(data):
            raise TokenizerError(f"{shown(name)}: the SentencePiece model cannot be read: No such file or directory.")
        data = read_bytes(data, "the SentencePiece model", error=TokenizerError)
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
    options = {option: value for option, value in trainer.items() if value != "" or option not in _PIECE_NAMES}
    model = SentencePieceModel(tuple(pieces), NormalizerOptions(**normalizer), name=name, **options)
    object.__setattr__(model, "source", data)
    return model


_PIECE_NAMES = ("unk_piece", "bos_piece", "eos_piece", "pad_piece")  # an empty name means the default one
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
def write_sentencepiece_model(model: SentencePieceModel, path: Path) -> None:
    """Write a model's file: as it was read, if it was, or a new one."""
    with output_file(path, TokenizerError) as file:
        file.write(sentencepiece_bytes(model) if model.source is None else model.source)


def sentencepiece_bytes(model: SentencePieceModel) -> bytes:
    """A model as a new file that SentencePiece loads. What `SentencePieceModel` has no field for is not kept."""
    parts = [write_bytes_field(1, _piece_message(piece)) for piece in model.pieces]
    parts.append(write_bytes_field(2, _trainer_message(model)))
    parts.append(write_bytes_field(3, _normalizer_message(model.normalizer)))
    return b"".join(parts)


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

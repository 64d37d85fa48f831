"""The header of a safetensors file, checked as if an enemy had written it.

The checks follow the order of the format's own parser: length, header size, UTF-8, JSON, entries (dtype,
shape, offsets), then all tensors together: inside the data, no overlap, no gap, nothing left over. Only when
all have passed is any tensor reachable, so an array can never lie outside the file or on top of another.

Limits: tensors need not be aligned (the format does not ask for it), values are not looked at, and keys that
the format does not know are passed over, as its own parser does. Stricter than that parser in two points: a
repeated key is an error (the format's document forbids it), and so is an entry written as a list.

Source: the section "Format" of the safetensors README.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from minibert.errors import WeightFileError
from minibert.files.json_file import parse_json_object
from minibert.messages import quoted

MAX_HEADER_BYTES = 100_000_000  # the format's own limit
MAX_DIMENSIONS = 64  # NumPy's limit
_MAX_BYTES = 2**63 - 1

# dtype in the file -> how its bytes are viewed; BF16 has no NumPy dtype and is seen as raw 16 bits
VIEWS: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "F32": np.dtype("<f4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
}
# in the format, but nothing BERT, RoBERTa or RemBERT checkpoints use
_UNSUPPORTED = frozenset(
    ["F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"]
)


class TensorEntry(NamedTuple):
    """One tensor of a file; `start` and `stop` count bytes from the beginning of the data part."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


class Header(NamedTuple):
    """What a checked header says; `data_start` counts bytes from the beginning of the file."""

    tensors: dict[str, TensorEntry]
    metadata: dict[str, str]
    data_start: int


def parse_header(path: object, content: "memoryview | bytes", size: int | None = None) -> Header:
    """The bytes of a whole file -> its checked header. `path` only names the file in messages.

    `content` may be the beginning of the file alone; `size` is then the length of the whole.
    Raises WeightFileError, one cause per check.
    """
    size = len(content) if size is None else size
    length = _header_length(path, content, size)
    header = parse_json_object(bytes(content[8 : 8 + length]), f"{path}: the header", WeightFileError)
    metadata = _checked_metadata(path, header.pop("__metadata__", None))
    tensors = {name: _checked_entry(path, name, entry) for name, entry in header.items()}
    _check_layout(path, tensors.values(), size - 8 - length)
    return Header(tensors, metadata, 8 + length)


def _header_length(path: object, content: "memoryview | bytes", size: int) -> int:
    """Checks of the first 8 bytes: the length of the header as a little-endian unsigned integer."""
    if size < 8:
        raise WeightFileError(
            f"{path} is {size} bytes long, and the length of a safetensors header alone takes 8. "
            f"The download probably failed; fetch the file again."
        )
    length = int.from_bytes(content[:8], "little")
    if length > MAX_HEADER_BYTES:
        raise WeightFileError(
            f"{path} claims a header of {length:,} bytes; the format allows {MAX_HEADER_BYTES:,}. "
            f"{_what_it_may_be(bytes(content[:64]))}"
        )
    if 8 + length > size:
        raise WeightFileError(
            f"{path} claims a header of {length:,} bytes, but only {size - 8:,} bytes follow. "
            f"The file is probably cut short; fetch it again and compare its size."
        )
    if length == 0:
        raise WeightFileError(f"{path} claims a header of 0 bytes; an empty file still has the header {{}}.")
    return length


def _what_it_may_be(start: bytes) -> str:
    """A guess at what stands under the wrong name, from the first bytes."""
    if start.startswith(b"version https://git-lfs"):
        return "This is a Git LFS pointer, not the weights: run `git lfs pull` in the repository it came from."
    if start.startswith((b"PK\x03\x04", b"\x80")):
        return "This looks like a pickle (a PyTorch file) under another name; pickles are not read."
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "This is a web page: the address did not lead to the file itself, or asked for a login."
    if start.startswith(b"\x89HDF"):
        return "This is an HDF5 file (Keras or TensorFlow) under another name."
    return "This is probably not a safetensors file."


def _checked_metadata(path: object, metadata: Any) -> dict[str, str]:
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise WeightFileError(f"{path}: __metadata__ must be an object of texts, but is {quoted(metadata)}.")
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise WeightFileError(f"{path}: __metadata__[{quoted(key)}] must be a text, but is {quoted(value)}.")
    return metadata


def _checked_entry(path: object, name: str, entry: Any) -> TensorEntry:
    where = f"{path}: tensor {quoted(name)}"
    if not isinstance(entry, dict):
        raise WeightFileError(f"{where} must be an object with dtype, shape and data_offsets, but is {quoted(entry)}.")
    for key in ("dtype", "shape", "data_offsets"):
        if key not in entry:
            raise WeightFileError(f"{where} has no {key}; each tensor needs dtype, shape and data_offsets.")
    dtype = _checked_dtype(where, entry["dtype"])
    shape = _checked_shape(where, entry["shape"])
    start, stop = _checked_offsets(where, entry["data_offsets"])
    expected = _byte_count(where, dtype, shape)
    if stop - start != expected:
        raise WeightFileError(
            f"{where} of shape {quoted(shape)} and dtype {dtype} needs {expected:,} bytes, but its offsets "
            f"{start}..{stop} span {stop - start:,}. The header is damaged; fetch the file again."
        )
    return TensorEntry(name, dtype, shape, start, stop)


def _checked_dtype(where: str, dtype: Any) -> str:
    if isinstance(dtype, str) and dtype in VIEWS:
        return dtype
    if isinstance(dtype, str) and dtype in _UNSUPPORTED:
        raise WeightFileError(
            f"{where} is stored as {dtype}, which minibert does not read (a quantised checkpoint?). "
            f"It reads {', '.join(VIEWS)}."
        )
    raise WeightFileError(f"{where} has the unknown dtype {quoted(dtype)}. Known are {', '.join(VIEWS)}.")


def _checked_shape(where: str, shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, list):
        raise WeightFileError(f"{where} must have a list of whole numbers as shape, but has {quoted(shape)}.")
    for dimension in shape:
        if type(dimension) is not int or dimension < 0:  # bool is a kind of int
            raise WeightFileError(
                f"{where} has {quoted(dimension)} in its shape; dimensions are whole numbers from 0 on."
            )
    if len(shape) > MAX_DIMENSIONS:
        raise WeightFileError(f"{where} has {len(shape)} dimensions; NumPy arrays have {MAX_DIMENSIONS} at most.")
    return tuple(shape)


def _checked_offsets(where: str, offsets: Any) -> tuple[int, int]:
    if (
        not isinstance(offsets, list)
        or len(offsets) != 2
        or any(type(offset) is not int or offset < 0 for offset in offsets)
    ):
        raise WeightFileError(
            f"{where} must have two whole numbers from 0 on as data_offsets, but has {quoted(offsets)}."
        )
    start, stop = offsets
    if stop >= 2**64:
        raise WeightFileError(f"{where} has the data_offsets {quoted(offsets)}; the format has 64 bits for each.")
    if stop < start:
        raise WeightFileError(f"{where} ends before it begins: data_offsets are {quoted(offsets)}.")
    return start, stop


def _byte_count(where: str, dtype: str, shape: tuple[int, ...]) -> int:
    """Bytes that the shape takes. Zeros are left out of the overflow check, as NumPy leaves them out."""
    size = VIEWS[dtype].itemsize
    if math.prod(dimension for dimension in shape if dimension) * size > _MAX_BYTES:
        raise WeightFileError(f"{where} has the shape {quoted(list(shape))}, more bytes than 63 bits can count.")
    return math.prod(shape) * size


def _check_layout(path: object, tensors: Iterable[TensorEntry], data_size: int) -> None:
    """The tensors, in the order of their offsets, must cover the data part exactly, once each byte."""
    ordered = sorted(tensors, key=lambda tensor: (tensor.start, tensor.stop))
    for tensor in ordered:
        if tensor.stop > data_size:
            raise WeightFileError(
                f"{path}: tensor {quoted(tensor.name)} claims bytes {tensor.start}..{tensor.stop}, but the "
                f"data part holds {data_size} bytes. The file is probably cut short; fetch it again and "
                f"compare its size."
            )
    position, before = 0, ""
    for tensor in ordered:
        if tensor.start < position:
            raise WeightFileError(
                f"{path}: tensor {quoted(tensor.name)} claims bytes {tensor.start}..{tensor.stop}, which "
                f"overlap with {quoted(before)} that ends at {position}. Such a file is forged or damaged."
            )
        if tensor.start > position:
            raise WeightFileError(
                f"{path}: bytes {position}..{tensor.start} before tensor {quoted(tensor.name)} belong to no "
                f"tensor; the format allows no holes."
            )
        position, before = tensor.stop, tensor.name
    if position != data_size:
        raise WeightFileError(
            f"{path}: the tensors end at byte {position}, but the data part holds {data_size} bytes: "
            f"{data_size - position} belong to no tensor."
        )

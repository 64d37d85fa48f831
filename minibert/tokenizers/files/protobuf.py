"""The protobuf wire format, as far as a SentencePiece model needs it: reading and writing of fields.

A message is a run of fields. Each field starts with a *tag*, a variable-length integer that holds the
field's number and its wire type; then comes the value. Nothing here knows the names of fields: the
schema is the reader's (`sentencepiece_model.py`). Groups (wire types 3 and 4, long deprecated) are
refused, and so is every file that does not parse to its last byte.

Source: the "Encoding" page of the Protocol Buffers documentation.

>>> message = write_varint_field(1, 300) + write_bytes_field(2, b"hi")
>>> message.hex(" ")
'08 ac 02 12 02 68 69'
>>> [(field.number, field.value) for field in read_fields(message)]
[(1, 300), (2, b'hi')]
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from minibert.errors import TokenizerError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
WIRE_TYPE_NAMES = {VARINT: "varint", FIXED64: "64-bit", BYTES: "length-delimited", FIXED32: "32-bit"}
LARGEST_FIELD_NUMBER = (1 << 29) - 1


class Field(NamedTuple):
    """One field of a message: its number, its wire type and its raw value.

    `offset` is where the field starts in the file, `value_offset` where its value does.
    """

    number: int
    wire_type: int
    value: int | bytes
    offset: int = 0
    value_offset: int = 0


def read_fields(data: bytes, *, name: str = "message", start: int = 0) -> Iterator[Field]:
    """Give the fields of a message in file order.

    data: the bytes of the message. name: what errors call the file. start: where the message lies in
    the file, so that errors give offsets into the file. Values are `int` for varints, `bytes` for the rest.

    Raises TokenizerError for whatever does not parse.
    """
    at, end = 0, len(data)
    while at < end:
        field_at = start + at
        tag, at = read_varint(data, at, name=name, start=start)
        number, wire_type = tag >> 3, tag & 7
        if not 1 <= number <= LARGEST_FIELD_NUMBER:
            raise broken(name, field_at, f"field number {number} is not between 1 and {LARGEST_FIELD_NUMBER}")
        if wire_type == VARINT:
            value_at = start + at
            value, at = read_varint(data, at, name=name, start=start)
            yield Field(number, wire_type, value, field_at, value_at)
            continue
        if wire_type == BYTES:
            length, at = read_varint(data, at, name=name, start=start)
        elif wire_type in (FIXED32, FIXED64):
            length = 4 if wire_type == FIXED32 else 8
        else:
            raise broken(name, field_at, f"field {number} has wire type {wire_type}, which is not supported")
        if length > end - at:
            raise broken(name, field_at, f"field {number} claims {length} bytes where {end - at} are left")
        yield Field(number, wire_type, data[at : at + length], field_at, start + at)
        at += length


def read_varint(data: bytes, at: int, *, name: str = "message", start: int = 0) -> tuple[int, int]:
    """Read a variable-length integer: seven bits a byte, lowest first; the top bit says that more follow.

    Gives the value (64 bits at most) and the place after it.

    >>> read_varint(bytes.fromhex("ac02"), 0)
    (300, 2)
    """
    value, begin = 0, at
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise broken(name, start + begin, "a varint runs past the end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 1 << 64:
                raise broken(name, start + begin, "a varint holds more than 64 bits")
            return value, at
    raise broken(name, start + begin, "a varint is longer than 10 bytes")


def as_bool(field: Field, *, name: str) -> bool:
    """The value of a bool field: any varint but 0 is true."""
    return expect(field, VARINT, name) != 0


def as_int32(field: Field, *, name: str) -> int:
    """The value of an int32 or enum field; negative numbers stand as 64-bit two's complement.

    >>> as_int32(Field(1, VARINT, 2**64 - 1), name="example")
    -1
    """
    low = int(expect(field, VARINT, name)) & 0xFFFFFFFF
    return low - (1 << 32) if low >= 1 << 31 else low


def as_float(field: Field, *, name: str) -> float:
    """The value of a float field, a float32."""
    value: float = struct.unpack("<f", bytes(expect(field, FIXED32, name)))[0]
    return value


def as_bytes(field: Field, *, name: str) -> bytes:
    """The value of a bytes field, or of an embedded message."""
    value = expect(field, BYTES, name)
    assert isinstance(value, bytes)
    return value


def as_text(field: Field, *, name: str) -> str:
    """The value of a string field, which must be UTF-8."""
    try:
        return as_bytes(field, name=name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise broken(name, field.offset, f"field {field.number} is text but not UTF-8 ({error.reason})") from None


def expect(field: Field, wire_type: int, name: str) -> int | bytes:
    """The field's value, if it has this wire type."""
    if field.wire_type != wire_type:
        found, wanted = WIRE_TYPE_NAMES[field.wire_type], WIRE_TYPE_NAMES[wire_type]
        raise broken(name, field.offset, f"field {field.number} is {found} where {wanted} is expected")
    return field.value


def broken(name: str, offset: int, reason: str) -> TokenizerError:
    """The error for a file that does not parse: which file, where in it, and why."""
    return TokenizerError(f"{name}: not a readable protobuf file: at byte {offset}, {reason}.")


def write_varint(value: int) -> bytes:
    """Write a variable-length integer; a negative one as 64-bit two's complement.

    >>> write_varint(300).hex()
    'ac02'
    """
    value &= (1 << 64) - 1
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def write_varint_field(number: int, value: int) -> bytes:
    """A bool, enum or integer field."""
    return write_varint(number << 3 | VARINT) + write_varint(value)


def write_float_field(number: int, value: float) -> bytes:
    """A float field: the nearest float32."""
    return write_varint(number << 3 | FIXED32) + struct.pack("<f", value)


def write_bytes_field(number: int, value: bytes) -> bytes:
    """A bytes field, a string in UTF-8, or an embedded message."""
    return write_varint(number << 3 | BYTES) + write_varint(len(value)) + value

"""The wire format: what is read back is what was written, and broken files are refused with their reason."""

import random

import pytest

from minibert.errors import TokenizerError
from minibert.tokenizers.files import protobuf
from minibert.tokenizers.files.protobuf import Field, read_fields, read_varint, write_varint


@pytest.mark.parametrize(
    ("value", "written"), [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (2**64 - 1, "ff" * 9 + "01")]
)
def test_varints(value, written):
    assert write_varint(value).hex() == written
    assert read_varint(bytes.fromhex(written), 0) == (value, len(written) // 2)


def test_negative_numbers_are_two_complement():
    field = next(read_fields(protobuf.write_varint_field(40, -1)))
    assert field.value == 2**64 - 1
    assert protobuf.as_int32(field, name="x") == -1
    assert protobuf.as_int32(Field(1, 0, 2**31 - 1), name="x") == 2**31 - 1
    assert protobuf.as_int32(Field(1, 0, 2**31), name="x") == -(2**31)


def test_every_kind_of_field_is_read_back():
    data = (
        protobuf.write_varint_field(1, 300)
        + protobuf.write_float_field(2, -1.5)
        + protobuf.write_bytes_field(3, "né".encode())
        + bytes.fromhex("21 0102030405060708")
    )
    number, score, text, fixed = read_fields(data, start=100)
    assert number == (1, 0, 300, 100, 101)
    assert (protobuf.as_float(score, name="x"), score.offset) == (-1.5, 103)
    assert (protobuf.as_text(text, name="x"), text.value_offset) == ("né", 110)
    assert (fixed.number, fixed.value) == (4, bytes(range(1, 9)))
    assert protobuf.as_bool(number, name="x") is True
    assert protobuf.as_bytes(text, name="x") == b"n\xc3\xa9"


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        ("08", 1, "a varint runs past the end"),
        ("0880", 1, "a varint runs past the end"),
        ("88", 0, "a varint runs past the end"),
        ("08" + "80" * 10 + "01", 1, "a varint is longer than 10 bytes"),
        ("08" + "ff" * 9 + "02", 1, "a varint holds more than 64 bits"),
        ("00", 0, "field number 0 is not between 1 and 536870911"),
        ("808080801000", 0, "field number 536870912 is not between 1 and 536870911"),
        ("0a05 6162", 0, "field 1 claims 5 bytes where 2 are left"),
        ("0a ffffffffffffffff7f 00", 0, "field 1 claims 9223372036854775807 bytes where 1 are left"),
        ("0d 000000", 0, "field 1 claims 4 bytes where 3 are left"),
        ("09 00", 0, "field 1 claims 8 bytes where 1 are left"),
        ("0b", 0, "field 1 has wire type 3, which is not supported"),
        ("0801 0c", 2, "field 1 has wire type 4, which is not supported"),
        ("0f", 0, "field 1 has wire type 7, which is not supported"),
    ],
)
def test_broken_messages(data, offset, reason):
    with pytest.raises(TokenizerError) as caught:
        list(read_fields(bytes.fromhex(data), name="some.model"))
    assert str(caught.value) == f"some.model: not a readable protobuf file: at byte {offset}, {reason}."


@pytest.mark.parametrize(
    ("read", "field", "reason"),
    [
        (protobuf.as_bool, Field(3, 2, b"x", 7), "field 3 is length-delimited where varint is expected"),
        (protobuf.as_int32, Field(3, 5, b"0000", 7), "field 3 is 32-bit where varint is expected"),
        (protobuf.as_float, Field(3, 0, 1, 7), "field 3 is varint where 32-bit is expected"),
        (protobuf.as_bytes, Field(3, 1, b"00000000", 7), "field 3 is 64-bit where length-delimited is expected"),
        (protobuf.as_text, Field(3, 2, b"a\xff", 7), "field 3 is text but not UTF-8 (invalid start byte)"),
    ],
)
def test_wrong_wire_types(read, field, reason):
    with pytest.raises(TokenizerError) as caught:
        read(field, name="some.model")
    assert str(caught.value) == f"some.model: not a readable protobuf file: at byte 7, {reason}."


def test_random_bytes_raise_nothing_else():
    rng = random.Random(0)
    refused = 0
    for _ in range(3000):
        data = bytes(rng.choice([0, 8, 10, 13, 0x80, 0xFF, rng.randrange(256)]) for _ in range(rng.randrange(30)))
        try:
            list(read_fields(data))
        except TokenizerError:
            refused += 1
    assert refused > 1000

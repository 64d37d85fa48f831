"""Damaged and hostile safetensors files, written out as bytes: each is refused for its own reason."""

import json
import random
import struct

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from minibert.errors import WeightFileError
from minibert.weights import open_safetensors


def with_length(header: bytes, data: bytes = b"") -> bytes:
    """The header with its true length in front and the data behind."""
    return struct.pack("<Q", len(header)) + header + data


def one_tensor(entry: str, data: bytes = bytes(8)) -> bytes:
    return with_length(b'{"w":' + entry.encode() + b"}", data)


def two_tensors(first: tuple[int, int], second: tuple[int, int], size: int) -> bytes:
    entries = {
        name: {"dtype": "U8", "shape": [stop - start], "data_offsets": [start, stop]}
        for name, (start, stop) in (("a", first), ("b", second))
    }
    return with_length(json.dumps(entries).encode(), bytes(size))


GOOD = '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'

# name of the case: (content, the error's text; FILE stands for the path, … for anything)
DAMAGED = {
    "empty file": (
        b"",
        "FILE is 0 bytes long, and the length of a safetensors header alone takes 8. …again.",
    ),
    "seven bytes": (b"\x10\0\0\0\0\0\0", "FILE is 7 bytes long, and the length of a safetensors header …"),
    "header over the limit": (
        struct.pack("<Q", 100_000_001) + b"{}",
        "FILE claims a header of 100,000,001 bytes; the format allows 100,000,000. This is probably not a …",
    ),
    "header at the limit": (
        struct.pack("<Q", 100_000_000) + b"{}",
        "FILE claims a header of 100,000,000 bytes, but only 2 bytes follow. …",
    ),
    "header length all ones": (
        b"\xff" * 8 + b"{}",
        "FILE claims a header of 18,446,744,073,709,551,615 bytes; the format allows 100,000,000. …",
    ),
    "git lfs pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 440449768\n",
        "FILE claims a header of …. This is a Git LFS pointer, not the weights: run `git lfs pull` in …",
    ),
    "zip of a PyTorch file": (
        b"PK\x03\x04\0\0\x08\x08\0\0",
        "FILE …This looks like a pickle (a PyTorch file) …",
    ),
    "old pickle": (
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
        "FILE …This looks like a pickle (a PyTorch file)…",
    ),
    "web page": (
        b"<!DOCTYPE html><html><body>404</body></html>",
        "FILE …This is a web page: the address did …",
    ),
    "hdf5": (
        b"\x89HDF\r\n\x1a\n" + bytes(8),
        "FILE …This is an HDF5 file (Keras or TensorFlow) under another …",
    ),
    "header cut short": (
        struct.pack("<Q", 100) + b'{"w":',
        "FILE claims a header of 100 bytes, but only 5 bytes follow. The file is probably cut short; fetch …",
    ),
    "header one byte short": (
        struct.pack("<Q", 3) + b"{}",
        "FILE claims a header of 3 bytes, but only 2 bytes follow. The file is probably cut short; …",
    ),
    "no header": (bytes(8), "FILE claims a header of 0 bytes; an empty file still has the header {}."),
    "not UTF-8": (
        with_length(b'{"\xff":1}'),
        "FILE: the header is not UTF-8 text: byte 0xff at position 2. The file is probably damaged, or it …",
    ),
    "byte order mark": (with_length(b"\xef\xbb\xbf{}"), "FILE: the header begins with a byte order mark. …"),
    "blanks only": (with_length(b"        "), "FILE: the header is empty, but must be a JSON object. …"),
    "zero bytes": (
        with_length(b"\0\0\0\0"),
        "FILE: the header is not JSON: … at line 1, column 1 of 1 lines. …",
    ),
    "JSON cut short": (
        with_length(b'{"w":'),
        "FILE: the header is not JSON: …, at line 1, column 6 of 1 lines. …",
    ),
    "bytes after the JSON": (
        with_length(b"{}{}"),
        "FILE: the header is not JSON: Extra data, at line 1, column 3 …",
    ),
    "zero byte after the JSON": (
        with_length(b"{}\0"),
        "FILE: the header is not JSON: Extra data, at line 1, …",
    ),
    "a control character": (
        with_length(b'{"\x01":1}'),
        "FILE: the header is not JSON: Invalid control character…",
    ),
    "a list": (with_length(b"[]"), "FILE: the header must be a JSON object {...}, but is a list."),
    "a text": (with_length(b'"w"'), "FILE: the header must be a JSON object {...}, but is a text."),
    "a number": (with_length(b"12"), "FILE: the header must be a JSON object {...}, but is a number."),
    "true": (with_length(b"true"), "FILE: the header must be a JSON object {...}, but is true or false."),
    "null": (with_length(b"null"), "FILE: the header must be a JSON object {...}, but is null."),
    "a tensor twice": (
        with_length(f'{{"w":{GOOD},"w":{GOOD}}}'.encode(), bytes(8)),
        "FILE: the header gives the key 'w' twice; only one of the two can be meant.",
    ),
    "a field twice": (
        one_tensor('{"dtype":"F32","shape":[2],"shape":[1],"data_offsets":[0,8]}'),
        "FILE: the header gives the key 'shape' twice; only one of the two can be meant.",
    ),
    "metadata twice": (
        with_length(b'{"__metadata__":{},"__metadata__":{}}'),
        "FILE: the header gives the key '__metadata__' twice; only one of the two can be meant.",
    ),
    "nested without end": (
        with_length(b'{"w":' + b"[" * 200_000),
        "FILE: the header is nested too deeply to be what it claims to be.",
    ),
    "NaN": (
        one_tensor('{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}'),
        "FILE: the header holds a number that cannot be read: NaN is not JSON.",
    ),
    "a number of 5000 digits": (
        one_tensor('{"dtype":"F32","shape":[' + "9" * 5000 + '],"data_offsets":[0,8]}'),
        "FILE: the header holds a number that cannot be read: Exceeds the limit (4300 digits) …",
    ),
    "metadata a list": (
        with_length(b'{"__metadata__":["pt"]}'),
        "FILE: __metadata__ must be an object of texts, but is ['pt'].",
    ),
    "metadata with a number": (
        with_length(b'{"__metadata__":{"step":3}}'),
        "FILE: __metadata__['step'] must be a text, but is 3.",
    ),
    "a tensor that is a number": (
        with_length(b'{"w":7}'),
        "FILE: tensor 'w' must be an object with dtype, shape and data_offsets, but is 7.",
    ),
    "a tensor that is a list": (
        with_length(b'{"w":["F32",[2],[0,8]]}', bytes(8)),
        "FILE: tensor 'w' must be an object with dtype, shape and data_offsets, but is ['F32', [2], [0, 8]].",
    ),
    "no dtype": (
        one_tensor('{"shape":[2],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has no dtype; each tensor needs dtype, shape and data_offsets.",
    ),
    "no shape": (
        one_tensor('{"dtype":"F32","data_offsets":[0,8]}'),
        "FILE: tensor 'w' has no shape; each tensor needs dtype, shape and data_offsets.",
    ),
    "no offsets": (
        one_tensor('{"dtype":"F32","shape":[2]}'),
        "FILE: tensor 'w' has no data_offsets; each tensor needs dtype, shape and data_offsets.",
    ),
    "dtype unknown": (
        one_tensor('{"dtype":"F33","shape":[2],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has the unknown dtype 'F33'. Known are BOOL, U8, I8, U16, I16, F16, BF16, U32, "
        "I32, F32, U64, I64, F64.",
    ),
    "dtype in small letters": (
        one_tensor('{"dtype":"f32","shape":[2],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has the unknown dtype 'f32'. Known are …",
    ),
    "dtype a list": (
        one_tensor('{"dtype":["F32"],"shape":[2],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has the unknown dtype ['F32']. Known are …",
    ),
    "dtype endless": (
        one_tensor('{"dtype":"' + "F" * 10_000 + '","shape":[2],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has the unknown dtype '" + "F" * 76 + ".... Known are …",
    ),
    "dtype of 8 bits": (
        one_tensor('{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' is stored as F8_E4M3, which minibert does not read (a quantised checkpoint?). It …",
    ),
    "shape a number": (
        one_tensor('{"dtype":"F32","shape":2,"data_offsets":[0,8]}'),
        "FILE: tensor 'w' must have a list of whole numbers as shape, but has 2.",
    ),
    "shape null": (
        one_tensor('{"dtype":"F32","shape":null,"data_offsets":[0,8]}'),
        "FILE: tensor 'w' must have a list of whole numbers as shape, but has None.",
    ),
    "negative dimension": (
        one_tensor('{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has -2 in its shape; dimensions are whole numbers from 0 on.",
    ),
    "two negative dimensions": (
        one_tensor('{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has -1 in its shape; dimensions are whole numbers from 0 on.",
    ),
    "dimension with a point": (
        one_tensor('{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has 2.0 in its shape; dimensions are whole numbers from 0 on.",
    ),
    "dimension true": (
        one_tensor('{"dtype":"F32","shape":[true,2],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has True in its shape; dimensions are whole numbers from 0 on.",
    ),
    "dimension a text": (
        one_tensor('{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has '2' in its shape; dimensions are whole numbers from 0 on.",
    ),
    "shape overflows": (
        one_tensor('{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has the shape [4294967296, 4294967296], more bytes than 63 bits can count.",
    ),
    "shape overflows by its dtype": (
        one_tensor('{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has the shape [1152921504606846976], more bytes than 63 bits can count.",
    ),
    "shape of as many bytes as can be counted": (
        one_tensor('{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}'),
        "FILE: tensor 'w' claims bytes 0..9223372036854775807, but the data part holds 8 bytes. …",
    ),
    "shape of one byte more": (
        one_tensor('{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,9223372036854775808]}'),
        "FILE: tensor 'w' has the shape [9223372036854775808], more bytes than 63 bits can count.",
    ),
    "offsets that do not begin at 0": (
        one_tensor('{"dtype":"F32","shape":[1],"data_offsets":[2,8]}'),
        "FILE: tensor 'w' of shape (1,) and dtype F32 needs 4 bytes, but its offsets 2..8 span 6. …",
    ),
    "shape overflows beside a zero": (
        one_tensor('{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}', b""),
        "FILE: tensor 'w' has the shape [0, 9223372036854775807], more bytes than 63 bits can count.",
    ),
    "65 dimensions": (
        one_tensor('{"dtype":"F32","shape":[2' + ",1" * 64 + '],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' has 65 dimensions; NumPy arrays have 64 at most.",
    ),
    "offsets a number": (
        one_tensor('{"dtype":"F32","shape":[2],"data_offsets":8}'),
        "FILE: tensor 'w' must have two whole numbers from 0 on as data_offsets, but has 8.",
    ),
    "three offsets": (
        one_tensor('{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}'),
        "FILE: tensor 'w' must have two whole numbers from 0 on as data_offsets, but has [0, 8, 8].",
    ),
    "negative offset": (
        one_tensor('{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}'),
        "FILE: tensor 'w' must have two whole numbers from 0 on as data_offsets, but has [-8, 0].",
    ),
    "offset true": (
        one_tensor('{"dtype":"U8","shape":[1],"data_offsets":[0,true]}', b"\0"),
        "FILE: tensor 'w' must have two whole numbers from 0 on as data_offsets, but has [0, True].",
    ),
    "offsets reversed": (
        one_tensor('{"dtype":"F32","shape":[2],"data_offsets":[8,0]}'),
        "FILE: tensor 'w' ends before it begins: data_offsets are [8, 0].",
    ),
    "shape smaller than its bytes": (
        one_tensor('{"dtype":"F32","shape":[1],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' of shape (1,) and dtype F32 needs 4 bytes, but its offsets 0..8 span 8. The …",
    ),
    "shape larger than its bytes": (
        one_tensor('{"dtype":"BF16","shape":[2,3],"data_offsets":[0,8]}'),
        "FILE: tensor 'w' of shape (2, 3) and dtype BF16 needs 12 bytes, but its offsets 0..8 span 8. …",
    ),
    "offsets beyond the file": (
        one_tensor(GOOD, bytes(7)),
        "FILE: tensor 'w' claims bytes 0..8, but the data part holds 7 bytes. The file is probably cut "
        "short; fetch it again and compare its size.",
    ),
    "offsets of thousands of digits": (
        one_tensor('{"dtype":"F32","shape":[2],"data_offsets":[0,1' + "0" * 4000 + "]}", bytes(8)),
        "FILE: tensor 'w' has the data_offsets [0, 1000…...; the format has 64 bits for each.",
    ),
    "offsets far beyond the file": (
        one_tensor('{"dtype":"U8","shape":[1],"data_offsets":[9223372036854775807,9223372036854775808]}'),
        "FILE: tensor 'w' claims bytes 9223372036854775807..9223372036854775808, but the data part holds 8 …",
    ),
    "no data at all": (
        one_tensor(GOOD, b""),
        "FILE: tensor 'w' claims bytes 0..8, but the data part holds 0 bytes. …",
    ),
    "overlap by a byte": (
        two_tensors((0, 5), (4, 8), 8),
        "FILE: tensor 'b' claims bytes 4..8, which overlap with 'a' that ends at 5. Such a file is forged or damaged.",
    ),
    "two tensors in one place": (
        two_tensors((0, 8), (0, 8), 8),
        "FILE: tensor 'b' claims bytes 0..8, which overlap with 'a' that ends at 8. …",
    ),
    "an empty tensor inside another": (
        two_tensors((0, 8), (4, 4), 8),
        "FILE: tensor 'b' claims bytes 4..4, which overlap with 'a' that ends at 8. …",
    ),
    "hole at the beginning": (
        two_tensors((1, 4), (4, 8), 8),
        "FILE: bytes 0..1 before tensor 'a' belong to no tensor; the format allows no holes.",
    ),
    "hole in the middle": (
        two_tensors((0, 3), (5, 8), 8),
        "FILE: bytes 3..5 before tensor 'b' belong to no tensor; the format allows no holes.",
    ),
    "bytes at the end": (
        one_tensor(GOOD, bytes(11)),
        "FILE: the tensors end at byte 8, but the data part holds 11 bytes: 3 belong to no tensor.",
    ),
    "data without tensors": (
        with_length(b"{}", b"x"),
        "FILE: the tensors end at byte 0, but the data part holds 1 bytes: 1 belong to no tensor.",
    ),
    "only the package objects: minus zero": (
        one_tensor('{"dtype":"F32","shape":[-0,2],"data_offsets":[0,0]}', b""),
        "FILE: the safetensors package refuses the header: …",
    ),
    "only the package objects: half a surrogate pair": (
        with_length(b'{"\\ud800":' + GOOD.encode() + b"}", bytes(8)),
        "FILE: the safetensors package refuses the header: …",
    ),
}


def matches(text: str, pattern: str) -> bool:
    """Whether the text is the pattern, in which … stands for anything."""
    position = 0
    pieces = pattern.split("…")
    for piece in pieces:
        found = text.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return text.startswith(pieces[0]) and (pattern.endswith("…") or text.endswith(pieces[-1]))


@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "in memory"])
@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_refused_for_its_own_reason(case, mapped, tmp_path):
    content, expected = DAMAGED[case]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightFileError) as caught:
        open_safetensors(path, mapped=mapped)
    text = str(caught.value).replace(str(path), "FILE")
    assert matches(text, expected), text


def test_the_corpus_is_large_and_its_cases_differ():
    assert len(DAMAGED) >= 60
    assert len({content for content, _ in DAMAGED.values()}) == len(DAMAGED)


def test_matches_is_not_satisfied_by_everything():
    assert matches("FILE is 0 bytes long, fetch", "FILE is 0 …fetch")
    assert not matches("FILE is 1 bytes long, fetch", "FILE is 0 …fetch")
    assert not matches("FILE is 0 bytes long, fetch it", "FILE is 0 …fetch")
    assert not matches("a FILE is 0 bytes", "FILE is 0 …")


VALID = {
    "no tensors": with_length(b"{}"),
    "blanks before and after": with_length(b'  {"w":' + GOOD.encode() + b"} \n\t", bytes(8)),
    "null metadata": with_length(b'{"__metadata__":null,"w":' + GOOD.encode() + b"}", bytes(8)),
    "unknown field": one_tensor('{"dtype":"F32","shape":[2],"data_offsets":[0,8],"note":"x"}'),
    "empty name": with_length(b'{"":' + GOOD.encode() + b"}", bytes(8)),
    "empty tensor at the end": two_tensors((0, 8), (8, 8), 8),
    "empty tensor at the beginning": two_tensors((0, 0), (0, 8), 8),
    "header in no order": two_tensors((4, 8), (0, 4), 8),
    "64 dimensions": one_tensor('{"dtype":"F32","shape":[2' + ",1" * 63 + '],"data_offsets":[0,8]}'),
    "unaligned": one_tensor('{ "dtype":"F32","shape":[2],"data_offsets":[0,8]}'),
}


@pytest.mark.parametrize("case", VALID)
def test_an_unusual_but_valid_file_is_read(case, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(VALID[case])
    for array in open_safetensors(path).values():
        assert not array.any()
        assert array.flags.aligned


def sample_file() -> bytes:
    """A small file with several dtypes, an empty tensor, a 0-dimensional one and metadata."""
    arrays = {
        "embeddings.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
        "half": np.arange(3, dtype=np.float16),
        "ids": np.arange(5, dtype=np.int64),
        "nothing": np.empty((0, 7), np.float32),
        "scale": np.array(1.5),
    }
    return safetensors.numpy.save(arrays, {"format": "pt"})


def mutations(content: bytes, count: int, seed: int):
    """Copies of the content with a few bytes changed, removed or doubled, mostly in the header."""
    rng = random.Random(seed)
    header = 8 + int.from_bytes(content[:8], "little")
    interesting = b'{}[]",:0123456789-.eE \\\x00\xff'
    for _ in range(count):
        damaged = bytearray(content)
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            place = rng.randrange(min(len(damaged), header if rng.random() < 0.9 else len(damaged)))
            kind = rng.randrange(5)
            if kind == 0:
                damaged[place] ^= 1 << rng.randrange(8)
            elif kind == 1:
                damaged[place] = rng.choice(interesting)
            elif kind == 2:
                del damaged[place : place + rng.choice([1, 1, 4])]
            elif kind == 3:
                damaged[place:place] = damaged[place : place + rng.choice([1, 1, 4])]
            else:
                damaged[place] = rng.randrange(256)
        yield bytes(damaged)


def package_accepts(path) -> bool:
    try:
        with safetensors.safe_open(path, framework="np"):
            return True
    except safetensors.SafetensorError:
        return False


def file_or_reason(path):
    try:
        return open_safetensors(path), ""
    except WeightFileError as reason:
        return None, str(reason)


# what the package lets through and we do not, by a piece of our text
STRICTER = (
    "twice",
    "which minibert does not read",
    "must be an object with dtype",
    "more bytes than 63 bits",
)


def test_random_damage_gives_our_error_or_a_valid_file(tmp_path):
    path = tmp_path / "model.safetensors"
    accepted = 0
    for number, content in enumerate(mutations(sample_file(), 4000, seed=0)):
        path.write_bytes(content)
        file, reason = file_or_reason(path)
        if file is None:
            assert reason.startswith(str(path)), number
            if package_accepts(path):
                assert any(piece in reason for piece in STRICTER), (number, reason, content)
            continue
        accepted += 1
        assert package_accepts(path), number
        total = sum(file.nbytes(name) for name in file)
        assert total == len(content) - 8 - int.from_bytes(content[:8], "little"), number
        for name, array in file.items():
            assert array.shape == file.shape(name)
            array.copy()
    assert 50 < accepted < 2000  # both outcomes are really tried


def test_every_truncation_is_refused(tmp_path):
    content = sample_file()
    path = tmp_path / "model.safetensors"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(WeightFileError, match=r"fetch|cut short"):
            open_safetensors(path)


def test_every_changed_length_of_the_header_is_refused(tmp_path):
    content = sample_file()
    true_length = int.from_bytes(content[:8], "little")
    path = tmp_path / "model.safetensors"
    for length in [*range(true_length), *range(true_length + 1, len(content) + 20)]:
        path.write_bytes(struct.pack("<Q", length) + content[8:])
        with pytest.raises(WeightFileError):
            open_safetensors(path)

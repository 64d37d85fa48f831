"""Reading one file: views of the map, laziness, dtypes; what cannot be opened at all."""

import gc
import json
import os
import struct
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from minibert.errors import WeightFileError
from minibert.weights import open_safetensors

DTYPES = ["?", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8"]
STORED = ["BOOL", "U8", "I8", "U16", "I16", "F16", "U32", "I32", "F32", "U64", "I64", "F64"]
NAMES = dict(zip(DTYPES, STORED, strict=True))


def write(path: Path, header: dict, data: bytes, pad: bool = True) -> Path:
    text = json.dumps(header).encode()
    if pad:
        text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_reads_back_bit_for_bit(path, dtype, mapped):
    values = np.random.default_rng(0).integers(0, 2, (3, 5)).astype(dtype) * np.dtype(dtype).type(1)
    safetensors.numpy.save_file({"w": values}, path)
    file = open_safetensors(path, mapped=mapped)
    assert file.raw("w").dtype == np.dtype(dtype)
    assert file.raw("w").tobytes() == values.tobytes()
    assert file.stored_dtype("w") == NAMES[dtype]
    assert file.dtype("w") == file["w"].dtype == (np.float32 if dtype == "f2" else np.dtype(dtype))
    assert np.array_equal(file["w"], values)


def test_bfloat16_is_widened_and_available_raw(path):
    bits = np.array([0x3F80, 0xBF80, 0x4049, 0x7F80], "<u2")
    write(path, {"w": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}, bits.tobytes())
    file = open_safetensors(path)
    assert file["w"].dtype == file.dtype("w") == np.float32
    assert file["w"].tolist() == [[1.0, -1.0], [3.140625, np.inf]]
    assert file.raw("w").dtype == np.uint16
    assert file.raw("w").tolist() == bits.reshape(2, 2).tolist()
    assert file.stored_dtype("w") == "BF16"


def test_the_mapping(path):
    arrays = {"b": np.zeros((2, 3), np.float32), "a": np.ones(4, np.float64)}
    safetensors.numpy.save_file(arrays, path, {"format": "pt"})
    file = open_safetensors(path)
    assert list(file) == ["a", "b"]  # in the order of their bytes
    assert len(file) == 2
    assert "a" in file
    assert "c" not in file
    assert file.get("c") is None
    assert file.shape("b") == (2, 3)
    assert file.shapes == {"a": (4,), "b": (2, 3)}
    assert file.nbytes("b") == 24
    assert file.metadata == {"format": "pt"}
    assert repr(file) == f"SafetensorsFile({str(path)!r}, 2 tensors, 56 bytes)"
    with pytest.raises(KeyError, match=r"model.safetensors has no tensor 'c'"):
        file["c"]


def test_float32_is_a_read_only_view_of_the_map(path):
    safetensors.numpy.save_file({"w": np.arange(6, dtype=np.float32).reshape(2, 3)}, path)
    file = open_safetensors(path)
    one, two = file["w"], file["w"]
    assert np.shares_memory(one, two)
    assert np.shares_memory(one, file._content)
    with pytest.raises(ValueError, match="read-only"):
        one[0, 0] = 1
    with pytest.raises(ValueError, match="cannot set WRITEABLE"):
        one.flags.writeable = True


def test_arrays_outlive_the_file_object(path):
    safetensors.numpy.save_file({"w": np.arange(1000, dtype=np.float32)}, path)
    file = open_safetensors(path)
    array = file["w"]
    del file
    gc.collect()
    assert array.sum() == 499500


def test_replacing_the_file_leaves_open_arrays_as_they_were(path, tmp_path):
    safetensors.numpy.save_file({"w": np.zeros(1000, np.float32)}, path)
    array = open_safetensors(path)["w"]
    safetensors.numpy.save_file({"w": np.ones(1000, np.float32)}, tmp_path / "new")
    os.replace(tmp_path / "new", path)
    assert not array.any()
    assert open_safetensors(path)["w"].all()


def test_unaligned_data_is_copied_once_into_place(path):
    values = np.arange(3, dtype=np.float32)
    header = {
        "a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "w": {"dtype": "F32", "shape": [3], "data_offsets": [1, 13]},
    }
    write(path, header, b"\x07" + values.tobytes())
    array = open_safetensors(path)["w"]
    assert array.flags.aligned
    assert not array.flags.writeable
    assert np.array_equal(array, values)


@pytest.mark.parametrize(("dtype", "width"), [("F16", 2), ("BF16", 2), ("F32", 4), ("F64", 8), ("I64", 8)])
def test_every_unaligned_dtype_reads(path, dtype, width):
    header = {
        "a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "w": {"dtype": dtype, "shape": [4], "data_offsets": [1, 1 + 4 * width]},
    }
    write(path, header, bytes(1 + 4 * width))
    assert open_safetensors(path)["w"].tolist() == [0, 0, 0, 0]


def test_empty_and_0_dimensional_tensors(path):
    safetensors.numpy.save_file({"e": np.empty((0, 3), np.float32), "s": np.array(2.5)}, path)
    file = open_safetensors(path)
    assert file["e"].shape == (0, 3)
    assert file["s"].shape == ()
    assert file["s"] == 2.5


def sparse_checkpoint(path: Path) -> int:
    """A file of the size of BERT-base, 440 MB of zeros that take no room on the disk; returns its size."""
    names = [f"encoder.layer.{i}.weight" for i in range(110)]
    size = 4_000_000
    header = {
        name: {"dtype": "F32", "shape": [1000, 1000], "data_offsets": [i * size, (i + 1) * size]}
        for i, name in enumerate(names)
    }
    write(path, header, b"")
    total = path.stat().st_size + len(names) * size
    os.truncate(path, total)
    return total


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_440_mb_file_is_opened_and_handed_out_without_being_read(path):
    assert sparse_checkpoint(path) > 440_000_000
    before = resident_bytes()
    file = open_safetensors(path)
    arrays = dict(file)
    assert resident_bytes() - before < 5_000_000
    assert arrays["encoder.layer.109.weight"][999, 999] == 0
    assert all(array.shape == (1000, 1000) for array in arrays.values())
    assert resident_bytes() - before < 10_000_000


def test_the_map_is_never_read_whole(path, monkeypatch):
    sparse_checkpoint(path)
    monkeypatch.setattr(np, "fromfile", lambda *arguments: pytest.fail("read the file"))
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("read the file"))
    file = open_safetensors(path)
    assert np.shares_memory(file["encoder.layer.0.weight"], file._content)


def test_a_missing_file(path):
    with pytest.raises(WeightFileError, match=r"model.safetensors: there is no such file\.$"):
        open_safetensors(path)


@pytest.mark.parametrize("mapped", [True, False])
def test_a_folder(tmp_path, mapped):
    with pytest.raises(WeightFileError, match=r"is a folder or a special file, not a safetensors file\.$"):
        open_safetensors(tmp_path, mapped=mapped)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_does_not_block(path):
    os.mkfifo(path)
    with pytest.raises(WeightFileError, match="a special file"):
        open_safetensors(path)


def test_a_name_with_a_zero_byte():
    with pytest.raises(WeightFileError, match="cannot be read"):
        open_safetensors("model\0.safetensors")


@pytest.mark.parametrize("mapped", [True, False])
def test_an_error_of_the_system(path, mapped, monkeypatch):
    safetensors.numpy.save_file({"w": np.ones(1)}, path)

    def fail(*arguments, **options):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("mmap.mmap", fail)
    monkeypatch.setattr(np, "fromfile", fail)
    with pytest.raises(WeightFileError, match=r"cannot be read: .*Input/output error\.$"):
        open_safetensors(path, mapped=mapped)


def test_the_package_cannot_open_the_file(path, monkeypatch):
    safetensors.numpy.save_file({"w": np.ones(1)}, path)

    def fail(*arguments, **options):
        raise OSError("gone")

    monkeypatch.setattr("safetensors.safe_open", fail)
    with pytest.raises(WeightFileError, match=r"the safetensors package cannot open the file: gone\.$"):
        open_safetensors(path)


def test_a_path_may_be_text_and_hold_any_letters(tmp_path):
    path = tmp_path / "modèle 模型"
    safetensors.numpy.save_file({"w": np.ones(1)}, path)
    assert open_safetensors(str(path))["w"] == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems refuse such names")
def test_a_path_that_is_not_valid_text(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.safetensors")
    safetensors.numpy.save_file({"w": np.ones(1)}, tmp_path / "good")
    os.rename(tmp_path / "good", path)
    assert open_safetensors(path)["w"] == 1


def test_tensors_come_in_the_order_of_their_bytes_whatever_the_header_s(path):
    header = {
        name: {"dtype": "U8", "shape": [1], "data_offsets": [start, start + 1]}
        for name, start in (("a", 2), ("b", 0), ("c", 1))
    }
    write(path, header, b"bca")
    assert list(open_safetensors(path)) == ["b", "c", "a"]
    assert bytes(np.concatenate(list(open_safetensors(path).values()))) == b"bca"


def test_arrays_in_memory_are_read_only_too(path):
    safetensors.numpy.save_file({"w": np.ones(3, np.float32)}, path)
    array = open_safetensors(path, mapped=False)["w"]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 2


# a file that changes while it is open


@pytest.fixture
def always_asked(monkeypatch):
    """The system is asked each time, not once a millisecond."""
    monkeypatch.setattr("minibert.weights.safetensors.PAUSE", 0)


def rewritten(path, how):
    """Do to the file what programs do that do not replace it."""
    content = path.read_bytes()
    before = path.stat()
    if how == "overwritten":
        path.write_bytes(content[:-4] + b"\0\0\0\0")
    elif how == "cut short":
        os.truncate(path, 100)
    elif how == "emptied":
        path.write_bytes(b"")
    else:
        path.write_bytes(content + b"more")
    if path.stat().st_mtime_ns == before.st_mtime_ns:  # the clock of the file system had not moved on
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    return before.st_size


CHANGES = {
    "overwritten": "its time of writing is another",
    "cut short": "its {} bytes have become 100",
    "emptied": "its {} bytes have become 0",
    "grown": "its {} bytes have become 4,076",
}


@pytest.mark.usefixtures("always_asked")
@pytest.mark.parametrize("how", CHANGES)
def test_a_mapped_file_that_was_rewritten_in_place(path, how):
    safetensors.numpy.save_file({"w": np.ones(1000, np.float32)}, path)
    file = open_safetensors(path)
    file.check_unchanged()
    size = rewritten(path, how)
    expected = (
        f"{path} was rewritten in place since it was opened ({CHANGES[how].format(f'{size:,}')}), and the weights are "
        f"read from it as they are needed. Load it again; with mapped=False it is read whole at once."
    )
    for use in (lambda: file["w"], lambda: file.raw("w"), file.check_unchanged):
        with pytest.raises(WeightFileError) as caught:
            use()
        assert str(caught.value) == expected


@pytest.mark.parametrize("how", CHANGES)
def test_a_file_that_was_read_whole_may_change(path, how):
    safetensors.numpy.save_file({"w": np.ones(1000, np.float32)}, path)
    file = open_safetensors(path, mapped=False)
    rewritten(path, how)
    assert np.array_equal(file["w"], np.ones(1000))


@pytest.mark.skipif(os.name == "nt", reason="Windows replaces no file that is mapped")
def test_a_file_that_was_replaced_or_removed_is_still_mapped(path):
    safetensors.numpy.save_file({"w": np.ones(1000, np.float32)}, path)
    file = open_safetensors(path)
    new = path.with_name("new")
    safetensors.numpy.save_file({"w": np.zeros(7, np.float32)}, new)
    new.replace(path)
    assert np.array_equal(file["w"], np.ones(1000))
    path.unlink()
    assert np.array_equal(file["w"], np.ones(1000))


@pytest.mark.usefixtures("always_asked")
def test_a_change_is_noticed_from_another_folder(path, monkeypatch):
    safetensors.numpy.save_file({"w": np.ones(1000, np.float32)}, path)
    monkeypatch.chdir(path.parent)
    file = open_safetensors(path.name)
    monkeypatch.chdir("/")
    rewritten(path, "overwritten")
    with pytest.raises(WeightFileError, match=r"^model\.safetensors was rewritten in place"):
        file.check_unchanged()


def test_a_change_is_noticed_within_a_millisecond(path):
    safetensors.numpy.save_file({"w": np.ones(1000, np.float32)}, path)
    file = open_safetensors(path)
    rewritten(path, "overwritten")
    time.sleep(0.002)
    with pytest.raises(WeightFileError, match="was rewritten in place"):
        file.check_unchanged()

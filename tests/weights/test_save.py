"""Writing one file: any strides and dtype, the same bytes as the package, what cannot be written."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

from minibert.errors import WeightFileError
from minibert.weights import open_safetensors, save_safetensors

DTYPES = ["?", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8"]


def strided(values):
    """The same values (4, 6, 2) in every memory layout that an array can have."""
    wide = np.zeros((8, 6, 4), values.dtype)
    wide[::2, :, 1::2] = values
    backwards = np.ascontiguousarray(values[::-1, :, ::-1])[::-1, :, ::-1]
    return {
        "c": np.ascontiguousarray(values),
        "fortran": np.asfortranarray(values),
        "transposed": np.ascontiguousarray(values.transpose(2, 0, 1)).transpose(1, 2, 0),
        "every second": wide[::2, :, 1::2],
        "negative strides": backwards,
        "big-endian": values.astype(values.dtype.newbyteorder(">")),
        "read-only": np.frombuffer(values.tobytes(), values.dtype).reshape(values.shape),
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_layout_of_every_dtype_is_written_in_c_order(path, dtype):
    values = np.random.default_rng(1).integers(0, 100, (4, 6, 2)).astype(dtype)
    arrays = strided(values)
    assert arrays["negative strides"].strides[0] < 0
    save_safetensors(path, arrays)
    ours, package = open_safetensors(path), safetensors.numpy.load_file(path)
    assert set(ours) == set(arrays)
    for name in arrays:
        assert ours.raw(name).tobytes() == values.tobytes(), name
        assert package[name].dtype == np.dtype(dtype), name
        assert np.array_equal(package[name], values), name


def test_broadcast_empty_and_0_dimensional_arrays(path):
    arrays = {
        "broadcast": np.broadcast_to(np.float32(3), (2, 5)),
        "empty": np.empty((0, 4), np.float32),
        "empty in the middle": np.empty((3, 0, 2), np.float64),
        "scalar": np.array(7, np.int64),
        "scalar 16": np.float16(0.5),
    }
    save_safetensors(path, arrays)
    file = open_safetensors(path)
    for name, array in arrays.items():
        assert file[name].shape == np.shape(array), name
        assert np.array_equal(file[name], array), name


def test_special_values_keep_their_bits(path):
    bits = np.array([0x7FC00001, 0xFF800000, 0x00000001, 0x80000000, 0x7F7FFFFF], np.uint32)
    save_safetensors(path, {"w": bits.view(np.float32)})
    assert open_safetensors(path)["w"].view(np.uint32).tolist() == bits.tolist()


def test_the_bytes_are_those_of_the_package(path, tmp_path):
    rng = np.random.default_rng(2)
    arrays = {f"{dtype}.{i}": rng.integers(0, 2, (i, 3)).astype(dtype) for i in range(4) for dtype in DTYPES}
    arrays |= {'name "quoted"\\\n\t\x01é模': np.ones(3, np.float32), "": np.zeros((), np.float16)}
    save_safetensors(path, arrays, {"format": "pt"})
    safetensors.numpy.save_file(arrays, tmp_path / "package", {"format": "pt"})
    assert path.read_bytes() == (tmp_path / "package").read_bytes()


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_metadata(path, metadata):
    save_safetensors(path, {"w": np.ones(1)}, metadata)
    assert open_safetensors(path).metadata == (metadata or {})
    with safetensors.safe_open(path, framework="np") as file:
        assert file.metadata() == metadata


def test_the_same_content_in_another_order_gives_the_same_bytes(path):
    arrays = {name: np.full(3, i, np.float32) for i, name in enumerate("cab")}
    save_safetensors(path, arrays, {"a": "1", "b": "2"})
    first = path.read_bytes()
    save_safetensors(path, dict(sorted(arrays.items())), {"b": "2", "a": "1"})
    assert path.read_bytes() == first
    header = json.loads(first[8 : 8 + int.from_bytes(first[:8], "little")])
    assert list(header) == ["__metadata__", "a", "b", "c"]


def test_the_data_is_aligned_whatever_the_names(path):
    for length in range(9):
        save_safetensors(path, {"n" * length: np.ones(2), "half": np.ones(3, np.float16)})
        assert int.from_bytes(path.read_bytes()[:8], "little") % 8 == 0
        file = open_safetensors(path)
        assert np.shares_memory(file["n" * length], file._content)


def test_no_tensors(path):
    save_safetensors(path, {})
    assert path.read_bytes() == b"\x08\0\0\0\0\0\0\0{}      "
    assert len(open_safetensors(path)) == 0


def test_a_file_can_be_written_from_arrays_mapped_from_itself(path):
    save_safetensors(path, {"w": np.arange(1000, dtype=np.float32)})
    save_safetensors(path, {"v": open_safetensors(path)["w"]})
    assert np.array_equal(open_safetensors(path)["v"], np.arange(1000))


class OnDevice:
    """Stands for an array of CuPy: a dtype, a shape and `get`, nothing else."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.fetched = values, values.shape, values.dtype, 0

    def get(self):
        self.fetched += 1
        return self.values


def test_arrays_on_a_device_are_fetched_once_by_the_given_function(path):
    array = OnDevice(np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)))
    save_safetensors(path, {"w": array, "v": np.ones(1)}, to_numpy=lambda x: x.get())
    assert open_safetensors(path)["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert array.fetched == 1


def test_without_a_function_the_backend_converts(path, monkeypatch):
    from minibert import backend

    monkeypatch.setattr(backend, "to_numpy", lambda x: x.get())
    save_safetensors(path, {"w": OnDevice(np.ones(3, np.float32))})
    assert open_safetensors(path)["w"].tolist() == [1, 1, 1]


def test_an_array_that_changes_on_its_way_to_the_host_is_refused(path):
    save_safetensors(path, {"w": np.ones(3)})
    before = path.read_bytes()
    with pytest.raises(
        WeightFileError, match=r"'w' of shape \(2,\) and dtype F32 became \(2,\) and float64 on its way"
    ):
        save_safetensors(path, {"w": OnDevice(np.ones(2, np.float32))}, to_numpy=lambda x: x.get().astype("f8"))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


REFUSED = {
    "complex": (
        {"w": np.ones(2, np.complex64)},
        "tensor 'w' has the dtype complex64, which safetensors files cannot",
    ),
    "object": (
        {"w": np.array([None, {}])},
        "tensor 'w' has the dtype object, which safetensors files cannot hold. ",
    ),
    "text": (
        {"w": np.array(["a"])},
        "tensor 'w' has the dtype str32, which safetensors files cannot hold. They hold",
    ),
    "dates": ({"w": np.array(["2020"], "M8[Y]")}, "tensor 'w' has the dtype datetime64[Y], which"),
    "records": ({"w": np.zeros(2, [("a", "f4")])}, "tensor 'w' has the dtype void32, which"),
    "long double": ({"w": np.ones(2, np.longdouble)}, "tensor 'w' has the dtype "),
    "a list": ({"w": [1.0]}, "tensor 'w' is a list, not an array."),
    "None": ({"w": None}, "tensor 'w' is a NoneType, not an array."),
    "a name that is a number": ({3: np.ones(2)}, "3 cannot be the name of a tensor in a safetensors file."),
    "the metadata's name": (
        {"__metadata__": np.ones(2)},
        "'__metadata__' cannot be the name of a tensor in a safetensors file.",
    ),
    "a name that is not text": ({"\ud800": np.ones(2)}, "a name or metadata is not valid text: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_leaves_the_old_file(path, case):
    arrays, expected = REFUSED[case]
    if case == "long double" and np.dtype(np.longdouble).itemsize == 8:
        pytest.skip("here a long double is a float64")
    path.write_bytes(b"old")
    with pytest.raises(WeightFileError) as caught:
        save_safetensors(path, {"fine": np.ones(2), **arrays})
    assert str(caught.value).startswith(f"{path}: {expected}")
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("attribute", ["dtype", "shape"])
def test_half_an_array_is_none(path, attribute):
    half = type("Half", (), {attribute: getattr(np.ones(2), attribute)})()
    with pytest.raises(WeightFileError, match=r"tensor 'w' is a Half, not an array\.$"):
        save_safetensors(path, {"w": half})


def test_the_refusal_of_a_dtype_says_what_to_do(path):
    with pytest.raises(WeightFileError, match=r"They hold uint64, int64, .*, bool; convert the array first\.$"):
        save_safetensors(path, {"w": np.ones(2, np.complex128)})


@pytest.mark.parametrize("metadata", [{"step": 3}, {3: "step"}, {"a": None}])
def test_metadata_must_be_text(path, metadata):
    key, value = next(iter(metadata.items()))
    with pytest.raises(WeightFileError) as caught:
        save_safetensors(path, {}, metadata)
    assert str(caught.value) == f"{path}: metadata must be text to text, but has {key!r}: {value!r}."
    assert not path.exists()


def test_reading_and_writing_import_no_framework(path):
    code = (
        "import sys, numpy as np, minibert.weights as w; w.save_safetensors(sys.argv[1], {'w': np.ones(2)});"
        "w.open_safetensors(sys.argv[1])['w'];"
        "print([m for m in ('torch', 'huggingface_hub', 'transformers', 'cupy') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.reference
def test_torch_reads_the_same_bits(path):
    torch_files = pytest.importorskip("safetensors.torch")
    rng = np.random.default_rng(3)
    arrays = {dtype: np.asfortranarray(rng.integers(0, 100, (5, 7)).astype(dtype)) for dtype in DTYPES}
    save_safetensors(path, arrays, {"format": "pt"})
    for name, tensor in torch_files.load_file(path).items():
        assert tensor.numpy().tobytes() == np.ascontiguousarray(arrays[name]).tobytes()


@pytest.mark.reference
def test_what_torch_writes_is_read_bit_for_bit(path):
    torch = pytest.importorskip("torch")
    torch_files = pytest.importorskip("safetensors.torch")
    values = torch.randn(64, 33, generator=torch.Generator().manual_seed(0)) * 1e-3
    tensors = {str(dtype): values.to(dtype) for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16)}
    torch_files.save_file(tensors, path)
    file = open_safetensors(path)
    for name, tensor in tensors.items():
        expected = tensor if tensor.dtype == torch.float64 else tensor.float()
        assert file[name].tobytes() == expected.numpy().tobytes(), name

"""Each way in which a GPU can be missing has its own sentence; memory is counted before anything is moved."""

import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.backend import device
from tests import strict_cupy
from tests.small_models import small_inputs, small_model


def model_on(backend: str, class_name: str, dtype: str) -> Any:
    return small_model(class_name, dtype).to(backend)


INSTALL = "pip install 'minibert-numpy[cuda12]' (or [cuda13], as nvidia-smi names your driver's CUDA version)"


def fail(error: BaseException) -> Callable[..., Any]:
    def raises(*_: Any) -> Any:
        raise error

    return raises


def fake_cupy(
    count: Callable[[], int] = lambda: 1,
    handle: Callable[[], int] = lambda: 1,
    driver: int = 12040,
    needed: int = 13020,
) -> ModuleType:
    """A CuPy whose card, driver and cuBLAS are as told."""
    runtime = SimpleNamespace(
        getDeviceCount=count, driverGetVersion=lambda: driver, runtimeGetVersion=lambda: needed
    )
    fake = ModuleType("cupy")
    fake.cuda = SimpleNamespace(runtime=runtime, get_cublas_handle=handle)  # type: ignore[attr-defined]
    fake.ndarray = type("ndarray", (), {})  # type: ignore[attr-defined]
    return fake


INSUFFICIENT = RuntimeError(
    "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
)
NO_DEVICE = RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
STUB = RuntimeError("cudaErrorStubLibrary: CUDA driver is a stub library")
NO_CUBLAS = ImportError('Failure finding "libcublasLt.so.13": No such file.\n  listdir("/lib"):\n    a.so')


@pytest.mark.parametrize(
    ("fake", "sentence"),
    [
        (
            fake_cupy(count=fail(INSUFFICIENT), driver=0),
            "backend 'cupy' finds no NVIDIA driver: install one and check with nvidia-smi, or stay on 'numpy'.",
        ),
        (
            fake_cupy(count=fail(INSUFFICIENT)),
            "backend 'cupy' has CuPy for CUDA 13.2, but the driver knows only CUDA 12.4: "
            "pip install 'minibert-numpy[cuda12]' in its place, or update the driver.",
        ),
        (
            fake_cupy(count=fail(NO_DEVICE)),
            "backend 'cupy' finds a driver but no GPU: check with nvidia-smi and CUDA_VISIBLE_DEVICES, "
            "or stay on 'numpy'.",
        ),
        (fake_cupy(count=lambda: 0), "backend 'cupy' finds no GPU: check with nvidia-smi, or stay on 'numpy'."),
        (
            fake_cupy(count=fail(STUB)),
            "backend 'cupy' cannot use the GPU (cudaErrorStubLibrary: CUDA driver is a stub library): "
            "check the driver with nvidia-smi, or stay on 'numpy'.",
        ),
        (
            fake_cupy(handle=fail(NO_CUBLAS)),
            "backend 'cupy' needs CUDA's library of matrix products, which is not here "
            f"(Failure finding \"libcublasLt.so.13\": No such file): {INSTALL} brings it.",
        ),
        (
            fake_cupy(handle=fail(RuntimeError("CUBLAS_STATUS_NOT_INITIALIZED"))),
            "backend 'cupy' cannot use the GPU (CUBLAS_STATUS_NOT_INITIALIZED): or stay on 'numpy'.",
        ),
    ],
)
def test_without_a_usable_gpu(fake: ModuleType, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", fake)
    with pytest.raises(mb.BackendError) as caught:
        mb.backend.load_backend("cupy")
    assert str(caught.value) == sentence


def test_cupy_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """As CuPy does it: an ImportError of its own, whose cause names the library."""
    (tmp_path / "cupy.py").write_text(
        "try:\n    raise ImportError('libcublas.so.12: cannot open shared object file: No such file or directory')\n"
        "except ImportError as error:\n    raise ImportError('=====\\nFailed to import CuPy.\\n...') from error\n"
    )
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(mb.BackendError) as caught:
        mb.backend.load_backend("cupy")
    assert str(caught.value) == (
        "backend 'cupy' found CuPy but could not import it (libcublas.so.12: cannot open shared object file: "
        "No such file or directory): it is probably built for another CUDA version than the one that is here; "
        f"{INSTALL}."
    )
    (tmp_path / "cupy.py").write_text("import cupy_backends_that_are_not_there\n")
    with pytest.raises(mb.BackendError, match=r"^backend 'cupy' found CuPy but could not import it \(No module named"):
        mb.backend.load_backend("cupy")


def test_real_cupy_without_a_driver() -> None:
    """Where CuPy is installed and no driver is, its own error becomes the sentence."""
    cupy = pytest.importorskip("cupy")
    if cupy.cuda.runtime.driverGetVersion() != 0:
        pytest.skip("there is a driver")
    with pytest.raises(mb.BackendError, match=r"^backend 'cupy' finds no NVIDIA driver: "):
        mb.backend.load_backend("cupy")


@pytest.fixture
def cp() -> Iterator[ModuleType]:
    with strict_cupy.installed() as cupy:
        yield cupy


def limit_memory(monkeypatch: pytest.MonkeyPatch, cp: ModuleType, free: int) -> None:
    monkeypatch.setattr(cp.cuda.runtime, "memGetInfo", lambda: (free, 1 << 34))


def test_a_model_larger_than_the_memory(
    cp: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    model = model_on("numpy", "BertForMaskedLM", "float32")
    model.save_pretrained(tmp_path)
    needed = 4 * model.num_parameters()
    there = device.free_bytes(cp) - cp.cuda.runtime.memGetInfo()[0]  # what the pool keeps
    limit_memory(monkeypatch, cp, needed - 1 - there)
    numbers = rf"{device.in_words(needed)} of the GPU's memory, and {device.in_words(needed - 1)} are free: "
    advice = r"free some, use dtype='float16', or stay on 'numpy'\.$"
    with pytest.raises(mb.BackendError, match=rf"^the model in float32 needs {numbers}{advice}"):
        model.to("cupy")
    assert model.backend == "numpy"
    assert all(isinstance(array, np.ndarray) for array in model.state_dict().values())
    with pytest.raises(mb.BackendError, match=rf"^BertForMaskedLM in float32 needs {numbers}{advice}"):
        mb.BertForMaskedLM.from_pretrained(tmp_path, backend="cupy")
    with pytest.raises(mb.BackendError, match=rf"^the model in float32 needs {numbers}{advice}"):
        mb.BertForMaskedLM(model.config, backend="cupy")
    limit_memory(monkeypatch, cp, needed)
    assert model.to("cupy").backend == "cupy"


def test_out_of_memory_in_a_call(cp: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_on("cupy", "BertForMaskedLM", "float32")
    inputs = small_inputs(model, labels=True)
    trace = mb.Trace()
    model(**inputs, trace=trace)

    def fails(*args: Any, **kwargs: Any) -> Any:
        raise cp.cuda.memory.OutOfMemoryError(512, 1024)

    monkeypatch.setattr(cp, "empty", fails)
    monkeypatch.setattr(cp, "matmul", fails)
    sentence = (
        r"^{} ran out of the GPU's memory: [\d.]+ [MG]iB are free and [\d.]+ [MG]iB in use \(.*\); "
        r"use a smaller batch, dtype='float16', gradient checkpointing, or 'numpy'\.$"
    )
    with pytest.raises(mb.BackendError, match=sentence.format("the call of BertForMaskedLM")):
        model(**inputs)
    with pytest.raises(mb.BackendError, match=sentence.format("the backward pass of BertForMaskedLM")):
        model.backward(trace)


def test_memory_in_words() -> None:
    assert device.in_words(3 << 29) == "1.50 GiB"
    assert device.in_words(12 << 20) == "12.0 MiB"


def test_nothing_to_release_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    assert mb.release_memory() == 0


def test_tf32_is_off_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_tf32", None)
    monkeypatch.delenv("CUPY_TF32", raising=False)
    assert not device.tf32_allowed()
    monkeypatch.setenv("CUPY_TF32", "1")
    assert device.tf32_allowed()
    mb.allow_tf32(False)
    assert not device.tf32_allowed()
    mb.allow_tf32(True)
    assert device.tf32_allowed()


# loading and the front door


@pytest.mark.parametrize("stored", ["float32", "float16", "float64"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
def test_loading_straight_to_the_gpu(cp: ModuleType, tmp_path: Any, stored: str, dtype: str) -> None:
    """Each tensor goes once, as it is stored; the values are those of loading on the host."""
    model = model_on("numpy", "BertForMaskedLM", stored)
    model.save_pretrained(tmp_path)
    expected = mb.BertForMaskedLM.from_pretrained(tmp_path, dtype=dtype, backend="numpy").state_dict()
    before = strict_cupy.transfers.counts["to device"]
    loaded = mb.BertForMaskedLM.from_pretrained(tmp_path, dtype=dtype, backend="cupy").state_dict()
    assert strict_cupy.transfers.counts["to device"] - before == len(expected)
    for name, array in expected.items():
        assert loaded[name].dtype == dtype
        np.testing.assert_array_equal(loaded[name].get(), array, err_msg=name)


def test_bfloat16_to_the_gpu(cp: ModuleType, tmp_path: Any) -> None:
    import json

    model = model_on("numpy", "BertModel", "float32")
    model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    halves, start = b"", 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        upper = np.frombuffer(data[slice(*entry["data_offsets"])], np.uint32) >> 16
        halves += upper.astype(np.uint16).tobytes()
        header[name] = {**entry, "dtype": "BF16", "data_offsets": [start, len(halves)]}
        start = len(halves)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + halves)
    expected = mb.BertModel.from_pretrained(tmp_path, backend="numpy").state_dict()
    for name, array in mb.BertModel.from_pretrained(tmp_path, backend="cupy").state_dict().items():
        np.testing.assert_array_equal(array.get(), expected[name], err_msg=name)


class Handed:
    """An array of another library: nothing but DLPack."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def test_inputs_by_dlpack() -> None:
    model = model_on("numpy", "BertModel", "float32")
    inputs = small_inputs(model)
    expected = model(**inputs).last_hidden_state
    given = {name: Handed(np.asarray(value)) for name, value in inputs.items()}
    np.testing.assert_array_equal(model(**given).last_hidden_state, expected)
    embedded = model.embeddings.word_embeddings.weight[np.asarray(inputs["input_ids"])]
    given = {name: value for name, value in inputs.items() if name != "input_ids"}
    np.testing.assert_array_equal(model(**given, inputs_embeds=Handed(embedded)).last_hidden_state, expected)


class Refuses(Handed):
    def __dlpack__(self, **options: Any) -> Any:
        raise BufferError("it requires a gradient")


class OnGpu(Handed):
    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0


def test_dlpack_that_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_on("numpy", "BertModel", "float32")
    with pytest.raises(mb.InputError, match=r"^input_ids: the .*Refuses cannot be read as an array: it requires"):
        model(Refuses(np.ones((1, 3), int)))
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(mb.BackendError, match="CuPy, which is not installed here"):
        model(OnGpu(np.ones((1, 3), int)))


def test_arrays_of_the_gpu_stay_there(cp: ModuleType) -> None:
    """Embeddings never come back; ids do once, to be checked; the results stay on the card."""
    model = model_on("cupy", "BertModel", "float32")
    inputs = small_inputs(model)
    ids = np.asarray(inputs["input_ids"])
    embedded = model.embeddings.word_embeddings.weight[cp.asarray(ids)]
    rest = {name: value for name, value in inputs.items() if name != "input_ids"}
    with strict_cupy.transfers.forbid("to host"):
        out = model(inputs_embeds=embedded, **rest)
    assert isinstance(out.last_hidden_state, cp.ndarray)
    before = strict_cupy.transfers.counts["to host"]
    same = model(input_ids=cp.asarray(ids), **rest)
    assert strict_cupy.transfers.counts["to host"] == before + 1
    np.testing.assert_allclose(mb.to_numpy(same.last_hidden_state), mb.to_numpy(out.last_hidden_state), atol=1e-6)
    by_dlpack = model(input_ids=Handed(ids), **rest)
    np.testing.assert_array_equal(mb.to_numpy(by_dlpack.last_hidden_state), mb.to_numpy(same.last_hidden_state))
    with pytest.raises(mb.InputError, match=r"^input_ids\[0, 1\] is -1: ids 0"):
        model(input_ids=cp.asarray(np.array([[1, -1, 1]])))

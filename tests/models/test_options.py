"""What transformers' from_pretrained also takes: passed over, given a meaning, or refused in a sentence."""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert import backend
from tests.small_checkpoints import save, tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save("bert", "ForMaskedLM", tmp_path_factory.mktemp("options"))


@pytest.mark.parametrize(
    "options",
    [
        {"attn_implementation": "sdpa"},
        {"attn_implementation": "eager", "low_cpu_mem_usage": True},
        {"trust_remote_code": True, "use_safetensors": True, "weights_only": True},
        {"token": "secret", "force_download": True, "revision": "main", "cache_dir": "x", "local_files_only": True},
        {"quantization_config": None, "load_in_8bit": False, "from_tf": False, "subfolder": "", "variant": None},
        {"device_map": "cpu"},
        {"device_map": {"": "cpu"}, "torch_dtype": "float32"},
        {"torch_dtype": "auto", "backend": "numpy", "device_map": -1},
        {"gradient_checkpointing": False, "finetuning_task": "cola"},
    ],
)
def test_what_changes_no_number(options: dict[str, Any], folder: Path) -> None:
    expected = mb.BertForMaskedLM.from_pretrained(folder).state_dict()
    for cls in (mb.BertForMaskedLM, mb.AutoModelForMaskedLM):
        model = cls.from_pretrained(folder, **options)
        assert model.dtype == np.float32
        assert (model.backend, model.device) == ("numpy", "cpu")
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attn_implementation": "flash_attention_2"},
         r"^attn_implementation is 'flash_attention_2': minibert has one attention, which gives the numbers of"),
        ({"load_in_8bit": True}, r"^BertForMaskedLM.from_pretrained takes no load_in_8bit: minibert computes in"),
        ({"quantization_config": {"bits": 4}}, r"takes no quantization_config: .* has no quantized arithmetic"),
        ({"use_safetensors": False}, r"^use_safetensors=False asks for a pickle, which can run any code"),
        ({"from_tf": True}, r"takes no from_tf: only safetensors are read; convert the checkpoint with transformers'"),
        ({"variant": "fp16"}, r"takes no variant \('fp16'\): give the folder that holds config.json"),
        ({"num_lables": 3}, r"takes no 'num_lables', and .* no such field \(did you mean 'num_labels'\?\)\.$"),
        ({"divice_map": "cpu"}, r"takes no 'divice_map', .* \(did you mean 'device_map'\?\)\.$"),
        ({"xyzzy": 1}, r"takes no 'xyzzy', and the configuration has no such field\.$"),
        ({"dtype": "float32", "torch_dtype": "float16"}, r"^dtype is 'float32', but torch_dtype, its old name,"),
        ({"backend": "cupy", "device_map": "cpu"}, r"^backend is 'cupy', but device_map 'cpu' means 'numpy': give one"),
    ],
)  # fmt: skip
def test_what_is_refused(options: dict[str, Any], message: str, folder: Path) -> None:
    with pytest.raises(mb.MinibertError, match=message):
        mb.BertForMaskedLM.from_pretrained(folder, **options)


def test_fields_of_a_configuration(folder: Path) -> None:
    for cls in (mb.BertConfig, mb.AutoConfig):
        config = cls.from_pretrained(folder, num_labels=3, token=None, trust_remote_code=True, finetuning_task="cola")
        assert (config.num_labels, config.finetuning_task) == (3, "cola")
        assert not hasattr(config, "token")
        with pytest.raises(mb.ConfigError, match=r"BertConfig has no field 'hiden_size' \(did you mean 'hidden_s"):
            cls.from_pretrained(folder, hiden_size=3)


def test_dtypes_as_pytorch_names_them(folder: Path) -> None:
    class Half:  # str(torch.float16)
        def __str__(self) -> str:
            return "torch.float16"

    for dtype in (Half(), "torch.float16", np.float16):
        with pytest.warns(UserWarning, match=r"^float16 on the CPU: .* slower than float32 itself;"):
            assert mb.AutoModel.from_pretrained(folder, dtype=dtype).dtype == np.float16
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="float16")
        assert mb.AutoModel.from_pretrained(folder, torch_dtype="torch.float64").dtype == np.float64
    with pytest.raises(mb.InputError, match=r"^dtype 'torch.bfloat16' is not one that models compute in: "):
        mb.AutoModel.from_pretrained(folder, dtype="torch.bfloat16")


def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)  # as if it were not installed
    monkeypatch.delenv("MINIBERT_BACKEND", raising=False)


@pytest.mark.parametrize("device", [0, "cuda", "cuda:0"])
def test_without_a_gpu(device: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_gpu(monkeypatch)
    message = (
        rf"^device {device!r} is a GPU; device=-1 or 'cpu' computes with NumPy. backend 'cupy' needs CuPy, which is "
        "not installed here: pip install"
    )
    with pytest.raises(mb.BackendError, match=message):
        mb.AutoModel.from_pretrained(folder, device_map=device)
    with pytest.raises(mb.BackendError, match=message):
        mb.pipeline("fill-mask", folder, device=device)
    assert mb.AutoModel.from_pretrained(folder, device_map="auto").backend == "numpy"
    assert mb.pipeline("fill-mask", folder, device_map="auto").device == "cpu"


def test_auto_takes_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIBERT_BACKEND", raising=False)
    monkeypatch.setattr(backend.choice, "load_backend", lambda name: name)
    assert backend.backend_of_device("auto") == "cupy"
    assert backend.backend_of_device(0) == backend.backend_of_device("cuda") == "cupy"
    monkeypatch.setenv("MINIBERT_BACKEND", "numpy")
    assert backend.backend_of_device("auto") == "numpy"
    for device in ("cuda:1", 1, "tpu", True, None, {"": 0, "head": "cpu"}):
        with pytest.raises(mb.InputError, match=r"^device is .*: give -1 or 'cpu' for NumPy, 0, 'cuda' or 'cupy' for"):
            backend.backend_of_device(device)


def test_moving_by_pytorchs_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = mb.AutoModel.from_pretrained(folder)
    assert model.to("cpu") is model
    assert model.to("cpu", dtype="float64").dtype == np.float64
    no_gpu(monkeypatch)
    with pytest.raises(mb.BackendError, match=r"^device 'cuda' is a GPU"):
        model.to("cuda")


def test_a_pipeline_of_a_model_that_is_loaded(folder: Path) -> None:
    model = mb.AutoModelForMaskedLM.from_pretrained(folder)
    assert mb.pipeline("fill-mask", model, tokenizer=tokenizer("bert"), device="cpu").model is model
    with pytest.raises(mb.InputError, match=r"^dtype, revision was given with a model that is loaded already: give it"):
        mb.pipeline("fill-mask", model, tokenizer=tokenizer("bert"), dtype="float64", revision="main")


def test_names_of_inputs(folder: Path) -> None:
    model = mb.AutoModelForMaskedLM.from_pretrained(folder)
    message = r"^BertForMaskedLM takes no 'input_id' \(did you mean 'input_ids'\?\): its inputs are input_ids,"
    with pytest.raises(mb.InputError, match=message):
        model(input_id=[[5]])
    encoded = tokenizer("bert")("my name", return_tensors="np", return_special_tokens_mask=True)
    for call in (lambda: model(encoded), lambda: model(**encoded)):
        with pytest.raises(mb.InputError, match=r"^BertForMaskedLM takes no 'special_tokens_mask'"):
            call()

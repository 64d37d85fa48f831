"""The benchmark without a GPU: it says what is missing; minibert's side of it runs on the stand-in."""

import sys
from typing import Any

import pytest

import minibert as mb
from benchmarks import gpu
from tests import strict_cupy


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert gpu.main([]) == 1
    error = capsys.readouterr().err
    assert error.startswith("benchmarks.gpu measures on a GPU: backend 'cupy' needs CuPy")
    assert error.count("\n") == 1


def test_without_pytorch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with strict_cupy.installed():
        assert gpu.main([]) == 1
    assert capsys.readouterr().err.startswith("benchmarks.gpu compares with PyTorch: ")


@pytest.mark.parametrize("mode", ["float32", "float16"])
def test_minibert_s_side_runs(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    whole = mb.BertConfig

    def small(**changes: Any) -> mb.BertConfig:
        return whole(hidden_size=8, num_attention_heads=2, intermediate_size=16, **{"num_hidden_layers": 1, **changes})

    monkeypatch.setattr(gpu.mb, "BertConfig", small)
    with strict_cupy.installed() as cupy:
        with gpu.counting(cupy) as counts:
            gpu.minibert_inference((2, 5), mode)()
        assert counts["to host"] == 1  # the ids
        gpu.minibert_training((2, 5), mode)()
        gpu.minibert_training((2, 5), mode, dropout=True)()


def test_the_page() -> None:
    row = {
        "step": "inference", "shape": "8x128", "mode": "float32", "speed against torch eager": 0.5,
        "milliseconds": {"minibert": 2.0, "torch eager": 1.0, "torch sdpa": 0.75},
        "MiB": {"minibert": 600, "torch eager": 500, "torch sdpa": 480},
    }  # fmt: skip
    page = gpu.table(
        {"card": "NVIDIA Example", "cuda": 13000, "cupy": "14", "torch": "2", "minibert": "0", "rows": [row],
         "kernels a layer": 14, "to host": 0}
    )  # fmt: skip
    assert page.startswith("# BERT-base on NVIDIA Example\n")
    assert "| inference | 8x128 | float32 | 2.00 | 1.00 | 0.75 | 0.50 | 600 | 500 |" in page

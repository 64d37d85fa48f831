"""Which array library a model uses: by default, by name, and where CuPy is not installed."""

import subprocess
import sys

import pytest

import minibert as mb
from minibert import backend
from minibert.errors import BackendError


def test_default_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIBERT_BACKEND", raising=False)
    assert backend.default_backend() == "numpy"
    monkeypatch.setenv("MINIBERT_BACKEND", "")
    assert backend.default_backend() == "numpy"
    monkeypatch.setenv("MINIBERT_BACKEND", "jax")
    assert backend.default_backend() == "jax"
    with pytest.raises(BackendError, match=r"^backend 'jax' is unknown: choose one of numpy, cupy\.$"):
        mb.BertModel(mb.BertConfig(vocab_size=4, hidden_size=2, num_hidden_layers=1, num_attention_heads=1))
    assert mb.BertModel(
        mb.BertConfig(vocab_size=4, hidden_size=2, num_hidden_layers=1, num_attention_heads=1), backend="numpy"
    ).backend == "numpy"


def test_no_cupy_here() -> None:
    """Where CuPy is not installed the error says what to install; a subprocess, so that nothing stays patched."""
    code = (
        "import sys; sys.modules['cupy'] = None\n"
        "import minibert as mb\n"
        "try:\n    mb.backend.load_backend('cupy')\n"
        "except mb.BackendError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "backend 'cupy' needs CuPy, which is not installed here: "
        "pip install 'minibert-numpy[cuda12]' (or [cuda13], as nvidia-smi names your driver's CUDA version)."
    )

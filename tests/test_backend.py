"""The seam between NumPy and CuPy, as far as NumPy alone can tell: erf, scatter-add, moving, choosing."""

import math
import subprocess
import sys

import numpy as np
import pytest

import minibert as mb
from minibert import backend
from minibert.errors import BackendError
from tests.gradients import frozen, rng_of


def test_erf_in_float64() -> None:
    near = np.concatenate([np.linspace(-7, 7, 60_001), np.geomspace(1e-300, 1, 3000), [1 - 2**-53, 1.0, 1 + 2**-52]])
    far = np.array([0.0, 6.5, 6.6, 30.0, 1e6, 1e300, math.inf])
    x = frozen(np.concatenate([near, far, -far]))
    y = backend.erf(x)
    expected = np.array([math.erf(value) for value in x.tolist()])
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, expected, rtol=4e-16, atol=0)  # measured: 2.4e-16
    np.testing.assert_array_equal(backend.erf(-x), -y)
    assert math.isnan(backend.erf(np.array([math.nan]))[0])


def test_erf_in_float32() -> None:
    x = frozen(np.linspace(-7, 7, 20_001, dtype=np.float32))
    y = backend.erf(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, [math.erf(value) for value in x.tolist()], rtol=4e-7, atol=1e-12)


def test_polynomial() -> None:
    x = frozen(np.array([-2.0, 0.0, 0.5, 3.0]))
    np.testing.assert_allclose(backend.polynomial((1.0, -2.0, 0.5, 4.0), x), 1 - 2 * x + 0.5 * x**2 + 4 * x**3)
    assert backend.polynomial((1.0, 2.0), x.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scatter_add_sums_repeated_ids(dtype: str) -> None:
    rng = rng_of(30)
    ids = frozen(rng.integers(0, 6, size=50))
    rows = frozen(rng.normal(size=(50, 3)).astype(dtype))
    out = rng.normal(size=(8, 3)).astype(dtype)
    expected = out.astype(np.float64)
    for i, place in enumerate(ids):
        expected[place] += rows[i]
    backend.scatter_add(ids, rows, out)
    assert out.dtype == dtype
    rounding = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(out, expected, rtol=rounding, atol=4 * rounding)


@pytest.mark.parametrize("ids", [[0], [2, 2], [1, 0], [3, 1, 3, 1, 3], []])
def test_scatter_add_of_few(ids: list[int]) -> None:
    rows = frozen(np.arange(1.0, 2 * len(ids) + 1).reshape(-1, 2))
    out, expected = np.zeros((4, 2)), np.zeros((4, 2))
    np.add.at(expected, np.array(ids, dtype=int), rows)
    backend.scatter_add(np.array(ids, dtype=int), rows, out)
    np.testing.assert_array_equal(out, expected)


def test_scatter_add_is_the_same_bits_twice() -> None:
    rng = rng_of(31)
    ids, rows = rng.integers(0, 3, size=5000), rng.normal(size=(5000, 4)).astype(np.float32)
    first, second = np.zeros((3, 4), np.float32), np.zeros((3, 4), np.float32)
    backend.scatter_add(ids, rows, first)
    backend.scatter_add(ids, rows, second)
    np.testing.assert_array_equal(first, second)


def test_moving() -> None:
    x = np.arange(3.0)
    assert backend.to_numpy(x) is x
    assert mb.to_numpy is backend.to_numpy
    np.testing.assert_array_equal(backend.to_numpy([1, 2]), [1, 2])
    assert backend.move(x, np) is x
    assert backend.move(x, np, "float64") is x
    assert backend.move(x, np, "float32").dtype == np.float32
    np.testing.assert_array_equal(backend.move([1, 2], np, "float64"), [1.0, 2.0])


def test_where_arrays_live() -> None:
    assert backend.array_module(np.zeros(2), None, [1]) is np
    assert backend.array_module() is np
    assert backend.load_backend("numpy") is np


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

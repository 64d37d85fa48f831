"""What cuBLAS is told of a batched product, checked by a stand-in for cuBLAS that reads the same memory by columns."""

import ctypes
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minibert.backend import device
from minibert.functional import numbers
from minibert.kernels import products
from tests import strict_cupy
from tests.gradients import rng_of

TYPES = {2: np.float16, 0: np.float32, 1: np.float64}
COMPUTE = {(2, 68), (0, 68), (0, 77), (1, 70)}  # CUBLAS_COMPUTE_32F, ..._FAST_TF32, _64F


def matrices(pointer: int, dtype: Any, rows: int, columns: int, leading: int, stride: int, count: int) -> np.ndarray:
    """(count, rows, columns) as BLAS reads them: each column's values one after the other."""
    assert leading >= max(1, rows)
    size = np.dtype(dtype).itemsize
    last = (count - 1) * stride + (columns - 1) * leading + rows
    flat = np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_uint8)), (last * size,)).view(dtype)
    return np.lib.stride_tricks.as_strided(flat, (count, rows, columns), (stride * size, size, leading * size))


class FakeBlas:
    """`gemmStridedBatchedEx` with the arguments of CuPy's binding."""

    def __init__(self) -> None:
        self.computed: list[int] = []

    def gemmStridedBatchedEx(
        self, handle: int, transa: int, transb: int, m: int, n: int, k: int, alpha: int,
        a: int, a_type: int, lda: int, stride_a: int, b: int, b_type: int, ldb: int, stride_b: int, beta: int,
        c: int, c_type: int, ldc: int, stride_c: int, count: int, compute: int, algorithm: int,
    ) -> None:  # fmt: skip
        assert a_type == b_type == c_type
        assert (a_type, compute) in COMPUTE
        assert algorithm == -1
        dtype = TYPES[a_type]
        scalar = ctypes.c_double if compute == 70 else ctypes.c_float
        assert scalar.from_address(alpha).value == 1.0
        assert scalar.from_address(beta).value == 0.0
        first = matrices(a, dtype, *((k, m) if transa else (m, k)), lda, stride_a, count)
        second = matrices(b, dtype, *((n, k) if transb else (k, n)), ldb, stride_b, count)
        first, second = (x.swapaxes(1, 2) if t else x for x, t in ((first, transa), (second, transb)))
        wide = np.float64 if dtype == np.float64 else np.float32
        matrices(c, dtype, m, n, ldc, stride_c, count)[...] = first.astype(wide) @ second.astype(wide)
        self.computed.append(compute)


@pytest.fixture
def blas(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBlas]:
    fake = FakeBlas()
    monkeypatch.setattr(products, "_cublas", lambda xp: fake)
    monkeypatch.setattr(device, "_tf32", False)
    with strict_cupy.installed():
        yield fake


def on_card(array: np.ndarray) -> Any:
    import cupy

    return cupy.asarray(array)


def check(a: Any, b: Any, dtype: str) -> None:
    expected = a.get().astype(np.float64) @ b.get().astype(np.float64)
    found = numbers.matmul(a, b)
    assert found.dtype == dtype
    assert found.flags.c_contiguous
    rounding = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-14}[dtype]
    np.testing.assert_allclose(found.get(), expected, rtol=0, atol=rounding * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("sizes", [(2, 3, 5, 7, 4), (1, 3, 5, 1, 4), (2, 1, 1, 7, 4), (2, 3, 5, 7, 1), (1, 1, 1, 1, 1)])
def test_products_of_attention(blas: FakeBlas, dtype: str, sizes: tuple[int, ...]) -> None:
    batch, heads, tokens, keys, width = sizes
    rng = rng_of(1)

    def heads_of(length: int, contiguous: bool) -> Any:
        """(B, N, T, K), of its own memory or as a view of (B, T, N K)."""
        if contiguous:
            return on_card(rng.normal(size=(batch, heads, length, width)).astype(dtype))
        rows = on_card(rng.normal(size=(batch, length, heads * width)).astype(dtype))
        return rows.reshape(batch, length, heads, width).transpose(0, 2, 1, 3)

    probs = on_card(rng.normal(size=(batch, heads, tokens, keys)).astype(dtype))
    for contiguous in (True, False):
        query, key = heads_of(tokens, contiguous), heads_of(keys, contiguous)
        check(query, key.swapaxes(-1, -2), dtype)
        check(probs, key, dtype)
        check(probs.swapaxes(-1, -2), query, dtype)
    assert len(blas.computed) == 6


def test_what_is_transposed_is_not_copied(blas: FakeBlas) -> None:
    import cupy

    key = cupy.ones((2, 3, 5, 4), "float32")
    for x, transposed in ((key, 0), (key.swapaxes(-1, -2), 1)):
        operand = products.operand(cupy, x)
        assert operand.array is x
        assert (operand.transposed, operand.leading, operand.stride) == (transposed, 4, 20)
    view = cupy.ones((1, 5, 12), "float32").reshape(1, 5, 3, 4).transpose(0, 2, 1, 3)  # one text: heads lie apart by 4
    operand = products.operand(cupy, view)
    assert operand.array is view
    assert (operand.transposed, operand.leading, operand.stride) == (0, 12, 4)
    view = cupy.ones((2, 5, 12), "float32").reshape(2, 5, 3, 4).transpose(0, 2, 1, 3)  # two texts: no one step
    assert products.operand(cupy, view).array is not view


def test_tf32_where_it_is_allowed(blas: FakeBlas, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = on_card(np.ones((2, 4, 3), np.float32)), on_card(np.ones((2, 3, 5), np.float32))
    numbers.matmul(a, b)
    numbers.matmul(a[0], b[0])  # two axes: CuPy's own
    assert blas.computed == [68]
    monkeypatch.setattr(device, "_tf32", True)
    numbers.matmul(a, b)
    check(a[0], b[0].T.copy().T, "float32")
    numbers.matmul(a.astype("float64"), b.astype("float64"))
    assert blas.computed == [68, 77, 77, 70]


def test_odd_products_go_to_cupy(blas: FakeBlas) -> None:
    a = on_card(np.ones((2, 3, 4, 5), np.float32))
    np.testing.assert_array_equal(numbers.matmul(a, on_card(np.ones((5, 6), np.float32))).get(), 5.0)
    assert numbers.matmul(a[:0], a.swapaxes(-1, -2)[:0]).shape == (0, 3, 4, 4)
    assert blas.computed == []


def test_without_the_binding() -> None:
    assert products._cublas(SimpleNamespace(cuda=ModuleType("cuda"))) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_products_on_the_host(dtype: str) -> None:
    """Sums of float16 are made in float32: 4096 ones and one, which float16 alone could not hold apart."""
    a, b = np.ones((1, 4097), dtype), np.ones((4097, 1), dtype)
    product = numbers.matmul(a, b)
    assert product.dtype == dtype
    assert product[0, 0] == np.dtype(dtype).type(4097)
    big = np.full((1, 40), 300.0, dtype), np.full((40, 1), 2.0, dtype)
    assert numbers.matmul(*big)[0, 0] == 24000.0

"""Matrix products on the GPU, through cuBLAS.

`cupy.matmul` computes two-axis products well, and those go to it. Of more axes it copies every operand that is
transposed, computes float16 in float32, and never uses TF32; here cuBLAS is told of the transposition instead and
gets float16 as it is, with sums in float32. cuBLAS has columns where NumPy has rows, so it is asked for cᵀ = bᵀ aᵀ:
the same memory read by columns.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import Array, array_module
from minibert.backend.device import tf32_allowed

# cuBLAS's own numbers (cublas_api.h, library_types.h)
_TYPES = {"float16": 2, "float32": 0, "float64": 1}
_COMPUTE = {"float16": 68, "float32": 68, "float64": 70}
_COMPUTE_TF32 = 77
_DEFAULT_ALGORITHM = -1
_ONE = {name: np.ones((), "float64" if name == "float64" else "float32") for name in _TYPES}
_ZERO = {name: np.zeros_like(one) for name, one in _ONE.items()}


class Operand(NamedTuple):
    """How cuBLAS reads a batch of matrices: transposed or not, and the steps between columns and matrices."""

    array: Any
    transposed: int
    leading: int
    stride: int


def matmul(a: Array, b: Array) -> Array:
    """a (..., M, K), b (..., K, N) -> a b (..., M, N), the leading axes equal; CuPy arrays of one dtype."""
    xp = array_module(a)
    cublas = _cublas(xp)
    batched = a.ndim > 2 or b.ndim > 2
    tf32 = a.dtype.name == "float32" and tf32_allowed()
    plain = cublas is None or not (batched or tf32) or a.ndim != b.ndim or a.shape[:-2] != b.shape[:-2]
    if plain or a.size == 0 or b.size == 0 or a.dtype != b.dtype or a.dtype.name not in _TYPES:
        return xp.matmul(a, b)
    out = xp.empty((*a.shape[:-1], b.shape[-1]), dtype=a.dtype)
    _multiply(xp, cublas, a, b, out, _COMPUTE_TF32 if tf32 else _COMPUTE[a.dtype.name])
    return out


def _cublas(xp: ModuleType) -> Any:
    """CuPy's binding of cuBLAS, where it has one."""
    return getattr(xp.cuda, "cublas", None)


def _multiply(xp: ModuleType, cublas: Any, a: Array, b: Array, out: Any, compute: int) -> None:
    first, second = operand(xp, b), operand(xp, a)
    rows, inner = a.shape[-2:]
    columns = b.shape[-1]
    name, kind = a.dtype.name, _TYPES[a.dtype.name]
    cublas.gemmStridedBatchedEx(
        xp.cuda.get_cublas_handle(), first.transposed, second.transposed, columns, rows, inner,
        _ONE[name].ctypes.data, first.array.data.ptr, kind, first.leading, first.stride,
        second.array.data.ptr, kind, second.leading, second.stride,
        _ZERO[name].ctypes.data, out.data.ptr, kind, columns, rows * columns,
        out.size // (rows * columns), compute, _DEFAULT_ALGORITHM,
    )  # fmt: skip


def operand(xp: ModuleType, x: Array) -> Operand:
    """How cuBLAS reads x (..., R, C); copied only where no pair of steps describes it."""
    found = _steps(x)
    if found is None:
        x = xp.ascontiguousarray(x)
        found = _steps(x)
        assert found is not None
    return Operand(x, *found)


def _steps(x: Array) -> tuple[int, int, int] | None:
    rows, columns = x.shape[-2:]
    steps = [step // x.itemsize for step in x.strides]
    stride = _batch_stride(x.shape[:-2], steps[:-2])
    if stride is None:
        return None
    down, across = steps[-2:]
    if (across == 1 or columns == 1) and (down >= columns or rows == 1):
        return 0, max(down, columns), stride  # rows one after the other: columns of the transposed, as wanted
    if (down == 1 or rows == 1) and (across >= rows or columns == 1):
        return 1, max(across, rows), stride
    return None


def _batch_stride(shape: tuple[int, ...], steps: list[int]) -> int | None:
    """The one step between all matrices of a batch, or None if there is none."""
    stride, expected = 0, None
    for size, step in zip(reversed(shape), reversed(steps), strict=True):
        if size == 1:
            continue
        if expected is None:
            stride = step
        elif step != expected:
            return None
        expected = step * size
    return stride

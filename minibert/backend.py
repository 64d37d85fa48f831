"""The one place that knows whether arrays are NumPy's or CuPy's.

Everything else is written once against the array functions that both libraries have, and finds
them from its arrays: `xp = array_module(x)`. The backend belongs to a model and its arrays, never
to a global or a context variable. This file imports CuPy only when asked for it by name.
"""

import os
import sys
from types import ModuleType
from typing import Any

import numpy as np

from minibert.errors import BackendError, InputError

Array = Any  # a NumPy or a CuPy array; the two have no common base class

BACKENDS = ("numpy", "cupy")


def array_module(*arrays: Any) -> ModuleType:
    """The library that owns these arrays: `cupy` if any is CuPy's, else `numpy`."""
    cupy = sys.modules.get("cupy")
    if cupy is not None and any(isinstance(array, cupy.ndarray) for array in arrays):
        return cupy
    return np


def load_backend(name: str) -> ModuleType:
    """The array library of this name, "numpy" or "cupy".

    Raises:
        BackendError: the name is unknown, CuPy is not installed, or it finds no usable GPU: each has its sentence.
    """
    if name == "numpy":
        return np
    if name != "cupy":
        raise BackendError(f"backend {name!r} is unknown: choose one of {', '.join(BACKENDS)}.")
    from minibert.kernels.device import load_cupy

    return load_cupy()


def default_backend() -> str:
    """The backend of new models: `MINIBERT_BACKEND`, or "numpy" where that is not set."""
    return os.environ.get("MINIBERT_BACKEND") or "numpy"


def backend_of_device(device: Any) -> str:
    """The backend that PyTorch's name of a device means here: "numpy" for the CPU, "cupy" for the first GPU.

    Args:
        device: -1, "cpu"; 0, "cuda", "cuda:0"; "auto" for MINIBERT_BACKEND, or else the GPU if there is a usable
            one; a backend's own name; a torch.device; or what `device_map` may also be, {"": device}.

    Raises:
        InputError: no such device is known.
        BackendError: it is the GPU, and that cannot be used here.

    >>> backend_of_device("cpu"), backend_of_device(-1), backend_of_device({"": "cpu"})
    ('numpy', 'numpy', 'numpy')
    """
    if isinstance(device, dict) and len(set(device.values())) == 1:
        return backend_of_device(next(iter(device.values())))
    name = device if isinstance(device, int) and not isinstance(device, bool) else str(device)
    if name == "auto":
        return os.environ.get("MINIBERT_BACKEND") or ("cupy" if _gpu_is_usable() else "numpy")
    if name in (-1, "cpu", "numpy"):
        return "numpy"
    if name not in (0, "cuda", "cuda:0", "gpu", "cupy"):
        raise InputError(
            f"device is {device!r}: give -1 or 'cpu' for NumPy, 0, 'cuda' or 'cupy' for the GPU, or 'auto' for what "
            "is here."
        )
    if name != "cupy":
        try:
            load_backend("cupy")
        except BackendError as error:
            raise BackendError(f"device {device!r} is a GPU; device=-1 or 'cpu' computes with NumPy. {error}") from None
    return "cupy"


def _gpu_is_usable() -> bool:
    try:
        load_backend("cupy")
    except BackendError:
        return False
    return True


def to_numpy(x: Any) -> np.ndarray:
    """x as a NumPy array on the host; a NumPy array is returned as it is. x may be all that `as_array` takes."""
    x = as_array(x)
    return x.get() if array_module(x) is not np else x


_DLPACK_CPU, _DLPACK_HOST_MEMORY = 1, (1, 3)  # kDLCPU; kDLCPU and kDLCUDAHost


def as_array(x: Any) -> Array:
    """A list, a number, or an array of any library -> a NumPy array, or a CuPy array where it lives on a GPU.

    Arrays of other libraries come by DLPack, without a copy where both agree (a torch.Tensor must not require a
    gradient); of those on a GPU CuPy takes over the memory.

    Raises:
        BackendError: it lives on a GPU, and CuPy cannot be used here.
        InputError: its library does not hand it over.
    """
    if isinstance(x, np.ndarray) or array_module(x) is not np:
        return x
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        return np.asarray(x)
    device = int(x.__dlpack_device__()[0])
    try:
        if device in _DLPACK_HOST_MEMORY:
            return np.from_dlpack(x) if device == _DLPACK_CPU else np.asarray(x)
        return load_backend("cupy").from_dlpack(x)
    except (BufferError, RuntimeError, TypeError) as error:
        if isinstance(error, BackendError):
            raise
        kind = f"{type(x).__module__}.{type(x).__qualname__}"
        raise InputError(f"the {kind} cannot be read as an array: {str(error).rstrip('.')}.") from error


def move(x: Any, xp: ModuleType, dtype: Any = None) -> Array:
    """x in the library `xp` and of this dtype; a copy is made only where something changes."""
    if xp is np:
        x = to_numpy(x)
        return x if dtype is None else x.astype(dtype, copy=False)
    return xp.asarray(as_array(x), dtype=dtype)


def upload(x: np.ndarray, xp: ModuleType) -> Array:
    """A NumPy array, such as a view of a mapped file, copied to the GPU without another copy on the host."""
    if not x.flags.c_contiguous or x.size == 0:
        return xp.asarray(x)
    target = xp.empty(x.shape, dtype=x.dtype)
    target.set(x)
    return target


def scatter_add(ids: Array, rows: Array, out: Array, skipped: int | None = None) -> None:
    """out[ids[i]] += rows[i] for every i, repeated ids included. ids (M,), rows (M, D), out (V, D).

    Rows whose id is `skipped` are left out.

    `out[ids] += rows` would keep only the last of several equal ids. Here the rows of one id are
    brought together by a stable sort and summed in a fixed order, so that two runs give the same bits.
    """
    if ids.size == 0:
        return
    xp = array_module(out)
    if xp is not np:
        from minibert.kernels import fused

        if fused.usable(out):
            fused.scatter_add(ids, rows, out, -1 if skipped is None else skipped)
            return
    if skipped is not None:
        counted = ids != skipped
        ids, rows = ids[counted], rows[counted]
        if ids.size == 0:
            return
    order = xp.argsort(ids, kind="stable")
    sorted_ids = ids[order]
    first = xp.ones(ids.shape, dtype=bool)
    first[1:] = sorted_ids[1:] != sorted_ids[:-1]
    starts = xp.flatnonzero(first)
    sums = xp.add.reduceat(widened(rows)[order], starts, axis=0)
    out[sorted_ids[starts]] += sums.astype(out.dtype, copy=False)


def widened(x: Array) -> Array:
    """x in the dtype to sum and exponentiate in: float16 as float32, any other as it is."""
    return x.astype("float32") if x.dtype.name == "float16" else x


def narrowed(x: Array, like: Array, out: Array | None = None) -> Array:
    """x in the dtype of `like`, the reverse of `widened`; written to `out` where that is given."""
    if out is None:
        return x.astype(like.dtype, copy=False)
    out[...] = x
    return out


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """a (..., M, K) @ b (..., K, N) -> (..., M, N). Sums of float16 are made in float32.

    On the GPU see `minibert.kernels.products`.
    """
    if array_module(a) is not np:
        from minibert.kernels import products

        return products.matmul(a, b, out)
    if a.dtype.name == "float16":  # NumPy has no fast product of it
        return narrowed(np.matmul(widened(a), widened(b)), a, out)
    return np.matmul(a, b, out=out)


def column_sum(x: Array) -> Array:
    """x (..., D) -> its sum over all other axes (D,)."""
    if array_module(x) is not np:
        from minibert.kernels import fused

        x = contiguous(x)
        if fused.usable(x):
            return fused.column_sums(x)[0]
    rows = tuple(range(x.ndim - 1))
    return narrowed(widened(x).sum(axis=rows), x)


def contiguous(x: Array) -> Array:
    """x with its values one after the other, copied only if they are not."""
    return array_module(x).ascontiguousarray(x)


# erf(x) = x P(x²) for |x| < 1, and 1 - exp(-x²) Q((x - 2) / (x + 2)) beyond, both fitted at Chebyshev
# points with 40 digits (lowest power first). Greatest error against 40 digits: 2.3e-16 relative.
_ERF_NEAR = (
    1.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792,
    0.0052239776248180145, -0.000854832698083379, 0.0001205533111164271, -1.4925595266831182e-05,
    1.6461000484121368e-06, -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09,
    5.957176147748911e-11,
)  # fmt: skip
_ERF_FAR = (
    0.25539567631050575, -0.4271858474139584, 0.2416581942424663, -0.07897858101573252,
    0.003732892404355026, 0.006997461739225791, -0.0008471432526235886, -0.0009819770266183269,
    4.355565506579931e-05, 0.0001743611292917758, 2.752458636015109e-05, -2.757869831388864e-05,
    -1.39598516877637e-05, 1.3768440869681734e-06, 3.7532415259755377e-06, 1.2782870915296196e-06,
    -5.018225754743103e-07, -6.671840021542764e-07, 1.7257109341386674e-07,
)  # fmt: skip


def polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """sum of coefficients[i] x**i by Horner's rule, in x's dtype."""
    total = x * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        total += coefficient
        total *= x
    total += coefficients[0]
    return total


def erf(x: Array) -> Array:
    """The error function 2/√π ∫₀ˣ exp(-t²) dt, in x's dtype; float64 is right to 2.3e-16 relative."""
    xp = array_module(x)
    if xp is not np:
        from cupyx.scipy.special import erf as gpu_erf

        return narrowed(gpu_erf(widened(x)), x)  # of float16 CuPy would give float64
    magnitude = np.minimum(np.abs(x), 6.5)  # erf(6.5) = 1 in float64
    near = x * polynomial(_ERF_NEAR, np.square(np.minimum(magnitude, 1.0)))
    far = 1.0 - np.exp(-np.square(magnitude)) * polynomial(_ERF_FAR, (magnitude - 2.0) / (magnitude + 2.0))
    return np.where(magnitude < 1.0, near, np.copysign(far, x))

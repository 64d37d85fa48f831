"""Arrays of NumPy and of CuPy: whose they are, and how they come from one library to the other.

Everything else is written once against the array functions that both libraries have, and finds them from its arrays:
`xp = array_module(x)`.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from minibert.backend.choice import load_backend
from minibert.errors import BackendError, InputError

if TYPE_CHECKING:
    Array = np.ndarray
else:
    Array = Any  # NumPy's or CuPy's: the two have no common base class, and functions that they share


def array_module(*arrays: Any) -> ModuleType:
    """The library that owns these arrays: `cupy` if any is CuPy's, else `numpy`."""
    cupy = sys.modules.get("cupy")
    if cupy is not None and any(isinstance(array, cupy.ndarray) for array in arrays):
        return cupy
    return np


def to_numpy(x: Any) -> np.ndarray:
    """x as a NumPy array on the host, its shape and dtype unchanged; a NumPy array is returned as it is.

    Args:
        x: an array of NumPy, CuPy or another library with DLPack, a list, or a number.

    Raises:
        BackendError, InputError: x cannot be read, as `as_array`.

    Example:
        >>> to_numpy([[1, 2], [3, 4]]).shape
        (2, 2)
        >>> x = np.zeros(3)
        >>> to_numpy(x) is x
        True
    """
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


def contiguous(x: Array) -> Array:
    """x with its values one after the other, copied only if they are not."""
    return array_module(x).ascontiguousarray(x)

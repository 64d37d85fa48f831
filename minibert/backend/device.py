"""The GPU itself: finding CuPy and a card, how much memory there is, and errors in plain words.

This file imports CuPy only where it is asked to. Nothing here is state but one switch, `allow_tf32`.
"""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

from minibert.errors import BackendError

Method = TypeVar("Method", bound=Callable[..., Any])

_INSTALL = "pip install 'minibert-numpy[cuda12]' (or [cuda13], as nvidia-smi names your driver's CUDA version)"
_STAY = "or stay on 'numpy'"


def load_cupy() -> ModuleType:
    """CuPy, with a card that it can use.

    Raises:
        BackendError: CuPy is not installed or cannot be imported; there is no driver, an older one than CuPy needs,
            or no GPU; cuBLAS, which computes the matrix products, is missing.
    """
    cupy = _import_cupy()
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        raise BackendError(_why_no_device(cupy, error)) from error
    if count == 0:
        raise BackendError(f"backend 'cupy' finds no GPU: check with nvidia-smi, {_STAY}.")
    try:
        cupy.cuda.get_cublas_handle()
    except ImportError as error:
        raise BackendError(
            f"backend 'cupy' needs CUDA's library of matrix products, which is not here ({_first_line(error)}): "
            f"{_INSTALL} brings it."
        ) from error
    except Exception as error:
        raise BackendError(f"backend 'cupy' cannot use the GPU ({_first_line(error)}): {_STAY}.") from error
    return cupy


def _import_cupy() -> ModuleType:
    try:
        import cupy
    except ModuleNotFoundError as error:
        if error.name == "cupy":
            raise BackendError(f"backend 'cupy' needs CuPy, which is not installed here: {_INSTALL}.") from error
        raise BackendError(_import_failed(error)) from error
    except ImportError as error:
        raise BackendError(_import_failed(error)) from error
    return cupy


def _import_failed(error: ImportError) -> str:
    """CuPy's own message is a page; what says most is the library that was not found."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return (
        f"backend 'cupy' found CuPy but could not import it ({_first_line(cause)}): it is probably built for another "
        f"CUDA version than the one that is here; {_INSTALL}."
    )


def _why_no_device(cupy: ModuleType, error: Exception) -> str:
    text = str(error)
    if "InsufficientDriver" in text:
        driver, needed = cupy.cuda.runtime.driverGetVersion(), cupy.cuda.runtime.runtimeGetVersion()
        if driver == 0:
            return f"backend 'cupy' finds no NVIDIA driver: install one and check with nvidia-smi, {_STAY}."
        fitting = f"[cuda{driver // 1000}]"
        return (
            f"backend 'cupy' has CuPy for CUDA {_version(needed)}, but the driver knows only CUDA {_version(driver)}: "
            f"pip install 'minibert-numpy{fitting}' in its place, or update the driver."
        )
    if "NoDevice" in text:
        return f"backend 'cupy' finds a driver but no GPU: check with nvidia-smi and CUDA_VISIBLE_DEVICES, {_STAY}."
    return f"backend 'cupy' cannot use the GPU ({_first_line(error)}): check the driver with nvidia-smi, {_STAY}."


def _version(number: int) -> str:
    """12040 -> 12.4"""
    return f"{number // 1000}.{number % 1000 // 10}"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".:")


# memory


def free_bytes(cupy: ModuleType) -> int:
    """Bytes that an allocation can still get: free on the card, and kept by CuPy's pool but unused."""
    free, _ = cupy.cuda.runtime.memGetInfo()
    return int(free) + int(cupy.get_default_memory_pool().free_bytes())


def check_room(xp: ModuleType, needed: int, what: str) -> None:
    """Raise BackendError unless `needed` bytes fit into the GPU's free memory; on the host nothing is checked."""
    if xp.__name__ != "cupy":
        return
    free = free_bytes(xp)
    if needed > free:
        raise BackendError(
            f"{what} needs {in_words(needed)} of the GPU's memory, and {in_words(free)} are free: "
            "free some, use dtype='float16', or stay on 'numpy'."
        )


def release_memory() -> int:
    """Give the memory that CuPy's pool keeps for later back to the card; gives how many bytes that were.

    Needed only where another library wants the card's memory: minibert itself takes from the pool first.

    >>> release_memory()  # nothing, where CuPy is not in use
    0
    """
    cupy = sys.modules.get("cupy")
    if cupy is None:
        return 0
    pool = cupy.get_default_memory_pool()
    before = pool.total_bytes()
    pool.free_all_blocks()
    cupy.get_default_pinned_memory_pool().free_all_blocks()
    return int(before - pool.total_bytes())


def in_words(size: int) -> str:
    """A number of bytes, "1.50 GiB" or, below one GiB, "12.0 MiB"."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


@contextmanager
def memory_explained(xp: ModuleType, what: str) -> Iterator[None]:
    """Within the block, CuPy's out-of-memory error becomes a BackendError with both numbers.

    Args:
        what: what is being done, the beginning of the sentence: "the call of BertModel".
    """
    if xp.__name__ != "cupy":
        yield
        return
    try:
        yield
    except xp.cuda.memory.OutOfMemoryError as error:
        held = xp.get_default_memory_pool().used_bytes()
        raise BackendError(
            f"{what} ran out of the GPU's memory: {in_words(free_bytes(xp))} are free and {in_words(held)} in use "
            f"({_first_line(error)}); use a smaller batch, dtype='float16', gradient checkpointing, or 'numpy'."
        ) from error


def explains_memory(what: str) -> Callable[[Method], Method]:
    """The decorator form, for methods of something with `.parameters.xp`; {} in `what` is the class's name."""

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            with memory_explained(self.parameters.xp, what.format(type(self).__name__)):
                return method(self, *args, **kwargs)

        return call  # type: ignore[return-value]

    return decorate


# precision of matrix products

_tf32: bool | None = None


def allow_tf32(allow: bool) -> None:
    """Whether float32 matrix products on the GPU may round their inputs to TF32: 10 bits instead of 23, but faster.

    Off by default, as in PyTorch; the environment's CUPY_TF32=1 switches it on too. It concerns minibert's own
    products in this process; what else is computed with CuPy follows CUPY_TF32 alone.

    Args:
        allow: True or False; the environment is not asked any more.

    Example:
        >>> allow_tf32(False)  # exact products, whatever the environment says
        >>> tf32_allowed()
        False
    """
    global _tf32
    _tf32 = bool(allow)


def tf32_allowed() -> bool:
    """Whether TF32 is on."""
    if _tf32 is not None:
        return _tf32
    return os.environ.get("CUPY_TF32", "0") not in ("", "0")

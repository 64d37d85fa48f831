"""Compiling the CUDA sources of this folder through CuPy, and launching them.

One source holds all kernels for one dtype; CuPy compiles it at the first launch (with NVRTC, for the card that is
there) and keeps the binary on disk. Launches go to CuPy's current stream.
"""

import importlib.resources
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from minibert.backend import Array, array_module

FILES = (
    "softmax.cu",
    "layer_norm.cu",
    "sums.cu",
    "activations.cu",
    "dropout.cu",
    "cross_entropy.cu",
    "adamw.cu",
    "scatter_add.cu",
    "heads.cu",
    "masks.cu",
)
STORED = {"float16": "STORED_HALF", "float32": "STORED_FLOAT", "float64": "STORED_DOUBLE"}


@cache
def source(dtype: str) -> str:
    """The CUDA source of every kernel, for arrays of this dtype."""
    folder = importlib.resources.files("minibert.kernels")
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("common.cuh", *FILES)]
    return "\n".join([f"#define {STORED[dtype]}", *texts])


@lru_cache(maxsize=256)
def _compiled(cupy: ModuleType, name: str, dtype: str) -> Any:
    return cupy.RawKernel(source(dtype), name)


def on_card(x: Array) -> bool:
    """Whether x is CuPy's, of a dtype that the kernels are compiled for, and not empty."""
    xp = array_module(x)
    return xp is not np and hasattr(xp, "RawKernel") and x.dtype.name in STORED and x.size > 0


def usable(*arrays: Array | None) -> bool:
    """Whether kernels can work on these arrays: on the card, of one and the same dtype, values one after the other."""
    given = [array for array in arrays if array is not None]
    first = given[0]
    if not on_card(first):
        return False
    kind = type(first)
    return all(
        isinstance(array, kind) and array.dtype == first.dtype and array.flags.c_contiguous and array.size > 0
        for array in given
    )


def number_of(dtype: np.dtype) -> np.dtype:
    """The dtype that kernels compute in: float32 for float16, else the same."""
    return np.dtype("float32") if dtype.name == "float16" else dtype


def launch(name: str, like: Array, grid: tuple[int, ...], block: tuple[int, ...], *args: Any, shared: int = 0) -> None:
    """Run one kernel on the current stream.

    Args:
        like: an array of the dtype to compile for, on the GPU to launch on; any of the three will do where it is none.
        grid, block: numbers of blocks, and of threads in one.
        args: arrays (None is a null pointer), integers and floats, as the kernel declares them.
        shared: bytes of dynamic shared memory a block.
    """
    dtype = like.dtype.name if like.dtype.name in STORED else "float32"
    kernel = _compiled(array_module(like), name, dtype)
    kernel(grid, block, tuple(0 if arg is None else arg for arg in args), shared_mem=shared)


def ceil_div(a: int, b: int) -> int:
    """a / b rounded up."""
    return -(-a // b)

"""`cupy.RawKernel`: the CUDA source is compiled for the CPU and really run, by `tests/kernels/emulator.py`."""

from typing import Any

import numpy as np

from tests.kernels import emulator
from tests.strict_cupy.array import kind, ndarray
from tests.strict_cupy.rules import refuse

AVAILABLE = emulator.COMPILER is not None
WHY_NOT = "g++ is not installed, which compiles kernels for the CPU"


class CompileException(Exception):
    """As `cupy.cuda.compiler.CompileException`."""


class RawKernel:
    """A kernel of a CUDA source; its array arguments must be device arrays that are C-contiguous."""

    launches = 0  # of all kernels

    def __init__(
        self,
        code: str,
        name: str,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        translate_cucomplex: bool = False,
        *,
        enable_cooperative_groups: bool = False,
        jitify: bool = False,
    ) -> None:
        if not isinstance(options, tuple):
            refuse(f"options of a RawKernel are a tuple, not a {kind(options)}")
        self.code, self.name, self.options = code, name, options
        self._emulated = emulator.RawKernel(code, name, options)

    def __call__(self, grid: Any, block: Any, args: Any, *, shared_mem: int = 0, stream: Any = None) -> None:
        for what, sizes in (("grid", grid), ("block", block)):
            if not isinstance(sizes, tuple) or not all(type(size) is int for size in sizes):
                refuse(f"the {what} of a kernel is a tuple of int, not {sizes!r}")
        RawKernel.launches += 1
        self._emulated(grid, block, tuple(self._argument(arg) for arg in args), shared_mem=shared_mem)

    def _argument(self, arg: Any) -> Any:
        if isinstance(arg, ndarray):
            if not arg.flags.c_contiguous:
                refuse(f"{self.name} of an array whose rows do not follow each other: a kernel gets a bare pointer")
            return arg._host
        if isinstance(arg, np.ndarray):
            refuse(f"{self.name} of a NumPy array: move it first")
        return arg

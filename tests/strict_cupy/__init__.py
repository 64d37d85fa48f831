"""A strict stand-in for CuPy, for tests where there is no GPU.

Its arrays compute with NumPy, but refuse what CuPy refuses or would do behind the caller's back: conversion to NumPy,
mixing with NumPy arrays, the truth of an array, lists as indices, functions and keywords that CuPy has not. Its
namespace is CuPy's own, recorded in `namespace.json`. Where CuPy is silently different it is too: integer indices
wrap around, `empty` holds garbage, atomic sums come in another order at every call. Kernels are compiled for the CPU
and run (`kernels.py`).

    with strict_cupy.installed():
        model.to("cupy")
"""

import contextlib
import importlib.machinery
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from tests.strict_cupy import cuda, functions, kernels, memory
from tests.strict_cupy.memory import card
from tests.strict_cupy.rules import Refused, transfers

__all__ = ["MODULES", "Refused", "card", "installed", "kernels", "transfers"]


def _build() -> dict[str, ModuleType]:
    """The modules, by the names under which they are imported."""
    recorded = functions.RECORDED
    made: dict[str, ModuleType] = {}

    def add(name: str, contents: dict[str, Any]) -> ModuleType:
        made[name] = cuda.Recorded(name, contents, recorded[name])
        parent, _, last = name.rpartition(".")
        if parent in made:
            setattr(made[parent], last, made[name])
        return made[name]

    namespace = {name: value for name, value in functions.namespace.items() if name != "RawKernel"}
    cupy = add("cupy", {**namespace, "random": cuda.RefusedRandom("cupy.random")})
    cupy.__dict__.update(__version__=functions.STORED["version"], __path__=[])
    add("cupy.cuda", cuda._CUDA).__dict__["__path__"] = []
    add("cupy.cuda.runtime", cuda._RUNTIME)
    add("cupy.cuda.memory", {"OutOfMemoryError": memory.OutOfMemoryError, "MemoryPool": memory.MemoryPool})
    add("cupy.cuda.compiler", {"CompileException": kernels.CompileException})
    add("cupy.exceptions", {})
    add("cupy.linalg", {})
    cupyx = add("cupyx", {"scatter_add": functions.scatter_add, "rsqrt": functions.rsqrt})
    cupyx.__dict__["__path__"] = []
    made["cupyx.scipy"] = ModuleType("cupyx.scipy")
    made["cupyx.scipy"].__dict__["__path__"] = []
    cupyx.__dict__["scipy"] = made["cupyx.scipy"]
    add("cupyx.scipy.special", functions.special)
    for name, module in made.items():
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)  # whoever looks whether CuPy is here finds it
    return made


MODULES = _build()


@contextlib.contextmanager
def installed(with_kernels: bool = False) -> Iterator[ModuleType]:
    """Within the block `import cupy` gives the stand-in.

    with_kernels: whether it has `RawKernel`; without it the library takes its plain array functions.
    """
    cupy = MODULES["cupy"]
    kernels_before = cupy.__dict__.pop("RawKernel", None)
    if with_kernels:
        cupy.__dict__["RawKernel"] = kernels.RawKernel
    names = [name for name in sys.modules if name.split(".")[0] in ("cupy", "cupyx")]
    before = {name: sys.modules.pop(name) for name in names}
    sys.modules.update(MODULES)
    try:
        yield cupy
    finally:
        cupy.__dict__.pop("RawKernel", None)
        if kernels_before is not None:
            cupy.__dict__["RawKernel"] = kernels_before
        for name in MODULES:
            sys.modules.pop(name, None)
        sys.modules.update(before)

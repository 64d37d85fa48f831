"""Running CUDA sources on the CPU: compiled by g++ with `cuda_on_cpu.h`, called as CuPy's RawKernel is.

Arrays are anything whose memory is the host's: NumPy arrays, or objects with `.host` (a NumPy array) as a stand-in
for CuPy may have. Launches are checked: the number and kinds of the arguments, whole warps, shared memory.
"""

import ctypes
import hashlib
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

HEADER = Path(__file__).with_name("cuda_on_cpu.h")
COMPILER = shutil.which("g++")
KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(')


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="minibert-kernels-"))


def names_in(source: str) -> list[str]:
    """The kernels that a source defines, those of its ACTIVATION macro too."""
    names = [name for name in KERNEL.findall(source.replace("bias_##name", "").replace("name##_backward", "")) if name]
    for form in re.findall(r"^ACTIVATION\((\w+)\)", source, re.MULTILINE):
        names += [f"bias_{form}", f"{form}_backward"]
    return names


@cache
def compiled(source: str) -> ctypes.PyDLL:
    """The source as a library for this machine."""
    assert COMPILER is not None
    name = hashlib.sha256(source.encode()).hexdigest()[:16]
    entries = "\n".join(f"EMULATE({kernel})" for kernel in names_in(source))
    path = _folder() / f"{name}.cpp"
    path.write_text(f'#include "{HEADER}"\n{source}\n{entries}\n', encoding="utf-8")
    library = path.with_suffix(".so")
    done = subprocess.run(
        [COMPILER, "-std=c++17", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-w", str(path), "-o", str(library)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.PyDLL(str(library))  # holds the interpreter's lock: one launch at a time


class RawKernel:
    """Called as `cupy.RawKernel`: kernel(grid, block, args, shared_mem=...)."""

    def __init__(self, code: str, name: str, options: tuple[str, ...] = (), **_: Any) -> None:
        self.code, self.name = code, name

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], shared_mem: int = 0
    ) -> None:
        library = compiled(self.code)
        grid, block = (*grid, 1, 1)[:3], (*block, 1, 1)[:3]
        assert min(grid) > 0, f"{self.name}: the grid {grid} is empty"
        assert max(grid[1:]) < 1 << 16, f"{self.name}: the grid {grid} is too high for a card"
        threads = block[0] * block[1] * block[2]
        assert threads % 32 == 0, f"{self.name}: blocks of {block} are no whole warps"
        assert threads <= 1024, f"{self.name}: blocks of {block} are too large for a card"
        assert shared_mem <= 48 * 1024, f"{self.name}: {shared_mem} bytes of shared memory are too much"
        kinds = ctypes.create_string_buffer(64)
        getattr(library, f"describe_{self.name}")(kinds)
        assert len(kinds.value) == len(args), f"{self.name} takes {len(kinds.value)} arguments, not {len(args)}"
        values = [_value(self.name, chr(kind), arg) for kind, arg in zip(kinds.value, args, strict=True)]
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        three = ctypes.c_int * 3
        getattr(library, f"emulate_{self.name}")(three(*grid), three(*block), pointers)


def _value(name: str, kind: str, arg: Any) -> Any:
    """One argument as C has it; the kinds must agree, since CuPy passes what it is given as it is."""
    if kind == "p":
        if isinstance(arg, int):
            assert arg == 0, f"{name}: {arg} is no pointer"
            return ctypes.c_void_p(0)
        host = getattr(arg, "host", arg)
        assert isinstance(host, np.ndarray), f"{name}: {type(arg).__name__} is no array"
        return ctypes.c_void_p(host.ctypes.data)
    if kind == "i":
        assert type(arg) is int, f"{name}: {arg!r} is no int"
        return ctypes.c_longlong(arg)
    assert kind == "d", f"{name} declares an argument that is neither pointer, long long nor double"
    assert type(arg) is float, f"{name}: {arg!r} is no float"
    return ctypes.c_double(arg)

"""NVRTC, which compiles kernels on a user's machine, takes every source; it needs no GPU for that.

`pip install nvidia-cuda-nvrtc` (CUDA 13) or `nvidia-cuda-nvrtc-cu12` brings it.
"""

import ctypes
import ctypes.util
import sys
from functools import cache
from pathlib import Path

import pytest

from minibert.kernels.launch import STORED, source
from tests.kernels.emulator import names_in


@cache
def nvrtc() -> ctypes.CDLL | None:
    """The library, of a pip package or of the system."""
    found = [path for folder in sys.path for path in Path(folder or ".").glob("nvidia/*/lib/libnvrtc.so.*")]
    names = [str(path) for path in found if "alt" not in path.name]
    names += ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"]
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def compile_to_ptx(code: str, architecture: str) -> str:
    """The PTX text; AssertionError with the compiler's log where it refuses."""
    library = nvrtc()
    assert library is not None
    program = ctypes.c_void_p()
    assert library.nvrtcCreateProgram(ctypes.byref(program), code.encode(), b"minibert.cu", 0, None, None) == 0
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]  # as CuPy's RawKernel has it
    status = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    assert status == 0, log.value.decode()
    assert b"warning" not in log.value, log.value.decode()
    assert library.nvrtcGetPTXSize(program, ctypes.byref(size)) == 0
    ptx = ctypes.create_string_buffer(size.value)
    assert library.nvrtcGetPTX(program, ptx) == 0
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return ptx.value.decode()


needs_nvrtc = pytest.mark.skipif(nvrtc() is None, reason="NVRTC is not installed: pip install nvidia-cuda-nvrtc")


@needs_nvrtc
@pytest.mark.parametrize("architecture", ["compute_75", "compute_90"])
@pytest.mark.parametrize("dtype", list(STORED))
def test_sources_compile(dtype: str, architecture: str) -> None:
    ptx = compile_to_ptx(source(dtype), architecture)
    for name in names_in(source(dtype)):
        assert f".visible .entry {name}(" in ptx, name
    if dtype == "float16":
        assert "cvt.f32.f16" in ptx
        assert "cvt.rn.f16.f32" in ptx
    if dtype != "float64":  # float kernels must not fall into double arithmetic, which cards do slowly
        body = ptx[ptx.index(".entry masked_softmax(") :]
        body = body[: body.index("\n}")]
        assert "div.rn.f64" not in body
        assert "ex2" in body


@needs_nvrtc
def test_a_wrong_source_is_refused() -> None:
    with pytest.raises(AssertionError, match="undefined"):
        compile_to_ptx(source("float32").replace("warp_sum(along)", "warp_total(along)"), "compute_90")

"""The BLAS under NumPy: which it is, how many threads it will use, and how fast it multiplies here.

threadpoolctl tells where it is installed. Without it the library is found among the files that this process has
mapped (Linux), and asked through its own C functions.
"""

import ctypes
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

_LIBRARY = re.compile(r"(openblas|mkl_rt|blis|libblas|libcblas|libatlas|Accelerate)", re.IGNORECASE)
# OpenBLAS adds a prefix (SciPy's builds) and a suffix (64-bit integers) to its names
_THREADS = ("openblas_get_num_threads", "MKL_Get_Max_Threads", "bli_thread_get_num_threads")
_PREFIXES, _SUFFIXES = ("", "scipy_"), ("", "64_", "_64_")


def blas_libraries() -> tuple[list[dict[str, Any]], str]:
    """[{"name", "version", "threads", "file"}] of what is loaded, and how it was found out."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return _mapped_libraries(), "NumPy's configuration and the loaded libraries"
    found = [
        {
            "name": each["internal_api"],
            "version": each.get("version"),
            "threads": each["num_threads"],
            "file": each["filepath"],
        }
        for each in threadpool_info()
        if each["user_api"] == "blas"
    ]
    return found or _mapped_libraries(), "threadpoolctl"


def _mapped_libraries() -> list[dict[str, Any]]:
    built = numpy_blas()
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    files = dict.fromkeys(line.split(maxsplit=5)[5] for line in lines if line.count("/") and len(line.split()) > 5)
    found = []
    for file in files:
        if _LIBRARY.search(Path(file).name):
            found.append({**built, "threads": _threads(file), "file": file})
    return found or [{**built, "threads": None, "file": None}]


def numpy_blas() -> dict[str, Any]:
    """The BLAS that NumPy was built with, by its own word."""
    config: Any = np.show_config(mode="dicts")
    blas = (config or {}).get("Build Dependencies", {}).get("blas", {})
    return {"name": blas.get("name", "unknown"), "version": blas.get("version")}


def _threads(file: str) -> int | None:
    """How many threads the library uses, by its own word."""
    try:
        library = ctypes.CDLL(file)
    except OSError:
        return None
    for name in _THREADS:
        for prefix in _PREFIXES:
            for suffix in _SUFFIXES:
                function = getattr(library, f"{prefix}{name}{suffix}", None)
                if function is not None:
                    return int(function())
    return None


def product_speed(size: int = 512, seconds: float = 0.1) -> float:
    """Billions of float32 operations a second in a product of two square matrices; the best of a few."""
    a = np.ones((size, size), dtype=np.float32)
    best, end = np.inf, time.perf_counter() + seconds
    while True:
        begun = time.perf_counter()
        a @ a
        now = time.perf_counter()
        best = min(best, now - begun)
        if now > end:
            return 2 * size**3 / best / 1e9

"""The BLAS under NumPy: which it is, how many threads it will use, and how fast it multiplies here."""

import time
from typing import Any

import numpy as np

from minibert.running import blas


def blas_libraries() -> tuple[list[dict[str, Any]], str]:
    """[{"name", "version", "threads", "file"}] of what is loaded, and how it was found out."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return _loaded(), "NumPy's configuration and the loaded libraries"
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
    return found or _loaded(), "threadpoolctl"


def _loaded() -> list[dict[str, Any]]:
    built = blas.built_with()
    found = [
        {**built, "threads": None if library.get_threads is None else library.get_threads(), "file": library.file}
        for library in blas.libraries()
    ]
    return found or [{**built, "threads": None, "file": None}]


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

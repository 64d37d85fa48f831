"""The BLAS under NumPy: which it is, how many threads it uses, and a limit to them for a while.

The libraries are found among the files that this process has mapped (Linux), else in the folders where NumPy's wheels
bring them, and asked through their own C functions. Of a BLAS without such functions (Accelerate) nothing is changed.
"""

import ctypes
import functools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_LIBRARY = re.compile(r"(openblas|mkl_rt|blis|libblas|libcblas|libatlas|Accelerate)", re.IGNORECASE)
# OpenBLAS adds a prefix (SciPy's builds) and a suffix (64-bit integers) to its names
_PREFIXES, _SUFFIXES = ("", "scipy_"), ("", "64_", "_64_")
_FUNCTIONS = (
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
    ("bli_thread_get_num_threads", "bli_thread_set_num_threads"),
)


class Library(NamedTuple):
    """One BLAS that is loaded here, and its own functions; None where it has none."""

    file: str
    get_threads: Callable[[], int] | None
    set_threads: Callable[[int], None] | None


@functools.cache
def libraries() -> tuple[Library, ...]:
    """Every BLAS that this process has loaded."""
    return tuple(library for file in _files() if (library := _open(file)) is not None)


def _files() -> list[str]:
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return [str(path) for path in _beside_numpy() if _LIBRARY.search(path.name)]
    mapped = dict.fromkeys(line.split(maxsplit=5)[5] for line in lines if len(line.split(maxsplit=5)) > 5)
    return [file for file in mapped if _LIBRARY.search(Path(file).name)]


def _beside_numpy() -> list[Path]:
    package = Path(np.__file__).parent
    folders = (package.parent / "numpy.libs", package / ".dylibs", package / ".libs")
    return [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]


def _open(file: str) -> Library | None:
    try:
        opened = ctypes.CDLL(file)
    except OSError:
        return None
    for get_name, set_name in _FUNCTIONS:
        for prefix in _PREFIXES:
            for suffix in _SUFFIXES:
                get = getattr(opened, f"{prefix}{get_name}{suffix}", None)
                change = getattr(opened, f"{prefix}{set_name}{suffix}", None)
                if get is not None and change is not None:
                    get.restype, change.argtypes = ctypes.c_int, [ctypes.c_int]
                    return Library(file, get, change)
    return Library(file, None, None)


def built_with() -> dict[str, Any]:
    """The BLAS that NumPy was built with, by its own word: {"name", "version"}."""
    config: Any = np.show_config(mode="dicts")
    blas = (config or {}).get("Build Dependencies", {}).get("blas", {})
    return {"name": blas.get("name", "unknown"), "version": blas.get("version")}


def obeys() -> bool:
    """Whether every BLAS that is loaded lets its threads be limited."""
    return bool(libraries()) and all(library.set_threads is not None for library in libraries())


class _Limit:
    """The limit that holds now: the outermost one, for as long as anybody is inside one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.before: list[int] = []

    def enter(self, threads: int) -> None:
        with self.lock:
            if self.inside == 0:
                self.before = [library.get_threads() for library in libraries() if library.get_threads is not None]
                _set(threads for _ in self.before)
            self.inside += 1

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                _set(iter(self.before))


def _set(threads: Iterator[int]) -> None:
    for library in libraries():
        if library.set_threads is not None:
            library.set_threads(next(threads))


_limit = _Limit()


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Within the block the BLAS uses this many threads; afterwards, as many as before, also after an exception.

    The number is the whole process'. Of blocks that overlap, in several Python threads, the first one's holds until
    the last is left.

    >>> with limited(1):
    ...     {library.get_threads() for library in libraries() if library.get_threads is not None} <= {1}
    True
    """
    _limit.enter(threads)
    try:
        yield
    finally:
        _limit.leave()

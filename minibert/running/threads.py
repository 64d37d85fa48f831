"""Jobs side by side, in Python threads: NumPy lets go of Python's lock while it computes.

Each thread takes the next job that is left, with the BLAS at one thread. The calling thread takes its share, so nothing
is left behind: no pool, no thread that a fork would lose.
"""

import contextvars
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from minibert.errors import InputError
from minibert.running import blas

Result = TypeVar("Result")

_VARIABLES = ("MINIBERT_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_set: int | None = None
_here = threading.local()


def get_threads() -> int:
    """How many threads a call may use.

    What `set_threads` was given; else the first of MINIBERT_NUM_THREADS, OMP_NUM_THREADS, OPENBLAS_NUM_THREADS and
    MKL_NUM_THREADS that is set; else the number of cores that this process may use.

    >>> with threads(3):
    ...     get_threads()
    3
    """
    return _set if _set is not None else _from_environment() or _cores()


def set_threads(count: int | None) -> None:
    """Let calls use this many threads from now on; None for what the environment says, as at first.

    Args:
        count: from 1 on, or None.

    Raises:
        InputError: not a positive whole number.

    Example:
        >>> set_threads(1)
        >>> get_threads()
        1
        >>> set_threads(None)
    """
    global _set
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise InputError(f"threads is {count!r}: a positive whole number belongs there, or None for as many as cores.")
    _set = count


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Within the block, calls use this many threads: `with minibert.threads(1): model(...)`.

    Args:
        count: from 1 on; the number from before comes back after the block, also after an error.

    Raises:
        InputError: count is no such number.

    Example:
        >>> import minibert as mb
        >>> with mb.threads(1):
        ...     mb.get_threads()
        1
    """
    before = _set
    set_threads(count)
    try:
        yield
    finally:
        set_threads(before)


def _from_environment() -> int | None:
    for name in _VARIABLES:
        first = os.environ.get(name, "").split(",")[0].strip()  # OMP_NUM_THREADS may name a number for each level
        if first.isdigit() and int(first) > 0:
            return int(first)
    return None


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def side_by_side(jobs: Sequence[Callable[[], Result]], count: int | None = None) -> list[Result]:
    """The results of the jobs, in their order, over `count` threads (by default `get_threads()`).

    The first job's exception, in the order of the jobs, is raised once every thread has come to rest; jobs that nobody
    had begun by then are not done. Ctrl-C counts as an exception of the job that the calling thread was at.

    >>> side_by_side([lambda: 1, lambda: 2], count=2)
    [1, 2]
    """
    count = 1 if is_inside_a_job() else min(get_threads() if count is None else count, len(jobs))
    if count <= 1 or not blas.obeys():
        return [job() for job in jobs]
    work = _Work(jobs)
    helpers = [
        threading.Thread(target=contextvars.copy_context().run, args=(work.share,), name=f"minibert-{i}")
        for i in range(1, count)
    ]
    with blas.limited(1):
        try:
            for helper in helpers:
                helper.start()
            work.share()
        except BaseException as error:  # Ctrl-C outside a job
            work.stop(len(jobs), error)
        for helper in helpers:
            _wait_for(helper, work)
    return work.outcome()


def is_inside_a_job() -> bool:
    """Whether the caller is a job of `side_by_side`, and so has one thread for itself."""
    return getattr(_here, "inside", False)


def _wait_for(helper: threading.Thread, work: "_Work") -> None:
    """Until it has come to rest, whatever interrupts the waiting."""
    while helper.is_alive():
        try:
            helper.join()
        except BaseException as error:
            work.stop(len(work.jobs), error)


class _Work:
    """Jobs that several threads share."""

    def __init__(self, jobs: Sequence[Callable[[], object]]) -> None:
        self.jobs = jobs
        self.results: list = [None] * len(jobs)
        self.errors: dict[int, BaseException] = {}
        self.next = 0
        self.lock = threading.Lock()

    def share(self) -> None:
        """Do one job after the other until none is left, or one has failed."""
        _here.inside = True
        try:
            while (number := self.take()) is not None:
                try:
                    self.results[number] = self.jobs[number]()
                except BaseException as error:
                    self.stop(number, error)
        finally:
            _here.inside = False

    def take(self) -> int | None:
        with self.lock:
            if self.errors or self.next == len(self.jobs):
                return None
            self.next += 1
            return self.next - 1

    def stop(self, number: int, error: BaseException) -> None:
        with self.lock:
            self.errors.setdefault(number, error)

    def outcome(self) -> list:
        """The results, or the first job's exception."""
        if self.errors:
            raise self.errors[min(self.errors)]
        return self.results

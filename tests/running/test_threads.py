"""Jobs side by side: results in order, exceptions, Ctrl-C, forks, and how the number of threads is chosen."""

import _thread
import multiprocessing
import sys
import threading
import time

import numpy as np
import pytest

import minibert as mb
from minibert.running import blas, threads
from minibert.running.threads import side_by_side

needs_an_obedient_blas = pytest.mark.skipif(not blas.obeys(), reason="this BLAS has no functions for its threads")


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_results_stand_in_the_order_of_the_jobs(count: int) -> None:
    def job(i: int) -> int:
        time.sleep(0.001 * (i % 3))
        return i

    assert side_by_side([lambda i=i: job(i) for i in range(20)], count) == list(range(20))


def test_no_jobs_give_no_results() -> None:
    assert side_by_side([], 4) == []


@needs_an_obedient_blas
def test_jobs_run_in_several_threads_at_once() -> None:
    meeting = threading.Barrier(3, timeout=10)  # breaks unless three threads come to it together
    assert len(set(side_by_side([meeting.wait] * 3, 3))) == 3


@needs_an_obedient_blas
def test_jobs_have_the_blas_at_one_thread() -> None:
    def job() -> list[int]:
        return [library.get_threads() for library in blas.libraries() if library.get_threads is not None]

    assert {count for counts in side_by_side([job] * 4, 2) for count in counts} == {1}


def test_the_first_jobs_exception_is_raised_and_no_thread_is_left() -> None:
    def fail(i: int) -> None:
        raise ValueError(f"job {i}")

    begun: list[int] = []
    jobs = [lambda i=i: fail(i) if i in (2, 3) else begun.append(i) for i in range(100)]
    with pytest.raises(ValueError, match=r"^job 2$"):
        side_by_side(jobs, 2)
    assert len(begun) < 98
    assert not [each for each in threading.enumerate() if each.name.startswith("minibert-")]


@needs_an_obedient_blas
def test_an_interrupt_waits_for_the_threads_and_takes_the_limit_back() -> None:
    before = [library.get_threads() for library in blas.libraries() if library.get_threads is not None]

    once = threading.Lock()

    def job() -> None:
        if threading.current_thread() is not threading.main_thread() and once.acquire(blocking=False):
            _thread.interrupt_main()
        time.sleep(0.05)

    def interrupted() -> None:
        side_by_side([job] * 40, 2)
        time.sleep(1)  # an interrupt that came at the very end arrives here

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not [each for each in threading.enumerate() if each.name.startswith("minibert-")]
    assert [library.get_threads() for library in blas.libraries() if library.get_threads is not None] == before
    assert side_by_side([lambda: 1] * 3, 2) == [1, 1, 1]


def test_numpys_error_state_is_the_callers_in_every_thread() -> None:
    with np.errstate(over="raise", divide="raise"):
        states = side_by_side([np.geterr] * 8, 2)
    assert all(state["over"] == state["divide"] == "raise" for state in states)


def test_a_blas_that_does_not_obey_gets_one_job_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "libraries", tuple)
    names = side_by_side([lambda: threading.current_thread().name] * 4, 4)
    assert set(names) == {threading.current_thread().name}


# how many


def test_set_threads_holds_until_it_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("MINIBERT_NUM_THREADS", raising=False)
    assert mb.get_threads() == 5
    mb.set_threads(3)
    try:
        assert mb.get_threads() == 3
        with mb.threads(2):
            assert mb.get_threads() == 2
        assert mb.get_threads() == 3
    finally:
        mb.set_threads(None)
    assert mb.get_threads() == 5


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("MINIBERT_NUM_THREADS", "7", 7),
        ("OMP_NUM_THREADS", "4,2", 4),
        ("OPENBLAS_NUM_THREADS", " 3 ", 3),
        ("MKL_NUM_THREADS", "2", 2),
    ],
)
def test_the_variables_that_people_know(monkeypatch: pytest.MonkeyPatch, name: str, value: str, count: int) -> None:
    for each in threads._VARIABLES:
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    assert mb.get_threads() == count


@pytest.mark.parametrize("value", ["0", "-1", "many", ""])
def test_a_variable_that_is_no_number_is_passed_over(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    for each in threads._VARIABLES:
        monkeypatch.setenv(each, value)
    assert mb.get_threads() == threads._cores() >= 1


@pytest.mark.parametrize("count", [0, -2, 1.5, "2", True])
def test_what_is_no_number_of_threads_is_refused(count: object) -> None:
    with pytest.raises(mb.InputError, match=r"^threads is .*: a positive whole number belongs there, or None for as"):
        mb.set_threads(count)


def _in_a_child(answers: "multiprocessing.Queue[list[int]]") -> None:
    answers.put(side_by_side([lambda: 1, lambda: 2, lambda: 3], 2))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_child_runs_its_own_threads() -> None:
    side_by_side([lambda: 1] * 3, 2)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_a_child, args=(answers,))
    child.start()
    assert answers.get(timeout=30) == [1, 2, 3]
    child.join(30)
    assert child.exitcode == 0

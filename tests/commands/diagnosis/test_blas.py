"""What `minibert doctor` says of the BLAS: its name, its threads, its speed."""

import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator

import pytest

from minibert.commands.diagnosis import blas as diagnosis
from minibert.running import blas
from minibert.running.blas import built_with


def without_threadpoolctl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)


def with_threadpoolctl(monkeypatch: pytest.MonkeyPatch, *found: dict[str, object]) -> None:
    """A threadpoolctl that finds these libraries."""
    module = types.ModuleType("threadpoolctl")
    module.threadpool_info = lambda: list(found)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "threadpoolctl", module)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/maps")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_threads_are_found_without_threadpoolctl(threads: str) -> None:
    code = (
        "import sys, json; sys.modules['threadpoolctl'] = None; import numpy\n"
        "from minibert.commands.diagnosis.blas import blas_libraries\n"
        "print(json.dumps(blas_libraries()))"
    )
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    libraries, source = json.loads(done.stdout)
    assert source == "NumPy's configuration and the loaded libraries"
    if "openblas" not in (built_with()["name"] or "") or libraries[0]["file"] is None:
        pytest.skip(f"NumPy's BLAS is {built_with()['name']}")
    assert libraries[0]["threads"] == min(int(threads), os.cpu_count() or 1)


def test_a_library_without_functions_has_no_known_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    without_threadpoolctl(monkeypatch)
    for loaded, file in (((blas.Library("libAccelerate", None, None),), "libAccelerate"), ((), None)):
        monkeypatch.setattr(blas, "libraries", lambda loaded=loaded: loaded)
        libraries, source = diagnosis.blas_libraries()
        assert libraries == [{**built_with(), "threads": None, "file": file}]
        assert source == "NumPy's configuration and the loaded libraries"


def test_threadpoolctl_is_asked_first_and_only_for_a_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    openmp = {"user_api": "openmp", "internal_api": "openmp", "num_threads": 8, "filepath": "libgomp"}
    openblas = {"user_api": "blas", "internal_api": "openblas", "version": "0.3", "num_threads": 3, "filepath": "lib"}
    with_threadpoolctl(monkeypatch, openmp, openblas)
    assert diagnosis.blas_libraries() == (
        [{"name": "openblas", "version": "0.3", "threads": 3, "file": "lib"}], "threadpoolctl",
    )  # fmt: skip
    with_threadpoolctl(monkeypatch, openmp)
    assert diagnosis.blas_libraries()[0][0]["name"] == built_with()["name"]


def test_the_speed_is_that_of_the_fastest_product(monkeypatch: pytest.MonkeyPatch) -> None:
    def clock() -> Iterator[float]:
        yield 0.0
        yield from (0.0, 0.4)  # 0.4 s
        yield from (0.5, 0.75)  # 0.25 s, the fastest
        yield from (0.75, 1.5)

    times = clock()
    monkeypatch.setattr(diagnosis.time, "perf_counter", lambda: next(times))
    assert diagnosis.product_speed(size=100, seconds=1.0) == pytest.approx(2 * 100**3 / 0.25 / 1e9)
    assert next(times, None) is None

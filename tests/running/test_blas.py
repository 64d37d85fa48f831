"""The BLAS is found and asked; a limit holds inside its block and is taken back."""

import threading

import numpy as np
import pytest

from minibert.running import blas


def counts() -> list[int]:
    return [library.get_threads() for library in blas.libraries() if library.get_threads is not None]


needs_an_obedient_blas = pytest.mark.skipif(not blas.obeys(), reason="this BLAS has no functions for its threads")


def test_the_blas_that_numpy_was_built_with_has_a_name() -> None:
    assert isinstance(blas.built_with()["name"], str)


@needs_an_obedient_blas
def test_a_limit_holds_inside_and_is_taken_back() -> None:
    before = counts()
    with blas.limited(1):
        assert set(counts()) == {1}
    assert counts() == before


@needs_an_obedient_blas
def test_a_limit_is_taken_back_after_an_exception() -> None:
    before = counts()
    with pytest.raises(KeyboardInterrupt), blas.limited(1):
        raise KeyboardInterrupt
    assert counts() == before


@needs_an_obedient_blas
def test_limits_that_overlap_hold_until_the_last_is_left() -> None:
    before = counts()
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with blas.limited(1):
            inside.set()
            leave.wait(10)

    helper = threading.Thread(target=other)
    with blas.limited(1):
        helper.start()
        assert inside.wait(10)
    assert set(counts()) == {1}  # the other is still inside
    leave.set()
    helper.join()
    assert counts() == before


def test_a_blas_without_functions_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "libraries", lambda: (blas.Library("libAccelerate", None, None),))
    assert not blas.obeys()
    with blas.limited(1):
        np.ones((3, 3)) @ np.ones((3, 3))


def test_no_library_is_no_obedience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "libraries", tuple)
    assert not blas.obeys()


def test_files_are_found_beside_numpy_where_nothing_is_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_file(*args: object, **kwargs: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(blas.Path, "read_text", no_file)
    assert all(blas._LIBRARY.search(file) for file in blas._files())

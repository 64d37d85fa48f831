"""Arrays that wait on the disk come back as they went, of any shape and layout."""

from pathlib import Path

import numpy as np
import pytest

from minibert.golden.packs.arrays_on_disk import ArraysOnDisk

ARRAYS = {
    "one number": np.array(3.5, np.float32),
    "nothing": np.zeros((0, 4)),
    "three bytes": np.array([1, 2, 3], np.int8),  # so that what follows is not at a multiple of 16
    "columns first": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "every second": np.arange(10)[::2],
    "flags": np.array([[True], [False]]),
}


def test_arrays_come_back_in_the_order_they_went(tmp_path: Path) -> None:
    with ArraysOnDisk(tmp_path) as waiting:
        for name, array in ARRAYS.items():
            waiting.put(name, array)
        assert list(waiting) == list(ARRAYS)
        for name, array in ARRAYS.items():
            assert waiting[name].dtype == array.dtype
            np.testing.assert_array_equal(waiting[name], array)
        waiting.put("after reading", np.ones(1000))
        assert waiting["after reading"].sum() == 1000


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with ArraysOnDisk(tmp_path) as waiting:
        waiting.put("x", np.arange(5))
        view = waiting["x"]
    assert view.tolist() == [0, 1, 2, 3, 4]  # a view keeps what it shows
    assert not list(tmp_path.iterdir())


def test_names_are_written_once(tmp_path: Path) -> None:
    with ArraysOnDisk(tmp_path) as waiting:
        waiting.put("x", np.zeros(1))
        with pytest.raises(AssertionError, match="x was put twice"):
            waiting.put("x", np.zeros(1))
        with pytest.raises(KeyError):
            waiting["y"]

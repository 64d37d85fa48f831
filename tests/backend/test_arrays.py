"""Arrays on their way, as far as NumPy alone can tell."""

import numpy as np

import minibert as mb
from minibert import backend


def test_moving() -> None:
    x = np.arange(3.0)
    assert backend.to_numpy(x) is x
    assert mb.to_numpy is backend.to_numpy
    np.testing.assert_array_equal(backend.to_numpy([1, 2]), [1, 2])
    assert backend.move(x, np) is x
    assert backend.move(x, np, "float64") is x
    assert backend.move(x, np, "float32").dtype == np.float32
    np.testing.assert_array_equal(backend.move([1, 2], np, "float64"), [1.0, 2.0])


def test_where_arrays_live() -> None:
    assert backend.array_module(np.zeros(2), None, [1]) is np
    assert backend.array_module() is np
    assert backend.load_backend("numpy") is np

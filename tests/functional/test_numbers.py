"""The arithmetic under the primitives: erf against `math`, sums of rows with repeated ids, products."""

import math

import numpy as np
import pytest

from minibert.functional import numbers
from tests.gradients import frozen, rng_of


def test_erf_in_float64() -> None:
    near = np.concatenate([np.linspace(-7, 7, 60_001), np.geomspace(1e-300, 1, 3000), [1 - 2**-53, 1.0, 1 + 2**-52]])
    far = np.array([0.0, 6.5, 6.6, 30.0, 1e6, 1e300, math.inf])
    x = frozen(np.concatenate([near, far, -far]))
    y = numbers.erf(x)
    expected = np.array([math.erf(value) for value in x.tolist()])
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, expected, rtol=4e-16, atol=0)  # measured: 2.4e-16
    np.testing.assert_array_equal(numbers.erf(-x), -y)
    assert math.isnan(numbers.erf(np.array([math.nan]))[0])


def test_erf_in_float32() -> None:
    x = frozen(np.linspace(-7, 7, 20_001, dtype=np.float32))
    y = numbers.erf(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, [math.erf(value) for value in x.tolist()], rtol=4e-7, atol=1e-12)


def test_polynomial() -> None:
    x = frozen(np.array([-2.0, 0.0, 0.5, 3.0]))
    np.testing.assert_allclose(numbers.polynomial((1.0, -2.0, 0.5, 4.0), x), 1 - 2 * x + 0.5 * x**2 + 4 * x**3)
    assert numbers.polynomial((1.0, 2.0), x.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scatter_add_sums_repeated_ids(dtype: str) -> None:
    rng = rng_of(30)
    ids = frozen(rng.integers(0, 6, size=50))
    rows = frozen(rng.normal(size=(50, 3)).astype(dtype))
    out = rng.normal(size=(8, 3)).astype(dtype)
    expected = out.astype(np.float64)
    for i, place in enumerate(ids):
        expected[place] += rows[i]
    numbers.scatter_add(ids, rows, out)
    assert out.dtype == dtype
    rounding = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(out, expected, rtol=rounding, atol=4 * rounding)


@pytest.mark.parametrize("ids", [[0], [2, 2], [1, 0], [3, 1, 3, 1, 3], []])
def test_scatter_add_of_few(ids: list[int]) -> None:
    rows = frozen(np.arange(1.0, 2 * len(ids) + 1).reshape(-1, 2))
    out, expected = np.zeros((4, 2)), np.zeros((4, 2))
    np.add.at(expected, np.array(ids, dtype=int), rows)
    numbers.scatter_add(np.array(ids, dtype=int), rows, out)
    np.testing.assert_array_equal(out, expected)


def test_scatter_add_is_the_same_bits_twice() -> None:
    rng = rng_of(31)
    ids, rows = rng.integers(0, 3, size=5000), rng.normal(size=(5000, 4)).astype(np.float32)
    first, second = np.zeros((3, 4), np.float32), np.zeros((3, 4), np.float32)
    numbers.scatter_add(ids, rows, first)
    numbers.scatter_add(ids, rows, second)
    np.testing.assert_array_equal(first, second)

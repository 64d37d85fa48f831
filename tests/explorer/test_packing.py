"""Coded numbers are off by at most half a step of their row."""

import numpy as np
import pytest

from minibert.explorer.packing import Blob, code_probabilities, code_signed, rounded


@pytest.mark.parametrize("bits", [8, 16])
def test_probabilities_keep_small_numbers(bits: int) -> None:
    rows = np.random.default_rng(0).dirichlet(np.full(40, 0.1), size=30)
    codes, scales = code_probabilities(rows, bits)
    assert codes.dtype == np.dtype(f"<u{bits // 8}")
    roots = codes * scales[:, None].astype(np.float64)
    steps = np.sqrt(rows).max(axis=1, keepdims=True) / (2**bits - 1)
    assert (np.abs(roots - np.sqrt(rows)) <= 0.5001 * steps).all()


def test_signed_numbers() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 9)) * np.logspace(-6, 6, 20)[:, None]
    codes, scales = code_signed(rows)
    assert (np.abs(codes * scales[:, None].astype(np.float64) - rows) <= 0.5001 * scales[:, None]).all()
    assert (np.abs(codes.astype(int)).max(axis=1) == 127).all()


def test_rows_that_are_not_finite_have_no_scale() -> None:
    codes, scales = code_signed(np.array([[1.0, np.inf], [np.nan, 2.0], [1.0, -1e300], [0.0, 0.0]]))
    assert np.isnan(scales).tolist() == [True, True, False, False]
    assert np.isfinite(scales[2])  # the largest float32, not infinity
    assert codes[3].tolist() == [0, 0]


def test_a_blob_tells_where_arrays_begin() -> None:
    blob = Blob("<f4")
    assert [blob.add(np.ones((2, 3))), blob.add(np.zeros(4)), blob.add(np.ones(1))] == [0, 6, 10]
    assert blob.base64() == "AACAPwAAgD8AAIA/AACAPwAAgD8AAIA/AAAAAAAAAAAAAAAAAAAAAAAAgD8="


def test_numbers_that_json_has_not() -> None:
    assert [rounded(x) for x in (1 / 3, -np.inf, np.nan, 123456.7)] == [0.33333, "-inf", "nan", 123460.0]

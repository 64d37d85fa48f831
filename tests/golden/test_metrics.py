"""How far arrays are apart: by hand, in blocks, and with hidden and undefined numbers."""

import math

import numpy as np
import pytest

from minibert.golden.metrics import difference


def test_measures_by_hand() -> None:
    golden = np.array([[1.0, -2.0], [4.0, 0.0]], np.float32)
    other = np.array([[1.0, -2.5], [4.0, 0.25]], np.float32)
    found = difference(golden, other)
    assert found.max_abs == 0.5
    assert found.worst == (0, 1)
    assert (found.golden, found.other) == (-2.0, -2.5)
    assert found.rms == pytest.approx(math.sqrt((0.25 + 0.0625) / 4))
    assert found.nmse == pytest.approx(0.3125 / 21)
    assert found.cosine == pytest.approx((1 + 5 + 16) / math.sqrt(21 * (1 + 6.25 + 16 + 0.0625)))
    floor = math.sqrt(21 / 4)
    assert found.max_rel == pytest.approx(max(0.5 / max(2.0, floor), 0.25 / floor))
    assert found.ulp == 0.5 / 2.0**-22  # float32 numbers from 2 to 4 stand 2**-22 apart


def test_measures_are_the_same_in_blocks_and_for_any_layout() -> None:
    rng = np.random.default_rng(0)
    golden = rng.normal(size=(300, 401))
    other = golden + rng.normal(size=golden.shape) * 1e-3
    found, turned = difference(golden, other), difference(golden.T, other.T)
    assert found.max_abs == np.abs(golden - other).max() == turned.max_abs
    assert found.worst == turned.worst[::-1]
    assert found.nmse == pytest.approx(((golden - other) ** 2).sum() / (golden**2).sum())
    assert found.cosine == pytest.approx((golden * other).sum() / math.sqrt((golden**2).sum() * (other**2).sum()))


def test_hidden_and_undefined_numbers() -> None:
    least = np.finfo(np.float32).min
    golden = np.array([1.0, least, np.nan, np.inf], np.float32)
    assert difference(golden, golden).hidden == 0
    assert difference(golden, golden.astype(np.float64)).max_abs == 0.0
    wide = np.array([1.0, np.finfo(np.float64).min, np.nan, np.inf])
    assert difference(golden, wide).hidden == 0  # each dtype's own least number
    for place, value in ((1, -10000.0), (1, -np.inf), (2, 0.0), (3, -np.inf), (0, np.nan)):
        other = golden.copy()
        other[place] = value
        found = difference(golden, other)
        assert found.hidden == 1
        assert found.worst == (place,)

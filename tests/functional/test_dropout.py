"""Dropout: what a mask does, how often it keeps, and that a seed means the same mask."""

import numpy as np
import pytest

from minibert import functional as F
from tests.gradients import check_every_entry, frozen, rng_of

SHAPE = (2, 3, 5)


def mask_and_x(dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    rng = rng_of(9)
    return frozen(rng.random(SHAPE) < 0.6), frozen(rng.normal(size=SHAPE).astype(dtype))


@pytest.mark.parametrize("p", [0.0, 0.1, 0.25, 0.9])
def test_kept_values_are_scaled(p: float) -> None:
    mask, x = mask_and_x()
    y = F.dropout(x, mask, p)
    for place in np.ndindex(SHAPE):
        assert y[place] == pytest.approx(x[place] / (1 - p) if mask[place] else 0.0, rel=1e-15)
    np.testing.assert_array_equal(F.dropout_backward(x, mask, p), y)


def test_extremes_of_p() -> None:
    _, x = mask_and_x()
    rng = np.random.default_rng(0)
    keep_all, drop_all = F.draw_dropout_mask(rng, SHAPE, 0.0), F.draw_dropout_mask(rng, SHAPE, 1.0)
    assert keep_all.all()
    assert not drop_all.any()
    np.testing.assert_array_equal(F.dropout(x, keep_all, 0.0), x)
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(F.dropout(x, drop_all, 1.0), np.zeros(SHAPE))
        np.testing.assert_array_equal(F.dropout_backward(x, drop_all, 1.0), np.zeros(SHAPE))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_share_of_kept_values(p: float) -> None:
    mask = F.draw_dropout_mask(np.random.default_rng(1), (1000, 1000), p)
    assert mask.dtype == bool
    assert abs(mask.mean() - (1 - p)) < 4 * (p * (1 - p) / 1e6) ** 0.5 + 1 / 65536
    # neighbours are independent, in both directions
    for one, other in [(mask[1:], mask[:-1]), (mask[:, 1:], mask[:, :-1])]:
        assert abs((one & other).mean() - (1 - p) ** 2) < 4e-3


def test_a_seed_means_the_same_masks() -> None:
    rng, again = np.random.default_rng(7), np.random.default_rng(7)
    masks = [F.draw_dropout_mask(rng, (4, 9), 0.3) for _ in range(3)]
    for mask in masks:
        np.testing.assert_array_equal(mask, F.draw_dropout_mask(again, (4, 9), 0.3))
    assert (masks[0] != masks[1]).any()
    # the very mask of this seed, so that a recorded run can be replayed by a later version
    first = F.draw_dropout_mask(np.random.default_rng(0), (12,), 0.5)
    drawn = np.random.default_rng(0).integers(0, 65536, size=(12,), dtype=np.uint16)
    np.testing.assert_array_equal(first, drawn >= 32768)


@pytest.mark.parametrize(("p", "dropped"), [(0.0, 0), (0.25, 16384), (0.1, 6554), (0.5, 32768), (1.0, 65536)])
def test_p_is_exact_to_one_in_65536(p: float, dropped: int) -> None:
    """Of the 65,536 numbers that may be drawn, exactly round(p 65536) drop a value."""

    class EveryNumberOnce:
        def integers(self, low: int, high: int, size: tuple[int, ...], dtype: type) -> np.ndarray:
            return np.arange(low, high, dtype=np.uint32).astype(dtype).reshape(size)

    mask = F.draw_dropout_mask(EveryNumberOnce(), (256, 256), p)  # type: ignore[arg-type]
    assert (~mask).sum() == dropped


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype: str) -> None:
    mask, x = mask_and_x(dtype)
    y = F.dropout(x, mask, 0.1)
    assert y.dtype == F.dropout_backward(x, mask, 0.1).dtype == dtype


def test_backward() -> None:
    mask, _ = mask_and_x()
    x = rng_of(10).normal(size=SHAPE)
    check_every_entry(lambda: F.dropout(x, mask, 0.4), lambda dy: F.dropout_backward(dy, mask, 0.4), {"x": x})

"""The losses against loops with math.log, at extremes, and their gradients against differences."""

import math

import numpy as np
import pytest

from minibert import functional as F
from tests.gradients import check_every_entry, frozen, rng_of

LABELS = frozen(np.array([[1, -100, 0], [3, 3, -100]]))
C = 4


def logits(dtype: str = "float64") -> np.ndarray:
    return frozen((rng_of(21).normal(size=(2, 3, C)) * 2).astype(dtype))


def test_cross_entropy_by_loop() -> None:
    x = logits()
    loss, _ = F.cross_entropy(x, LABELS)
    terms = []
    for place in np.ndindex(2, 3):
        if LABELS[place] != -100:
            row = x[place]
            terms.append(math.log(math.fsum(math.exp(value) for value in row)) - row[LABELS[place]])
    assert len(terms) == 4
    assert float(loss) == pytest.approx(math.fsum(terms) / 4, rel=1e-14)
    assert np.shape(loss) == ()


def test_another_ignored_label() -> None:
    x = logits()
    same, _ = F.cross_entropy(x, np.where(LABELS == -100, 7, LABELS), ignore_index=7)
    assert same == F.cross_entropy(x, LABELS)[0]


def test_all_ignored_gives_nan_and_no_gradient() -> None:
    """A mean over nothing is NaN, as in PyTorch; nothing flows back from it."""
    loss, cache = F.cross_entropy(logits(), np.full((2, 3), -100))
    assert math.isnan(loss)
    np.testing.assert_array_equal(F.cross_entropy_backward(1.0, cache), np.zeros((2, 3, C)))


def test_cross_entropy_of_sure_models() -> None:
    x = np.array([[1000.0, 0.0], [0.0, 1000.0]])
    with np.errstate(all="raise", under="ignore"):
        assert F.cross_entropy(x, np.array([0, 1]))[0] == 0.0
        loss, cache = F.cross_entropy(x, np.array([1, 0]))
        assert loss == 1000.0
        np.testing.assert_array_equal(F.cross_entropy_backward(1.0, cache), [[0.5, -0.5], [-0.5, 0.5]])


def test_cross_entropy_backward() -> None:
    x = logits().copy()
    check_every_entry(
        lambda: F.cross_entropy(x, LABELS)[0],
        lambda dy: F.cross_entropy_backward(dy, F.cross_entropy(x, LABELS)[1]),
        {"logits": x},
    )
    dlogits = F.cross_entropy_backward(1.0, F.cross_entropy(x, LABELS)[1])
    np.testing.assert_array_equal(dlogits[LABELS == -100], 0.0)
    np.testing.assert_allclose(dlogits.sum(axis=-1), 0.0, atol=1e-15)


def test_mean_squared_error() -> None:
    rng = rng_of(22)
    x, target = rng.normal(size=(2, 3)), frozen(rng.normal(size=(2, 3)))
    loss, _ = F.mean_squared_error(frozen(x.copy()), target)
    pairs = zip(x.ravel(), target.ravel(), strict=True)
    assert float(loss) == pytest.approx(math.fsum((a - b) ** 2 for a, b in pairs) / 6, rel=1e-14)
    check_every_entry(
        lambda: F.mean_squared_error(x, target)[0],
        lambda dy: F.mean_squared_error_backward(dy, F.mean_squared_error(x, target)[1]),
        {"x": x},
    )


def test_binary_cross_entropy() -> None:
    rng = rng_of(23)
    x, target = rng.normal(size=(2, 3)) * 2, frozen(rng.random((2, 3)))
    loss, _ = F.binary_cross_entropy_with_logits(frozen(x.copy()), target)
    terms = []
    for a, t in zip(x.ravel(), target.ravel(), strict=True):
        p = 1 / (1 + math.exp(-a))
        terms.append(-t * math.log(p) - (1 - t) * math.log(1 - p))
    assert float(loss) == pytest.approx(math.fsum(terms) / 6, rel=1e-13)
    check_every_entry(
        lambda: F.binary_cross_entropy_with_logits(x, target)[0],
        lambda dy: F.binary_cross_entropy_with_logits_backward(
            dy, F.binary_cross_entropy_with_logits(x, target)[1]
        ),
        {"x": x},
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy_at_extremes(dtype: str) -> None:
    x, target = np.array([1e4, -1e4, 1e4, -1e4], dtype), np.array([1, 0, 0, 1], dtype)
    with np.errstate(all="raise", under="ignore"):
        loss, cache = F.binary_cross_entropy_with_logits(x, target)
        assert loss == 5000.0
        np.testing.assert_array_equal(
            F.binary_cross_entropy_with_logits_backward(1.0, cache), np.array([0, 0, 0.25, -0.25], dtype)
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype: str) -> None:
    x, target = logits(dtype), frozen(np.full((2, 3, C), 0.3, dtype))
    for dloss in (1.0, np.asarray(0.5, dtype), np.dtype(dtype).type(2.0)):
        loss, cache = F.cross_entropy(x, LABELS)
        assert loss.dtype == F.cross_entropy_backward(dloss, cache).dtype == dtype
        loss, difference = F.mean_squared_error(x, target)
        assert loss.dtype == F.mean_squared_error_backward(dloss, difference).dtype == dtype
        loss, binary = F.binary_cross_entropy_with_logits(x, target)
        assert loss.dtype == F.binary_cross_entropy_with_logits_backward(dloss, binary).dtype == dtype
    ignored, cache = F.cross_entropy(x, np.full((2, 3), -100))
    assert ignored.dtype == F.cross_entropy_backward(1.0, cache).dtype == dtype

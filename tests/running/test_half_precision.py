"""float16 through float32: what would overflow or lose its digits does not, and what must stay wide does."""

import numpy as np
import pytest

from minibert import functional as F
from minibert.forms import plain_of
from minibert.functional import numbers
from minibert.functional.gelu import gelu_erf
from minibert.running.half_precision import narrowed, widened
from tests.gradients import rng_of

HALF = np.float16


def halves(seed: int, *shape: int) -> np.ndarray:
    return rng_of(seed).normal(size=shape).astype(HALF)


def test_only_what_is_float16_changes() -> None:
    wide, ids = np.ones(2, np.float32), np.arange(2)
    cache = F.LayerNormCache(np.ones(2, HALF), wide)
    result = widened((cache, ids, None, 0.5))
    assert isinstance(result[0], F.LayerNormCache)
    assert result[0].normalized.dtype == np.float32
    assert result[0].rstd is wide
    assert result[1] is ids
    assert result[2:] == (None, 0.5)
    assert narrowed(result)[0].rstd.dtype == HALF


def test_sums_and_products_beyond_float16() -> None:
    """4100 ones, of which float16 alone would count 2048; and a product whose sum passes 65504 on the way."""
    ones = np.ones((4100, 2), HALF)
    np.testing.assert_array_equal(numbers.column_sum(ones), [4100, 4100])
    out = np.zeros((2, 2), HALF)
    numbers.scatter_add(np.zeros(4100, int), ones, out)
    np.testing.assert_array_equal(out, [[4100, 4100], [0, 0]])
    row = np.array([[300.0, 300.0, -300.0]], HALF)
    np.testing.assert_array_equal(numbers.matmul(row, np.array([[300], [300], [400]], HALF)), [[60000]])


@pytest.mark.parametrize("step", [F.softmax, F.log_softmax, gelu_erf, numbers.erf])
def test_the_result_is_rounded_once(step: object) -> None:
    x = halves(1, 5, 40)
    expected = plain_of(step)(x.astype(np.float64)).astype(HALF)  # type: ignore[type-var, operator]
    found = step(x)  # type: ignore[operator]
    assert found.dtype == HALF
    np.testing.assert_allclose(found.astype(float), expected.astype(float), rtol=1e-3, atol=1e-7)


def test_layer_norm_of_nearly_equal_values() -> None:
    """Its 1 / √(variance + eps) passes 65504, and stays float32."""
    x = np.full((1, 8), 3.0, HALF)
    y, cache = F.layer_norm(x, np.ones(8, HALF), np.full(8, 0.5, HALF), 1e-12)
    assert (y.dtype, cache.normalized.dtype, cache.rstd.dtype) == (HALF, HALF, np.float32)
    assert cache.rstd[0, 0] == pytest.approx(1e6)
    np.testing.assert_array_equal(y, np.full((1, 8), 0.5))
    gradients = F.layer_norm_backward(np.zeros((1, 8), HALF), cache, np.ones(8, HALF))
    assert [each.dtype for each in gradients] == [HALF] * 3


def test_masked_scores_stay_finite() -> None:
    lowest = np.finfo(HALF).min
    masked = F.mask_scores(np.array([[-200.0, 200.0]], HALF), np.array([[lowest, 0]], HALF), 1.0)
    assert masked.dtype == HALF
    np.testing.assert_array_equal(masked, [[lowest, 200.0]])
    wholly = F.mask_scores(np.array([[-200.0, -100.0]], HALF), np.full((1, 2), lowest, HALF), 1.0)
    assert np.isfinite(F.softmax(wholly)).all()


def test_losses_and_their_gradients_stay_float32() -> None:
    logits, target = halves(3, 4, 5), np.abs(halves(4, 4, 5)) % HALF(1)
    loss, cache = F.cross_entropy(logits, np.array([0, 1, -100, 4]))
    assert (loss.dtype, F.cross_entropy_backward(1.0, cache).dtype) == (np.float32, np.float32)
    for forward, backward in (
        (F.mean_squared_error, F.mean_squared_error_backward),
        (F.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits_backward),
    ):
        loss, kept = forward(logits, target)
        assert (loss.dtype, backward(1.0, kept).dtype) == (np.float32, np.float32)


def test_arguments_may_be_named() -> None:
    x = halves(5, 2, 3)
    np.testing.assert_array_equal(F.softmax(x=x), F.softmax(x))

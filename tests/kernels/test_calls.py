"""Every kernel against the plain functions that say what it computes: the CUDA source, compiled for the CPU and run."""

from types import ModuleType

import numpy as np
import pytest

from minibert import functional as F
from minibert.functional import numbers
from minibert.kernels import calls, launch
from minibert.kernels.launch import source, usable
from minibert.kernels.primitives import GELU
from tests.gradients import rng_of
from tests.kernels import test_primitives
from tests.kernels.card import DTYPES, Launches, close, draw, on_card, wide
from tests.strict_cupy import kernels

pytestmark = pytest.mark.skipif(not kernels.AVAILABLE, reason=kernels.WHY_NOT)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("keys", [1, 5, 33, 70])
@pytest.mark.parametrize("mask_rows", [None, 1, 7])
@pytest.mark.parametrize("dropout", [False, True])
def test_masked_softmax(cp: ModuleType, dtype: str, keys: int, mask_rows: int | None, dropout: bool) -> None:
    scores = draw(1, 2, 3, 7, keys, dtype=dtype, scale=3.0)
    mask = None
    if mask_rows is not None:
        mask = np.zeros((2, 1, mask_rows, keys), dtype)
        mask[0, :, :, keys // 2 :] = np.finfo(dtype).min
    kept = rng_of(2).random(scores.shape) < 0.7 if dropout else None
    wide_mask = None if mask is None else np.where(mask == 0, 0.0, np.finfo(np.float64).min)
    probs = F.softmax(F.mask_scores(scores.astype(np.float64), wide_mask, 1.7))
    given = cp.asarray(scores)
    with Launches() as launches:
        found = calls.masked_softmax(given, on_card(cp, mask), 1.7, on_card(cp, kept), 1 / 0.7)
    assert launches.count == 1
    assert found[0] is given  # written over
    close(found[0], probs, dtype)
    close(found[1], probs if kept is None else F.dropout(probs, kept, 0.3), dtype)
    assert dropout or found[0] is found[1]
    # backward
    dy = draw(3, *scores.shape, dtype=dtype)
    ddropped, probs = wide(dy, found[0].get())
    expected = F.softmax_backward(ddropped if kept is None else F.dropout_backward(ddropped, kept, 0.3), probs) / 1.7
    with Launches() as launches:
        dscores = calls.masked_softmax_backward(cp.asarray(dy), found[0], 1.7, on_card(cp, kept), 1 / 0.7)
    assert launches.count == 1
    close(dscores, expected, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_wholly_masked_row_is_uniform(cp: ModuleType, dtype: str) -> None:
    scores = draw(1, 1, 2, 3, 8, dtype=dtype, scale=20.0)
    mask = np.full((1, 1, 1, 8), np.finfo(dtype).min, dtype)
    probs, _ = calls.masked_softmax(cp.asarray(scores), cp.asarray(mask), 1.0)
    plain = F.softmax(F.mask_scores(scores, mask, 1.0))
    assert np.isfinite(probs.get()).all()
    assert np.isfinite(plain).all()
    np.testing.assert_allclose(probs.get().astype(np.float64).sum(axis=-1), 1.0, rtol=2e-3)
    if dtype != "float16":  # there the least finite number is so small that scores still show beside it, in float32
        np.testing.assert_array_equal(probs.get(), 0.125)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [1, 31, 64, 200])
@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("keep_cache", [False, True])
def test_residual_layer_norm(cp: ModuleType, dtype: str, width: int, dropout: bool, keep_cache: bool) -> None:
    x, residual = draw(1, 3, 5, width, dtype=dtype), draw(2, 3, 5, width, dtype=dtype)
    bias, weight, beta = (draw(3 + i, width, dtype=dtype) for i in range(3))
    kept = rng_of(6).random(x.shape) < 0.8 if dropout else None
    dense = np.add(*wide(x, bias))
    total = (dense if kept is None else F.dropout(dense, kept, 0.2)) + residual
    expected, cache = F.layer_norm(total, *wide(weight, beta), 1e-3)
    given = [cp.asarray(array) for array in (x, weight, beta, bias, residual)]
    with Launches() as launches:
        y, found = calls.residual_layer_norm(
            *given[:3], 1e-3, *given[3:], on_card(cp, kept), 1 / 0.8, keep_cache=keep_cache
        )
    assert launches.count == 1
    close(y, expected, dtype, 4)
    np.testing.assert_array_equal(given[0].get(), x)
    if not keep_cache:
        assert found is None
        return
    assert found is not None
    close(found.normalized, cache.normalized, dtype, 4)
    close(found.rstd, cache.rstd, "float32" if dtype == "float16" else dtype, 40)
    # backward
    dy = draw(7, *x.shape, dtype=dtype)
    cache = F.LayerNormCache(*wide(found.normalized.get(), found.rstd.get()))
    exact = F.layer_norm_backward(*wide(dy), cache, *wide(weight))
    with Launches() as launches:
        gradients = F.layer_norm_backward(cp.asarray(dy), found, given[1])
    assert launches.count == 4
    for gradient, each in zip(gradients, exact, strict=True):
        close(gradient, each, dtype, 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 7, 64, 65, 300])
def test_sums_over_rows(cp: ModuleType, dtype: str, rows: int) -> None:
    x = draw(1, rows, 45, dtype=dtype)
    close(numbers.column_sum(cp.asarray(x)), x.astype(np.float64).sum(axis=0), dtype, 4)
    other = draw(2, rows, 45, dtype=dtype)
    sums, products = calls.column_sums(cp.asarray(x), cp.asarray(other))
    close(sums, x.astype(np.float64).sum(axis=0), dtype, 4)
    close(products, np.multiply(*wide(x, other)).sum(axis=0), dtype, 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["gelu", "gelu_new"])
@pytest.mark.parametrize("keep_sum", [False, True])
def test_bias_and_activation(cp: ModuleType, dtype: str, name: str, keep_sum: bool) -> None:
    activation = F.ACTIVATIONS[name]
    x, bias = draw(1, 3, 4, 50, dtype=dtype, scale=3.0), draw(2, 50, dtype=dtype)
    total = x.astype(np.float64) + bias
    if dtype == "float16":
        total = total.astype(dtype).astype(np.float64) if keep_sum else total
    over = cp.asarray(x)
    with Launches() as launches:
        y = calls.bias_activation(GELU[activation.forward], over, cp.asarray(bias), keep_sum)
    assert launches.count == 1
    close(y, activation.forward(total), dtype)
    if keep_sum:
        close(over, x.astype(np.float64) + bias, dtype)
    else:
        assert y is over
    dy = draw(3, *x.shape, dtype=dtype)
    with Launches() as launches:
        dx = activation.backward(cp.asarray(dy), cp.asarray(x))
    assert launches.count == 1
    close(dx, activation.backward(*wide(dy, x)), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_heads(cp: ModuleType, dtype: str) -> None:
    xs, biases = [draw(i, 2, 5, 12, dtype=dtype) for i in range(3)], [draw(9 + i, 12, dtype=dtype) for i in range(3)]
    for count in (1, 2, 3):
        with Launches() as launches:
            found = calls.split_heads(
                [cp.asarray(x) for x in xs[:count]], [cp.asarray(bias) for bias in biases[:count]], 4
            )
        assert launches.count == 1
        for y, x, bias in zip(found, xs, biases, strict=False):
            close(y, F.split_heads(x.astype(np.float64) + bias, 4), dtype)
    with Launches() as launches:
        merged = F.merge_heads(found[0])
    assert launches.count == 1
    np.testing.assert_array_equal(merged.get(), F.merge_heads(found[0].get()))


def test_what_does_not_fit_takes_the_plain_way(cp: ModuleType) -> None:
    x = cp.asarray(draw(1, 4, 6, 8, dtype="float32"))
    with Launches() as launches:
        F.softmax(x)
        F.layer_norm(x, cp.ones((8,), "float64"), cp.ones((8,), "float64"), 1e-5)
        F.merge_heads(cp.asarray(draw(1, 2, 4, 5, 6, dtype="float32")).transpose(0, 1, 3, 2))
    assert launches.count == 0
    query = cp.asarray(draw(1, 2, 2, 3, 5, dtype="float32"))
    assert calls.fits_masked_softmax(query, 8, cp.zeros((2, 1, 3, 8), "float32"))
    assert not calls.fits_masked_softmax(query, 8, cp.zeros((1, 1, 1, 8), "float32"))
    assert not calls.fits_masked_softmax(query, 8, cp.zeros((2, 1, 1, 8), "float64"))
    assert not calls.fits_masked_softmax(query.get(), 8, None)
    assert not usable(np.ones(3, np.float32))
    assert not usable(cp.ones((3,), "int64"))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("rstd[row] * (dn - mean - ", "rstd[row] * (dn - "),
        ("distance = 16", "distance = 8"),
        ("i += STRETCH", "i += 2 * STRETCH"),
    ],
)
def test_a_planted_fault_in_a_kernel_is_found(
    cp: ModuleType, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str
) -> None:
    faulty = source("float32").replace(right, wrong)
    assert faulty != source("float32")
    monkeypatch.setattr(launch, "source", lambda dtype: faulty)
    launch._compiled.cache_clear()

    def checks() -> None:
        test_residual_layer_norm(cp, "float32", 64, False, True)
        test_primitives.test_scatter_add(cp, "float32", 500, None)

    try:
        with pytest.raises(AssertionError):
            checks()
    finally:
        launch._compiled.cache_clear()

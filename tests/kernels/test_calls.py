"""Every kernel against the plain functions that say what it computes: the CUDA source, compiled for the CPU and run."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from minibert import functional as F
from minibert.functional import numbers
from minibert.kernels import calls, launch
from minibert.kernels.launch import source, usable
from minibert.kernels.primitives import GELU
from minibert.training.adamw import AdamW
from tests import strict_cupy
from tests.gradients import rng_of
from tests.kernels import emulator
from tests.strict_cupy import kernels

pytestmark = pytest.mark.skipif(not kernels.AVAILABLE, reason=kernels.WHY_NOT)

DTYPES = ("float16", "float32", "float64")
# greatest error of one step against float64, relative to the largest value: a few roundings of the storage dtype
ROUNDING = {"float16": 2e-3, "float32": 2e-6, "float64": 4e-15}


@pytest.fixture
def cp() -> Iterator[ModuleType]:
    with strict_cupy.installed(with_kernels=True) as cupy:
        yield cupy


class Launches:
    """How many kernels a block launched."""

    def __enter__(self) -> "Launches":
        self.before = kernels.RawKernel.launches
        return self

    def __exit__(self, *args: Any) -> None:
        self.count = kernels.RawKernel.launches - self.before


def draw(seed: int, *shape: int, dtype: str, scale: float = 1.0) -> np.ndarray:
    """Values that the dtype holds exactly."""
    return (rng_of(seed).normal(size=shape) * scale).astype(dtype)


def close(actual: Any, expected: np.ndarray, dtype: str, factor: float = 1.0) -> None:
    assert actual.dtype == dtype
    rounding = factor * ROUNDING[dtype] * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(actual.get().astype(np.float64), expected, rtol=0, atol=rounding)


def on_card(cp: ModuleType, array: np.ndarray | None) -> Any:
    return None if array is None else cp.asarray(array)


def wide(*arrays: np.ndarray) -> list[np.ndarray]:
    return [array.astype(np.float64) for array in arrays]


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
def test_layer_norm_with_a_large_mean(cp: ModuleType, dtype: str) -> None:
    """The variance in two passes: in one, float32 would lose all its digits here."""
    x = (draw(1, 4, 64, dtype="float64") + 1000.0).astype(dtype)
    weight, beta = np.ones(64, dtype), np.zeros(64, dtype)
    expected, _ = F.layer_norm(*wide(x, weight, beta), 1e-12)
    y, _ = F.layer_norm(cp.asarray(x), cp.asarray(weight), cp.asarray(beta), 1e-12)
    close(y, expected, dtype, 100 if dtype != "float16" else 1)


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
def test_activations_far_out(cp: ModuleType, dtype: str) -> None:
    x = np.array([-60.0, -12.0, -6.0, -0.0, 0.0, 6.0, 12.0, 60.0], dtype)
    for name in ("gelu", "gelu_new"):
        activation = F.ACTIVATIONS[name]
        close(activation.forward(cp.asarray(x)), activation.forward(x.astype(np.float64)), dtype)
        ones = np.ones_like(x)
        close(activation.backward(cp.asarray(ones), cp.asarray(x)), activation.backward(*wide(ones, x)), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropout(cp: ModuleType, dtype: str) -> None:
    x, kept = draw(1, 3, 300, dtype=dtype), rng_of(2).random((3, 300)) < 0.5
    for step in (F.dropout, F.dropout_backward):
        with Launches() as launches:
            y = step(cp.asarray(x), cp.asarray(kept), 0.1)
        assert launches.count == 1
        close(y, step(x.astype(np.float64), kept, 0.1), dtype)
    assert not F.dropout(cp.asarray(x), cp.asarray(kept), 1.0).get().any()


@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (4,), (5,), (63,), (64,), (65,), (7, 130), (3, 5, 1111)])
@pytest.mark.parametrize("drawn_before", [0, 1, 2, 3])
def test_masks_are_numpys_own(cp: ModuleType, shape: tuple[int, ...], drawn_before: int) -> None:
    """The same values, and the generator goes on from the same place, whatever was left over of a 64-bit draw."""
    host, device = rng_of(5), rng_of(5)
    for rng in (host, device):
        rng.integers(0, 1 << 16, size=drawn_before, dtype=np.uint16)
    for p in (0.1, 0.5, 0.0, 1.0):
        with Launches() as launches, strict_cupy.transfers.forbid("to device", "to host"):
            found = F.draw_dropout_mask(device, shape, p, cp)
        assert launches.count == 1
        assert found.dtype == bool
        np.testing.assert_array_equal(found.get(), F.draw_dropout_mask(host, shape, p))
        assert device.bit_generator.state == host.bit_generator.state
    np.testing.assert_array_equal(device.random(3), host.random(3))


def test_masks_of_other_generators_are_drawn_on_the_host(cp: ModuleType) -> None:
    host, device = (np.random.Generator(np.random.Philox(3)) for _ in range(2))
    with Launches() as launches:
        found = F.draw_dropout_mask(device, (4, 9), 0.3, cp)
    assert launches.count == 0
    np.testing.assert_array_equal(found.get(), F.draw_dropout_mask(host, (4, 9), 0.3))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("rows", "classes"), [(1, 2), (6, 3), (40, 70), (3, 1500)])
@pytest.mark.parametrize("ignored", [0, 1])
def test_cross_entropy(cp: ModuleType, dtype: str, rows: int, classes: int, ignored: int) -> None:
    logits = draw(1, rows, classes, dtype=dtype, scale=3.0)
    labels = rng_of(2).integers(0, classes, size=rows)
    labels[: ignored * (rows // 2)] = -100
    number = "float32" if dtype == "float16" else dtype
    expected, cache = F.cross_entropy(logits.astype(np.float64), labels)
    with Launches() as launches:
        loss, found = F.cross_entropy(cp.asarray(logits), cp.asarray(labels))
    assert launches.count == 2
    close(loss, np.asarray(expected), number, 4)
    with Launches() as launches:
        dlogits = F.cross_entropy_backward(0.7, found)
    assert launches.count == 1
    close(dlogits, F.cross_entropy_backward(0.7, cache), dtype, 4)


def test_cross_entropy_over_nothing(cp: ModuleType) -> None:
    """As in the plain version: the loss is NaN and the gradient zero."""
    loss, cache = F.cross_entropy(cp.ones((3, 4), "float32"), cp.full((3,), -100, "int64"))
    assert np.isnan(loss.get())
    np.testing.assert_array_equal(F.cross_entropy_backward(1.0, cache).get(), 0.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.3, 0.5)])
def test_adamw(cp: ModuleType, dtype: str, betas: tuple[float, float]) -> None:
    start = draw(1, 7, 50, dtype=dtype)
    host, device = {"w": start.astype(np.float64)}, {"w": cp.asarray(start)}
    options: dict[str, Any] = {"lr": 1e-2, "betas": betas, "weight_decay": 0.1}
    plain, kernel = AdamW(host, **options), AdamW(device, **options)
    for step in range(4):
        gradient = draw(10 + step, 7, 50, dtype=dtype)
        plain.step({"w": gradient.astype(np.float64)})
        with Launches() as launches:
            kernel.step({"w": cp.asarray(gradient)})
        assert launches.count == 1
        close(device["w"], host["w"], dtype, 4)
        for name in ("exp_avg", "exp_avg_sq"):
            close(kernel.state["w"][name], plain.state["w"][name], dtype, 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("places", [1, 63, 64, 65, 200, 500])
@pytest.mark.parametrize("skipped", [None, 2])
def test_scatter_add(cp: ModuleType, dtype: str, places: int, skipped: int | None) -> None:
    rng = rng_of(places)
    ids = rng.choice(9, p=[0.6, 0.02, 0.2, 0.02, 0.02, 0.02, 0.02, 0.05, 0.05], size=places)
    rows, table = draw(1, places, 40, dtype=dtype), draw(2, 9, 40, dtype=dtype)
    expected = table.astype(np.float64)
    for place, row in zip(ids, rows, strict=True):
        if place != skipped:
            expected[place] += row
    found = [cp.asarray(table), cp.asarray(table)]
    for out in found:
        numbers.scatter_add(cp.asarray(ids), cp.asarray(rows), out, skipped)
    close(found[0], expected, dtype, 4)
    np.testing.assert_array_equal(found[0].get(), found[1].get())
    host = table.copy()
    numbers.scatter_add(ids, rows, host, skipped)
    np.testing.assert_allclose(host.astype(np.float64), expected, rtol=0, atol=ROUNDING[dtype] * 100)


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


def test_sources_hold_every_kernel_and_one_type() -> None:
    for dtype, mark in (("float16", "HALF"), ("float32", "FLOAT"), ("float64", "DOUBLE")):
        assert source(dtype).startswith(f"#define STORED_{mark}\n")
    assert len(emulator.names_in(source("float32"))) == source("float32").count("__global__") - 2 + 4


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
        test_scatter_add(cp, "float32", 500, None)

    try:
        with pytest.raises(AssertionError):
            checks()
    finally:
        launch._compiled.cache_clear()

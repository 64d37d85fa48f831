"""Primitives of `minibert.functional` on the card: each by a kernel, with the plain function's numbers."""

from types import ModuleType

import numpy as np
import pytest

from minibert import functional as F
from minibert.functional import numbers
from tests import strict_cupy
from tests.gradients import rng_of
from tests.kernels.card import DTYPES, ROUNDING, Launches, close, draw, wide
from tests.strict_cupy import kernels

pytestmark = pytest.mark.skipif(not kernels.AVAILABLE, reason=kernels.WHY_NOT)


@pytest.mark.parametrize("dtype", DTYPES)
def test_layer_norm_with_a_large_mean(cp: ModuleType, dtype: str) -> None:
    """The variance in two passes: in one, float32 would lose all its digits here."""
    x = (draw(1, 4, 64, dtype="float64") + 1000.0).astype(dtype)
    weight, beta = np.ones(64, dtype), np.zeros(64, dtype)
    expected, _ = F.layer_norm(*wide(x, weight, beta), 1e-12)
    y, _ = F.layer_norm(cp.asarray(x), cp.asarray(weight), cp.asarray(beta), 1e-12)
    close(y, expected, dtype, 100 if dtype != "float16" else 1)


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

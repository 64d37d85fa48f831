"""Sources and launches: one source a dtype, compiled once, and only for arrays that a kernel may take."""

from types import ModuleType

import numpy as np
import pytest

from minibert.kernels.launch import ceil_div, launch, number_of, source, usable
from tests.kernels import emulator
from tests.strict_cupy import kernels

needs_compiler = pytest.mark.skipif(not kernels.AVAILABLE, reason=kernels.WHY_NOT)


def test_sources_hold_every_kernel_and_one_type() -> None:
    for dtype, mark in (("float16", "HALF"), ("float32", "FLOAT"), ("float64", "DOUBLE")):
        assert source(dtype).startswith(f"#define STORED_{mark}\n")
    assert len(emulator.names_in(source("float32"))) == source("float32").count("__global__") - 2 + 4


@needs_compiler
def test_only_whole_arrays_of_one_dtype_on_the_card_are_usable(cp: ModuleType) -> None:
    x = cp.ones((3, 4), "float32")
    assert usable(x)
    assert usable(x, None, cp.zeros((2,), "float32"))
    assert not usable(x.T)  # rows do not follow each other
    assert not usable(x, cp.ones((3,), "float64"))
    assert not usable(x, np.ones(3, np.float32))
    assert not usable(cp.ones((0, 4), "float32"))
    assert not usable(cp.ones((3,), "int64"))
    assert not usable(np.ones(3, np.float32))


@needs_compiler
def test_a_kernel_is_launched_on_what_it_is_given(cp: ModuleType) -> None:
    """Dropout by hand: y = x mask scale, 256 threads a block."""
    x, mask = np.arange(300, dtype=np.float32), np.arange(300) % 3 == 0
    y = cp.empty((300,), "float32")
    launch("dropout", y, (ceil_div(300, 256),), (256,), cp.asarray(x), cp.asarray(mask), y, 300, 2.0)
    np.testing.assert_array_equal(y.get(), x * mask * 2)


def test_half_precision_is_computed_in_single() -> None:
    computed = {dtype: number_of(np.dtype(dtype)).name for dtype in ("float16", "float32", "float64")}
    assert computed == {"float16": "float32", "float32": "float32", "float64": "float64"}


@pytest.mark.parametrize(("a", "b", "blocks"), [(0, 4, 0), (1, 4, 1), (4, 4, 1), (5, 4, 2)])
def test_the_last_block_may_be_part_empty(a: int, b: int, blocks: int) -> None:
    assert ceil_div(a, b) == blocks

"""float16 and bfloat16 to float32: all 65536 bit patterns, and every path that a chunk can take."""

import numpy as np
import pytest

from minibert.weights import widen

ALL_BITS = np.arange(65536, dtype=np.uint16)


def same_bits(one, two):
    return one.dtype == two.dtype and np.array_equal(one.view(np.uint32), two.view(np.uint32))


def test_every_bfloat16_is_the_upper_half_of_its_float32():
    wide = widen.widen_bfloat16(ALL_BITS)
    assert wide.dtype == np.float32
    assert np.array_equal(wide.view(np.uint32), ALL_BITS.astype(np.uint32) << 16)


def test_known_bfloat16_values():
    bits = np.array([[0x3F80, 0xC049], [0x7F80, 0x8000]], np.uint16)
    wide = widen.widen_bfloat16(bits)
    assert wide.tolist() == [[1.0, -3.140625], [np.inf, -0.0]]
    assert np.signbit(wide[1, 1])


def test_every_finite_float16_is_exact_and_takes_the_fast_path(monkeypatch):
    finite = ALL_BITS[(ALL_BITS & 0x7C00) != 0x7C00].view(np.float16)
    expected = finite.astype(np.float32)
    rebiased = []
    monkeypatch.setattr(widen, "_rebias", lambda part, into, real=widen._rebias: (rebiased.append(1), real(part, into)))
    assert same_bits(widen.widen_float16(finite), expected)
    assert rebiased


def test_infinities_and_nan_take_the_exact_path():
    halves = ALL_BITS.view(np.float16)
    wide = widen.widen_float16(halves)
    nan = np.isnan(halves)
    assert same_bits(wide[~nan], halves[~nan].astype(np.float32))
    assert np.isnan(wide[nan]).all()


@pytest.mark.parametrize("place", [0, widen.CHUNK - 1, widen.CHUNK, 2 * widen.CHUNK])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_one_special_value_in_any_chunk_is_kept(place, value):
    halves = np.full(2 * widen.CHUNK + 1, 0.1, np.float16)
    halves[place] = value
    assert same_bits(widen.widen_float16(halves), halves.astype(np.float32))


@pytest.mark.parametrize("size", [0, 1, widen.CHUNK - 1, widen.CHUNK, widen.CHUNK + 1, 3 * widen.CHUNK + 7])
def test_every_chunk_is_written(size):
    rng = np.random.default_rng(size)
    halves = rng.standard_normal(size).astype(np.float16)
    assert same_bits(widen.widen_float16(halves), halves.astype(np.float32))
    bits = rng.integers(0, 65536, size, dtype=np.uint16)
    assert np.array_equal(widen.widen_bfloat16(bits).view(np.uint32), bits.astype(np.uint32) << 16)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (2, 3, 5)])
def test_the_shape_stays(shape):
    assert widen.widen_float16(np.ones(shape, np.float16)).shape == shape
    assert widen.widen_bfloat16(np.full(shape, 0x3F80, np.uint16)).shape == shape


def test_where_subnormals_are_flushed_numpy_converts(monkeypatch):
    monkeypatch.setattr(widen, "_keeps_subnormals", lambda: False)
    monkeypatch.setattr(widen, "_rebias", lambda part, into: pytest.fail("would lose subnormal numbers"))
    halves = ALL_BITS[1:2000].view(np.float16)
    assert same_bits(widen.widen_float16(halves), halves.astype(np.float32))


def test_this_thread_keeps_subnormals():
    assert widen._keeps_subnormals()


@pytest.mark.reference
def test_exact_although_torch_flushes_subnormals():
    torch = pytest.importorskip("torch")
    halves = ALL_BITS[:1024].view(np.float16)  # zero and all subnormal numbers
    expected = halves.astype(np.float32)
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush")
    try:
        wide = widen.widen_float16(halves)
    finally:
        torch.set_flush_denormal(False)
    assert same_bits(wide, expected)


@pytest.mark.reference
def test_torch_agrees_on_every_bit_pattern():
    torch = pytest.importorskip("torch")
    half = torch.from_numpy(ALL_BITS.view(np.float16).copy()).float().numpy()
    wide = widen.widen_float16(ALL_BITS.view(np.float16))
    nan = np.isnan(half)
    assert same_bits(wide[~nan], half[~nan])
    brain = torch.from_numpy(ALL_BITS.view(np.int16).copy()).view(torch.bfloat16).float().numpy()
    wide = widen.widen_bfloat16(ALL_BITS)
    nan = np.isnan(brain)
    assert same_bits(wide[~nan], brain[~nan])
    assert np.isnan(wide[nan]).all()

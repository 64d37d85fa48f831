"""A forward pass: what it keeps, and what may be written over."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import minibert as mb
from minibert.trace import Run
from tests.small_models import L, small_inputs, small_model


def test_run_without_a_trace_lets_arrays_be_reused() -> None:
    run, array = Run(), np.zeros(3)
    assert run.reusable(array) is array
    assert run.output(array) is array
    assert run.record("x", array, "T", "zeros") is array
    trace = mb.Trace("x")
    traced = Run(trace)
    traced.record("x", array, "T", "zeros")
    assert traced.reusable(array) is None
    assert traced.reusable(array[1:]) is None  # a view of what is kept is kept too
    copied = traced.output(array)
    assert copied is not array
    other = np.ones(3)
    assert traced.reusable(other) is other
    traced.save("cache", (other, None, 3))
    assert traced.reusable(other) is other  # this trace keeps no tape
    with pytest.raises(AssertionError, match="trace point x fired twice"):
        traced.record("x", array, "T", "zeros")


def test_run_with_cache() -> None:
    model = small_model("BertModel")
    inputs = small_inputs(model)
    out, trace = model.run_with_cache(**inputs)
    np.testing.assert_array_equal(out.last_hidden_state, trace["encoder.layer.1"])
    out, trace = model.run_with_cache(inputs, keep="*.probs")
    assert len(trace) == L


def test_without_a_trace_nothing_is_kept() -> None:
    model = small_model("BertModel", "float32", max_position_embeddings=64, hidden_size=64, intermediate_size=256)
    ids = np.ones((8, 64), int)
    model(ids)
    made: list[weakref.ref[np.ndarray]] = []
    activation = model.encoder.layer[0].intermediate.activation
    forward = activation.forward

    def watching(x: np.ndarray) -> np.ndarray:
        made.append(weakref.ref(x))
        return forward(x)

    object.__setattr__(activation, "forward", watching)
    try:
        out = model(ids)
    finally:
        object.__setattr__(activation, "forward", forward)
    gc.collect()
    assert len(made) == L
    assert all(ref() is None for ref in made)
    assert out.hidden_states is None
    del out
    tracemalloc.start()
    model(ids)
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(3):
        model(ids)
    assert tracemalloc.get_traced_memory()[0] - before < 10_000
    tracemalloc.reset_peak()
    model(ids)
    untraced = tracemalloc.get_traced_memory()[1] - before
    trace = mb.Trace()
    model(ids, trace=trace)
    traced = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    wide = 8 * 64 * 256 * 4  # one (B, T, F) array
    assert untraced < 5 * wide
    assert traced > 2 * untraced

"""Work in place: less memory than the plain steps, and never over what the trace holds or what a caller gave."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

import minibert as mb
from minibert.running import in_place
from tests.small_models import small_inputs, small_model


def peak(call: Callable[[], object]) -> int:
    """The most bytes of arrays that a call holds at once."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_less_memory(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    """With many keys the scores are the largest array of a pass: in place there is one of them, not three."""
    changes = {"num_hidden_layers": 1, "max_position_embeddings": 256}
    model = small_model("BertModel", dtype, **changes)
    ids = np.ones((2, 200), int)
    scores = 2 * model.config.num_attention_heads * 200 * 200 * model.dtype.itemsize
    model(ids)
    expected, ours = model(ids).last_hidden_state, peak(lambda: model(ids))
    with monkeypatch.context() as patch:
        patch.setattr(in_place, "_fits", lambda x: False)
        plain = peak(lambda: model(ids))
        np.testing.assert_allclose(model(ids).last_hidden_state, expected, rtol=0, atol=1e-5)
    assert ours < 2 * scores < plain


@pytest.mark.parametrize("keep", ["*", "*.scores", "*.sum", "*.dense", "backward"])
def test_what_is_held_stays(keep: str) -> None:
    """A part of a trace holds what the whole holds, and the inputs stay as they were."""
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    before = {name: np.array(value) for name, value in inputs.items()}
    part, whole = mb.Trace(keep), mb.Trace()
    model(**inputs, trace=part)
    model(**inputs, trace=whole)
    for name in part:
        np.testing.assert_array_equal(part[name], whole[name], err_msg=name)
    for name, value in before.items():
        np.testing.assert_array_equal(inputs[name], value, err_msg=name)

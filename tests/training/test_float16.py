"""float16 models: the same numbers as float32 within half precision."""

import math
from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.small_models import small_inputs, small_model

CLASSES = ["BertForMaskedLM", "RobertaForSequenceClassification", "RemBertForTokenClassification",
           "BertForQuestionAnswering", "BertForPreTraining"]  # fmt: skip


def pair(class_name: str, **changes: Any) -> tuple[Any, Any]:
    """A float16 model, and one in float32 with exactly its weights."""
    half = small_model(class_name, "float32", **changes).to(dtype="float16")
    wide = small_model(class_name, "float32", **changes)
    wide.load_state_dict({name: mb.to_numpy(array).astype(np.float32) for name, array in half.state_dict().items()})
    return half, wide


@pytest.mark.parametrize("class_name", CLASSES)
def test_outputs_and_gradients_within_half_precision(class_name: str) -> None:
    half, wide = pair(class_name)
    inputs = small_inputs(wide, labels=True)
    traces = mb.Trace(), mb.Trace()
    outs = half(**inputs, trace=traces[0]), wide(**inputs, trace=traces[1])
    assert outs[0].loss.dtype == np.float32
    assert math.isclose(float(outs[0].loss), float(outs[1].loss), rel_tol=5e-3)
    for name, value in traces[1].items():
        found = mb.to_numpy(traces[0][name])
        if value.dtype.kind != "f" or "extended_attention_mask" in name or name.endswith(".scores"):
            continue
        exact = mb.to_numpy(value)
        assert found.dtype == ("float32" if name.endswith((".rstd", "loss")) else "float16"), name
        np.testing.assert_allclose(found, exact, rtol=0, atol=0.02 * max(1.0, np.abs(exact).max()), err_msg=name)
    scaler = mb.LossScaler(init_scale=256.0)
    grads = scaler.unscale(half.backward(traces[0], {"loss": scaler.scale}))
    expected = wide.backward(traces[1])
    assert list(grads) == list(expected)
    # some gradients are 0 but for rounding: of a key's bias, which adds one number to a row of scores
    noise = 1e-3 * max(float(np.linalg.norm(mb.to_numpy(gradient))) for gradient in expected.values())
    for name, gradient in expected.items():
        exact = mb.to_numpy(gradient)
        assert grads[name].dtype == np.float32
        error = np.linalg.norm(mb.to_numpy(grads[name]) - exact)
        assert error <= 0.02 * np.linalg.norm(exact) + noise, name


def test_a_wholly_masked_text_stays_finite() -> None:
    half, _ = pair("BertModel")
    out = half([[1, 2, 3], [1, 2, 3]], attention_mask=[[0, 0, 0], [1, 1, 0]])
    assert np.isfinite(mb.to_numpy(out.last_hidden_state)).all()

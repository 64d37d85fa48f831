"""float16 models: the same numbers as float32 within half precision, and training with loss scaling."""

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


def test_small_steps_are_kept_in_the_master_weights() -> None:
    """1 + 2^-12 is 1 in float16: only a float32 copy can add up such steps."""
    weights = {"w": np.ones(4, np.float16)}
    optimizer = mb.AdamW(weights, lr=2.0**-12, weight_decay=0.0)
    for step in range(1, 9):
        optimizer.step({"w": np.full(4, -1e-9, np.float32)})
        np.testing.assert_allclose(optimizer.state["w"]["master"], 1 + step * 2.0**-12 * (1e-9 / 1.1e-8), rtol=1e-5)
    assert weights["w"].dtype == np.float16
    np.testing.assert_array_equal(weights["w"], optimizer.state["w"]["master"].astype(np.float16))
    assert optimizer.state["w"]["exp_avg"].dtype == np.float32


def test_the_state_is_taken_over() -> None:
    weights = {"w": np.ones(4, np.float16)}
    optimizer = mb.AdamW(weights, lr=1e-4)
    optimizer.step({"w": np.ones(4, np.float32)})
    again = mb.AdamW({"w": weights["w"].copy()}, lr=1e-4)
    again.load_state_dict(optimizer.state_dict())
    for each in (optimizer, again):
        each.step({"w": np.full(4, 0.5, np.float32)})
    np.testing.assert_array_equal(again.state["w"]["master"], optimizer.state["w"]["master"])
    assert again.state["w"]["master"].dtype == np.float32


def test_the_scale_follows_the_gradients() -> None:
    scaler = mb.LossScaler(init_scale=8.0, growth_interval=2)
    good, bad = {"w": np.ones(2, np.float32)}, {"w": np.array([1.0, np.inf], np.float32)}
    assert not scaler.update(bad)
    assert scaler.scale == 4.0
    assert not scaler.update({"w": np.array([np.nan], np.float32)})
    assert scaler.scale == 2.0
    assert scaler.update(good)
    assert scaler.scale == 2.0
    assert scaler.update(good)
    assert scaler.scale == 4.0
    other = mb.LossScaler()
    other.load_state_dict(scaler.state_dict())
    assert (other.scale, other.good_steps) == (4.0, 0)
    halves = {"w": np.full(3, 2.0**-10, np.float16)}
    unscaled = scaler.unscale(halves)["w"]
    assert unscaled.dtype == np.float32
    np.testing.assert_array_equal(unscaled, 2.0**-12)
    np.testing.assert_array_equal(halves["w"], np.float16(2.0**-10))


def test_disabled_it_changes_nothing() -> None:
    scaler = mb.LossScaler(enabled=False)
    grads = {"w": np.array([np.inf])}
    assert scaler.scale == 1.0
    assert scaler.unscale(grads)["w"] is grads["w"]
    assert scaler.update(grads)
    assert scaler.scale == 1.0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"init_scale": -1.0}, r"^init_scale is -1.0: a number of at least 0 belongs there\.$"),
        ({"growth_factor": 0.5}, r"^growth_factor is 0.5: a number of at least 1 belongs there\.$"),
        ({"backoff_factor": 1.0}, r"^backoff_factor is 1.0: a number of at least 0 and below 1 belongs there\.$"),
        ({"growth_interval": 0}, r"^growth_interval is 0: a number of at least 1 belongs there\.$"),
    ],
)
def test_wrong_numbers(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(mb.InputError, match=sentence):
        mb.LossScaler(**options)


def test_the_trainer_learns_in_float16(tmp_path: Any) -> None:
    """A first scale that is too large costs some steps and no more."""
    half, _ = pair("BertForSequenceClassification", num_labels=2)
    data = [{"input_ids": [3 + i % 4] * 4, "labels": i % 2} for i in range(16)]
    args = mb.TrainingArguments(
        tmp_path, max_steps=60, per_device_train_batch_size=8, learning_rate=3e-3, disable_tqdm=True, dropout=False,
        logging_steps=1, save_strategy="no",
    )  # fmt: skip
    trainer = mb.Trainer(half, args, train_dataset=data)
    trainer.scaler.scale = 2.0**26
    trainer.train()
    losses = [record["loss"] for record in trainer.log_history if "loss" in record]
    assert trainer.scaler.scale < 2.0**26
    assert losses[-1] < 0.5 * losses[0], losses
    assert half.dtype == np.float16
    assert all(np.isfinite(mb.to_numpy(array)).all() for array in half.state_dict().values())

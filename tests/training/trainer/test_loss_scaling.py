"""Loss scaling: the scale follows the gradients, and a float16 model learns with it."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.small_models import small_model


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
    half = small_model("BertForSequenceClassification", "float32", num_labels=2).to(dtype="float16")
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

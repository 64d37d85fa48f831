"""Training steps as golden values."""

from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.golden import Training, check, open_pack, record
from tests.golden.models import batch, bert


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_steps(tmp_path: Path, dtype: str) -> None:
    model = bert(dtype)
    path = record(model, batch(labels=True), tmp_path / "p", training={"steps": 3, "lr": 0.01})
    pack = open_pack(path)
    assert float(pack["step_3/loss"]) < float(pack["step_1/loss"])
    assert check(path, model).ok
    other = bert(dtype)
    other.parameters["cls.predictions.bias"] = other.parameters["cls.predictions.bias"] * 1.01
    assert check(path, other).first.name == "step_1/loss"  # type: ignore[union-attr]


def test_trained_state_is_adamws(tmp_path: Path) -> None:
    model, inputs = bert("float64"), batch(labels=True)
    pack = open_pack(record(model, inputs, tmp_path / "p", training=Training(2, lr=0.01, max_norm=None)))
    optimizer = mb.AdamW(model, lr=0.01)
    for _ in range(2):
        trace = mb.Trace("backward")
        model(**inputs, trace=trace)
        optimizer.step(model.backward(trace))
    np.testing.assert_array_equal(pack["parameter/cls.predictions.bias"], model.parameters["cls.predictions.bias"])
    state = optimizer.state_dict()["state"]["cls.predictions.bias"]
    np.testing.assert_array_equal(pack["state/exp_avg_sq/cls.predictions.bias"], state["exp_avg_sq"])

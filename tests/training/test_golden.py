"""Optimisers, clipping, schedules, masking and whole runs against the stored values of PyTorch and transformers.

Made by tests/stored_values/make_training.py; neither library is needed here.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from tests.training import runs, small

GOLDEN = json.loads((Path(__file__).parents[1] / "stored_values" / "training.json").read_text(encoding="utf-8"))


def gradients() -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.normal(size=(2, 3)) for _ in range(5)]


@pytest.mark.parametrize("name", GOLDEN["twenty_steps"])
def test_twenty_steps(name: str) -> None:
    losses, norms = runs.train(runs.build(name), name)
    np.testing.assert_allclose(losses, GOLDEN["twenty_steps"][name]["losses"], rtol=1e-10)
    np.testing.assert_allclose(norms, GOLDEN["twenty_steps"][name]["norms"], rtol=1e-9)


@pytest.mark.parametrize("case", GOLDEN["optimizers"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 2e-6)])
def test_optimizers(case: dict, dtype: str, tolerance: float) -> None:
    parameters = {"weight": np.full((2, 3), 0.5, dtype=dtype)}
    optimizer = getattr(mb, case["name"])(parameters, **case["options"])
    for gradient, expected in zip(gradients(), case["values"], strict=True):
        optimizer.step({"weight": gradient.astype(dtype)})
        assert parameters["weight"].dtype == dtype
        np.testing.assert_allclose(parameters["weight"], expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", GOLDEN["clipping"])
def test_clipping(case: dict) -> None:
    grads = {str(i): gradient for i, gradient in enumerate(gradients())}
    assert mb.clip_grad_norm(grads, case["limit"]) == pytest.approx(case["norm"], rel=1e-13)
    np.testing.assert_allclose(grads["0"], case["first"], rtol=1e-13)


@pytest.mark.parametrize("case", GOLDEN["schedules"])
def test_schedules(case: dict) -> None:
    optimizer = mb.AdamW({"weight": np.zeros(1)}, lr=0.1)
    schedule = mb.get_scheduler(case["name"], optimizer, 5, 20, case["options"])
    rates = []
    for _ in case["rates"]:
        rates += schedule.get_last_lr()
        schedule.step()
    assert rates == case["rates"]


def test_masking() -> None:
    collator = mb.DataCollatorForLanguageModeling(small.tokenizer(), seed=9, mlm_probability=0.5)
    batch = collator([{"input_ids": ids} for ids in small.texts(6)])
    for name, expected in GOLDEN["masking"].items():
        np.testing.assert_array_equal(batch[name], expected)

"""Optimisers, clipping, the Trainer and its checkpoints on the stand-in: NumPy's numbers, bit for bit."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.gradients import rng_of
from tests.small_models import small_inputs, small_model
from tests.strict_cupy import transfers
from tests.training.small import arguments, classification_data, classifier, language_model, losses, texts, tokenizer

OPTIMIZERS: dict[str, Any] = {
    "adamw": lambda model: mb.AdamW(model, lr=0.01, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1),
    "adamw, small beta": lambda model: mb.AdamW(model, lr=0.01, betas=(0.4, 0.9)),
    "sgd": lambda model: mb.SGD(model, lr=0.1, weight_decay=0.01),
    "sgd with momentum": lambda model: mb.SGD(model, lr=0.1, momentum=0.9, dampening=0.1),
    "nesterov": lambda model: mb.SGD(model, lr=0.1, momentum=0.9, nesterov=True),
}
SAME_ARITHMETIC = {"hidden_act": "gelu_new", "hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.3}


def train(backend: str, optimizer: str, dtype: str) -> tuple[list[float], dict[str, np.ndarray]]:
    """Six steps with dropout, a schedule and clipping."""
    model = small_model("BertForMaskedLM", dtype, **SAME_ARITHMETIC).to(backend)
    inputs = small_inputs(model, labels=True)
    stepper = OPTIMIZERS[optimizer](model)
    schedule = mb.get_linear_schedule_with_warmup(stepper, 2, 6)
    numbers = []
    model.train(7)
    for _ in range(6):
        trace = mb.Trace("backward")
        loss = model(**inputs, trace=trace).loss
        grads = model.backward(trace)
        numbers += [loss.item(), mb.clip_grad_norm(grads, 0.5)]
        stepper.step(grads)
        schedule.step()
    return numbers, {name: mb.to_numpy(array) for name, array in model.state_dict().items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps(cupy: ModuleType, optimizer: str, dtype: str) -> None:
    expected, weights = train("numpy", optimizer, dtype)
    ours, moved = train("cupy", optimizer, dtype)
    assert ours == expected
    for name, array in weights.items():
        np.testing.assert_array_equal(moved[name], array, err_msg=name)


def test_steps_with_kernels(cupy_with_kernels: ModuleType) -> None:
    expected, weights = train("numpy", "adamw", "float64")
    ours, moved = train("cupy", "adamw", "float64")
    np.testing.assert_allclose(ours, expected, rtol=1e-10)
    assert train("cupy", "adamw", "float64")[0] == ours
    for name, array in weights.items():
        np.testing.assert_allclose(moved[name], array, rtol=1e-9, atol=1e-10, err_msg=name)


def test_the_norm_is_fetched_once(cupy: ModuleType) -> None:
    grads = {name: cupy.asarray(rng_of(1).normal(size=(3, 4))) for name in "abcde"}
    transfers.counts.clear()
    mb.clip_grad_norm(grads, 1.0)
    assert transfers.counts == {"to host": 1}


def test_a_step_of_adamw_fetches_nothing(cupy: ModuleType) -> None:
    model = small_model("BertModel", "float32").to("cupy")
    optimizer = mb.AdamW(model)
    grads = {name: cupy.ones_like(array) for name, array in model.state_dict().items()}
    with transfers.forbid("to host", "to device", "wait"):
        optimizer.step(grads)
        optimizer.step(grads)


def test_the_optimizer_follows_its_model(cupy: ModuleType) -> None:
    """A model that moves in the middle of training goes on with the same numbers."""
    states = []
    for backends in (("numpy",) * 4, ("numpy", "cupy", "cupy", "numpy")):
        model = small_model("BertForMaskedLM", "float32", hidden_act="gelu_new")
        inputs = small_inputs(model, labels=True)
        optimizer = mb.AdamW(model, lr=0.01)
        for backend in backends:
            model.to(backend)
            trace = mb.Trace("backward")
            model(**inputs, trace=trace)
            optimizer.step(model.backward(trace))
        other = mb.AdamW(model, lr=0.01)
        other.load_state_dict(optimizer.state_dict())
        states.append({name: mb.to_numpy(array) for name, array in model.state_dict().items()})
    for name, array in states[0].items():
        np.testing.assert_array_equal(states[1][name], array)


def trainer(folder: Path, backend: str, **changes: Any) -> mb.Trainer:
    model = classifier(**SAME_ARITHMETIC).to(backend)
    return mb.Trainer(
        model,
        arguments(folder, **{"eval_strategy": "steps", "eval_steps": 4, **changes}),
        train_dataset=classification_data(),
        eval_dataset=classification_data(7, seed=5),
        processing_class=tokenizer(),
        compute_metrics=lambda p: {"accuracy": float((p.predictions.argmax(-1) == p.label_ids).mean())},
    )


def test_the_trainer(cupy: ModuleType, tmp_path: Path) -> None:
    """Losses, evaluations and weights are NumPy's; a run goes on from its checkpoint, on either backend."""
    expected, ours = trainer(tmp_path / "numpy", "numpy"), trainer(tmp_path / "cupy", "cupy")
    expected.train()
    ours.train()
    assert losses(ours) == losses(expected)
    evaluations = [[record for record in each.log_history if "eval_loss" in record] for each in (ours, expected)]
    assert [each["eval_accuracy"] for each in evaluations[0]] == [each["eval_accuracy"] for each in evaluations[1]]
    assert [each["eval_loss"] for each in evaluations[0]] == [each["eval_loss"] for each in evaluations[1]]
    resumed = trainer(tmp_path / "cupy", "cupy")
    resumed.train(resume_from_checkpoint=tmp_path / "cupy" / "checkpoint-4")
    for name, array in expected.model.state_dict().items():
        np.testing.assert_array_equal(mb.to_numpy(ours.model.state_dict()[name]), array, err_msg=name)
        np.testing.assert_array_equal(mb.to_numpy(resumed.model.state_dict()[name]), array, err_msg=name)


def test_masked_language_modelling(cupy: ModuleType, tmp_path: Path) -> None:
    data = [{"input_ids": ids} for ids in texts(16)]
    found = []
    for backend in ("numpy", "cupy"):
        run = mb.Trainer(
            language_model(**SAME_ARITHMETIC).to(backend),
            arguments(tmp_path / backend, max_steps=4, save_steps=100),
            train_dataset=data,
            data_collator=mb.DataCollatorForLanguageModeling(tokenizer(), seed=3),
        )
        run.train()
        found.append(losses(run))
    assert found[0] == found[1]

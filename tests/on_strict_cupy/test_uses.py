"""What stands on the models: generation, pipelines, readings, golden packs and the stepper, on the stand-in."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.generation import generate
from minibert.golden import check, record
from tests.small_models import DECODERS, small_inputs, small_model
from tests.strict_cupy import card

SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {"repetition_penalty": 1.3, "no_repeat_ngram_size": 2},
    "sampling": {"do_sample": True, "top_k": 5, "top_p": 0.9, "temperature": 0.8, "seed": 3, "num_return_sequences": 2},
    "beams": {"num_beams": 3, "num_return_sequences": 2, "length_penalty": 0.7},
    "drawn beams": {"num_beams": 2, "do_sample": True, "seed": 1},
    "without a cache": {"use_cache": False},
}


@pytest.mark.parametrize("options", SEARCHES.values(), ids=SEARCHES)
@pytest.mark.parametrize("class_name", DECODERS)
def test_generation(cupy: ModuleType, class_name: str, options: dict[str, Any]) -> None:
    model = small_model(class_name, max_position_embeddings=24)
    prompt = {"input_ids": np.array([[5, 7, 6], [0, 9, 4]]), "attention_mask": np.array([[1, 1, 1], [0, 1, 1]])}
    expected = generate(model, **prompt, max_new_tokens=6, **options)
    ours = generate(model.to("cupy"), **prompt, max_new_tokens=6, **options)
    np.testing.assert_array_equal(mb.to_numpy(ours), expected)


def test_a_cache_chooses_its_rows(cupy: ModuleType) -> None:
    model = small_model("BertLMHeadModel").to("cupy")
    past = model(input_ids=[[5, 7], [6, 4]], use_cache=True).past_key_values
    before = [mb.to_numpy(array) for layer in past for array in layer]
    past.select_rows(np.array([1, 1, 0]))
    for array, other in zip((array for layer in past for array in layer), before, strict=True):
        np.testing.assert_array_equal(mb.to_numpy(array), other[[1, 1, 0]])


def test_readings(cupy: ModuleType) -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    plain = {name: value for name, value in inputs.items() if name != "labels"}
    found = []
    for backend in ("numpy", "cupy"):
        model.to(backend)
        attribution = mb.integrated_gradients(model, ("logits", (1, 4)), steps=4, **plain)
        found.append([
            mb.logit_lens(model, **plain),
            mb.attention_rollout(model, **plain),
            mb.head_importance(model, **inputs),
            mb.gradient_x_input(model, ("logits", (1, 4)), **plain).word,
            attribution.word,
            attribution.position,
        ])  # fmt: skip
    for ours, expected in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


def test_gradcheck(cupy: ModuleType) -> None:
    model = small_model("BertForSequenceClassification").to("cupy")
    report = mb.gradcheck(model, small_inputs(model, labels=True), elements=2, verbose=False)
    assert report.ok, str(report)


def test_stepper(cupy: ModuleType) -> None:
    model = small_model("BertModel").to("cupy")
    with mb.Stepper(model, **small_inputs(model)) as stepper:
        text = str(stepper.to("*.probs"))
    assert "encoder.layer.0.attention.self.probs" in text


def test_golden_packs(cupy: ModuleType, tmp_path: Path) -> None:
    """A pack that NumPy made holds on the device, and one that was made there holds the same numbers."""
    model = small_model("BertForMaskedLM", "float32", hidden_act="gelu_new")
    inputs = small_inputs(model, labels=True)
    path = record(model, inputs, tmp_path / "numpy", backward=True)
    model.to("cupy")
    for mode in ("propagated", "isolated"):
        report = check(path, model, weights=model, mode=mode)
        assert report.ok, str(report)
    other = record(model, inputs, tmp_path / "cupy", backward=True)
    assert check(other, model.to("numpy")).ok


def test_a_wrong_weight_is_diagnosed(cupy: ModuleType, tmp_path: Path) -> None:
    model = small_model("BertForMaskedLM", "float32").to("cupy")
    path = record(model, small_inputs(model), tmp_path / "pack")
    name = "bert.encoder.layer.1.attention.self.key.bias"
    model.parameters[name] = model.parameters[name] * 0
    report = check(path, model, weights=small_model("BertForMaskedLM", "float32").to("cupy"))
    assert report.first is not None
    assert report.first.name == "bert.encoder.layer.1.attention.self.key"
    assert "bias" in report.first.diagnosis


def test_a_model_larger_than_the_memory(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model("BertModel", "float32")
    monkeypatch.setattr(card, "total", card.used + 4096)
    with pytest.raises(mb.BackendError, match=r"(?i)memory"):
        model.to("cupy")
    assert model.backend == "numpy"
    assert model(input_ids=[[1, 2]]).last_hidden_state.shape == (1, 2, 20)

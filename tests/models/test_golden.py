"""Stored cases of all 23 classes, computed by transformers in float64: outputs, losses and every gradient.

Runs without torch. `tests/stored_values/make_models.py` made the files and says how; a failure here names the first
output or gradient that differs.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import minibert as mb
from minibert.models.files import PreTrainedModel
from tests.random_cases import CLASSES, config_name
from tests.stored_values.derived import derived, golden_weights

GOLDEN = Path(__file__).parents[1] / "stored_values"
MANIFEST = json.loads((GOLDEN / "models.json").read_text())
CASES = {f"{case['class_name']}/{case['seed']}": case for case in MANIFEST["cases"]}
# relative to an array's largest value, 1 at least: float64 rounding through three layers, and through their backward
FORWARD, BACKWARD = 1e-10, 1e-8


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return load_file(GOLDEN / "models.safetensors")


def part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}


def build(key: str, dtype: str = "float64") -> PreTrainedModel:
    """The model of a case, with the weights that follow from their names."""
    case = CASES[key]
    config = getattr(mb, config_name(case["class_name"]))(**case["config"])
    model = getattr(mb, case["class_name"])(config, dtype=dtype, **case["options"])
    model.load_state_dict(golden_weights(model.parameters.shapes))
    return model


def inputs_of(key: str, which: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """What is in the manifest, with its arrays from the file."""
    stored = part(arrays, f"{key}/{which}/")
    return {name: stored.get(name, value) for name, value in CASES[key][which].items()}


def call(model: PreTrainedModel, key: str, arrays: dict[str, np.ndarray], trace: mb.Trace | None = None) -> Any:
    inputs = inputs_of(key, "inputs", arrays)
    if CASES[key]["past"] is not None:
        inputs["past_key_values"] = model(**inputs_of(key, "past", arrays)).past_key_values
    return model(**inputs, trace=trace)


def flat(output: Any) -> dict[str, np.ndarray]:
    """{"logits": ..., "hidden_states/0": ...} without the cache."""
    found: dict[str, np.ndarray] = {}
    for field, value in output.items():
        if isinstance(value, tuple):
            found.update({f"{field}/{i}": array for i, array in enumerate(value)})
        elif field != "past_key_values":
            found[field] = value
    return found


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    assert np.shape(ours) == theirs.shape
    return float(np.abs(ours - theirs).max(initial=0.0)) / max(1.0, float(np.abs(theirs).max(initial=0.0)))


def gradients_of(key: str, arrays: dict[str, np.ndarray], dtype: str, keep: Any = "*") -> dict[str, np.ndarray]:
    """All gradients of 0.7 times the loss plus every output times its derived upstream gradient."""
    model, trace = build(key, dtype), mb.Trace(keep)
    outputs = flat(call(model, key, arrays, trace))
    seeds: dict[str, Any] = {}
    for name, value in outputs.items():
        field, _, i = name.partition("/")
        if field == "loss":
            seeds["loss"] = 0.7
        elif i:
            seeds.setdefault(field, []).append(derived(name, value.shape))
        else:
            seeds[field] = derived(name, value.shape)
    gradients = dict(model.backward(trace, seeds))
    inputs = inputs_of(key, "inputs", arrays)
    for name in ("inputs_embeds", "encoder_hidden_states", "head_mask"):
        if name in inputs and name in trace.grad:
            gradient = trace.grad[name]
            one_row = name == "head_mask" and inputs[name].ndim == 1
            gradients[name] = gradient.sum(axis=0) if one_row else gradient.reshape(inputs[name].shape)
    return gradients


def test_every_class_is_there() -> None:
    assert {case["class_name"] for case in MANIFEST["cases"]} == set(CLASSES)
    assert sum((GOLDEN / name).stat().st_size for name in ("models.safetensors", "models.json")) < 1.5e6
    assert MANIFEST["versions"]["transformers"].startswith("4.57")


def test_weights_follow_from_their_names() -> None:
    weights = derived("bert.embeddings.LayerNorm.weight", (2, 2))
    np.testing.assert_array_equal(weights.round(3), [[-0.448, -0.188], [0.416, 0.525]])
    assert derived("loss", ()).shape == ()


@pytest.mark.parametrize("key", CASES)
def test_outputs(key: str, arrays: dict[str, np.ndarray]) -> None:
    model, expected = build(key), part(arrays, f"{key}/outputs/")
    for trace in (None, mb.Trace(), mb.Trace("backward")):
        outputs = flat(call(model, key, arrays, trace))
        assert set(outputs) == set(expected)
        for name in outputs:  # in the order of the model, so that the first to differ is named
            assert difference(outputs[name], expected[name]) <= FORWARD, f"{key}: {name}"


@pytest.mark.parametrize("key", CASES)
def test_gradients(key: str, arrays: dict[str, np.ndarray]) -> None:
    expected = part(arrays, f"{key}/gradients/")
    gradients = gradients_of(key, arrays, "float64")
    for name in set(gradients) | set(expected):
        if name not in gradients:  # PyTorch gives zeros where nothing flows
            assert not expected[name].any(), f"{key}: no gradient of {name}"
            continue
        assert name in expected or not gradients[name].any(), f"{key}: a gradient of {name}"
        if name in expected:
            assert difference(gradients[name], expected[name]) <= BACKWARD, f"{key}: {name}"


# float32 is as far from float64 as PyTorch's own float32 is, measured with the cases: up to the order of sums
MORE_NOISE = 8


@pytest.mark.parametrize("key", CASES)
def test_float32_is_as_good_as_the_reference(key: str, arrays: dict[str, np.ndarray]) -> None:
    noise = CASES[key]["float32_noise"]
    expected = part(arrays, f"{key}/outputs/")
    outputs = flat(call(build(key, "float32"), key, arrays))
    for name, value in outputs.items():
        assert value.dtype == np.float32
        assert difference(value, expected[name]) <= MORE_NOISE * noise["outputs"] + 1e-6, f"{key}: {name}"
    expected = part(arrays, f"{key}/gradients/")
    for name, gradient in gradients_of(key, arrays, "float32", ["head_mask", "*inputs_embeds", "backward",
                                                                "encoder_hidden_states"]).items():  # fmt: skip
        assert gradient.dtype == np.float32
        if name in expected:
            assert difference(gradient, expected[name]) <= MORE_NOISE * noise["gradients"] + 1e-6, f"{key}: {name}"

"""Gradient checkpointing: layers that are computed again in backward."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.models.files import PreTrainedModel
from tests.random_cases import CLASSES
from tests.small_models import DECODERS, D, T, small_inputs, small_model


def outputs(model: PreTrainedModel, **inputs: Any) -> dict[str, np.ndarray]:
    return {name: value for name, value in model(**inputs).items() if hasattr(value, "dtype")}


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert list(one) == list(other)
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


BARE = ("BertModel", "RobertaModel", "RemBertModel")


def rng_after(model: PreTrainedModel, inputs: dict[str, Any], call: dict[str, Any]) -> np.ndarray:
    """The next number of the generator after one call: backward must not have drawn from it."""
    other = small_model(type(model).__name__, **{
        name: getattr(model.config, name)
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "add_cross_attention", "is_decoder")
    }).train(11)  # fmt: skip
    other(**inputs, **call)
    return other.parameters.rng.random(1)


@pytest.mark.parametrize("class_name", CLASSES)
def test_checkpointing_gives_the_same_bits(class_name: str) -> None:
    config = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.1}
    if class_name in DECODERS:
        config["add_cross_attention"] = True
    model = small_model(class_name, **config)
    inputs = small_inputs(model, labels=True, encoder=class_name in DECODERS, head_mask=True)
    assert not model.is_gradient_checkpointing
    found: list[tuple[Any, dict[str, np.ndarray], dict[str, np.ndarray]]] = []
    for on, keep in [(False, "backward"), (True, "backward"), (False, "*"), (True, "*")]:
        (model.gradient_checkpointing_enable if on else model.gradient_checkpointing_disable)()
        assert model.is_gradient_checkpointing is on
        model.train(11)
        trace = mb.Trace(keep)
        call = {"use_cache": False} if class_name in DECODERS or class_name in BARE else {}
        out = model(**inputs, **call, trace=trace)
        (field, value), *_ = out.items()
        gradients = model.backward(trace, {field: np.full(np.shape(value), 0.3)})
        assert list(model.parameters.rng.random(1)) == list(rng_after(model, inputs, call))
        found.append((value, gradients, dict(trace.grad)))
    for without, with_it in (found[:2], found[2:]):
        np.testing.assert_array_equal(with_it[0], without[0])
        assert_same(with_it[1], without[1])
    if model.backend == "numpy":  # on a GPU a trace that keeps everything is computed without fused steps
        np.testing.assert_array_equal(found[2][0], found[0][0])
        assert_same(found[2][1], found[0][1])
    assert_same(found[3][2], found[2][2])
    assert found[2][2]


def test_checkpointing_keeps_less() -> None:
    model = small_model("BertForMaskedLM", num_hidden_layers=4)
    inputs = small_inputs(model, labels=True)

    def held(value: Any) -> int:
        if isinstance(value, tuple):
            return sum(held(each) for each in value)
        return getattr(value, "nbytes", 0)

    sizes = []
    for checkpointing in (False, True):
        model.parameters.gradient_checkpointing = checkpointing
        trace = mb.Trace("backward")
        model(**inputs, trace=trace)
        sizes.append(sum(held(value) for name, value in trace.tape.items() if "layer." in name))
    assert sizes[1] < sizes[0] / 5


def test_checkpointing_beside_a_cache() -> None:
    """A layer that is computed again would append to the cache twice, so with a cache nothing is left out."""
    model = small_model("BertModel", is_decoder=True, add_cross_attention=True)
    inputs = small_inputs(model, encoder=True, mask=None, types=False)
    dy = np.random.default_rng(2).normal(size=(2, T, D))
    found = []
    for on in (False, True):
        (model.gradient_checkpointing_enable if on else model.gradient_checkpointing_disable)()
        cache = model([[5, 6], [7, 8]], **{name: inputs[name] for name in inputs if "encoder" in name}).past_key_values
        trace = mb.Trace("backward")
        out = model(**inputs, past_key_values=cache, trace=trace)
        gradients = model.backward(trace, {"last_hidden_state": dy})
        assert out.past_key_values.get_seq_length() == 2 + T
        found.append(({"hidden": out.last_hidden_state}, gradients))
    for one, other in zip(*found, strict=True):
        assert_same(one, other)


def test_the_configuration_may_ask_for_checkpointing() -> None:
    assert small_model("BertModel", gradient_checkpointing=True).is_gradient_checkpointing

"""A model from and to files, and from a state in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import minibert as mb
from minibert.models.files import PreTrainedModel
from tests.random_cases import CLASSES
from tests.small_models import V, small_inputs, small_model


def outputs(model: PreTrainedModel, **inputs: Any) -> dict[str, np.ndarray]:
    return {name: value for name, value in model(**inputs).items() if hasattr(value, "dtype")}


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert list(one) == list(other)
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_state_dict_round_trip() -> None:
    for class_name in ("BertForPreTraining", "RobertaForSequenceClassification", "RemBertForCausalLM"):
        model, other = small_model(class_name), small_model(class_name, seed=5)
        inputs = small_inputs(model, labels=True)
        given = model.state_dict()
        assert other.load_state_dict(given) == ([], [])
        assert_same(outputs(other, **inputs), outputs(model, **inputs))
        for name, array in given.items():
            assert not np.shares_memory(other.parameters[name], array), name  # copies
        assert not set(model.parameters.tied) & set(given)


def test_state_dict_arrays_are_the_models_own() -> None:
    model = small_model("BertModel")
    model.state_dict()["pooler.dense.bias"][...] = 9.0
    np.testing.assert_array_equal(model.parameters["pooler.dense.bias"], 9.0)


def test_loading_what_others_call_a_state() -> None:
    """Tied copies that are equal, old buffers, old LayerNorm names, the encoder's prefix, other dtypes and orders."""
    model = small_model("BertForMaskedLM")
    state = dict(model.state_dict())
    state["cls.predictions.decoder.weight"] = state["bert.embeddings.word_embeddings.weight"].copy()
    state["cls.predictions.decoder.bias"] = state["cls.predictions.bias"].copy()
    state["bert.embeddings.position_ids"] = np.arange(12.0)[None]
    for name in list(state):
        if name.endswith("LayerNorm.weight"):
            state[name.replace("weight", "gamma")] = state.pop(name)
        elif name.endswith("LayerNorm.bias"):
            state[name.replace("bias", "beta")] = state.pop(name)
    state["bert.encoder.layer.0.output.dense.weight"] = np.asfortranarray(
        state["bert.encoder.layer.0.output.dense.weight"]
    )
    other = small_model("BertForMaskedLM", seed=5)
    assert other.load_state_dict(state) == ([], [])
    assert_same(other.state_dict(), model.state_dict())
    assert all(array.flags.c_contiguous for array in other.parameters.values())
    encoder = small_model("BertModel", add_pooling_layer=False)
    assert encoder.load_state_dict(state, strict=False).missing_keys == []
    np.testing.assert_array_equal(
        encoder.parameters["embeddings.word_embeddings.weight"],
        model.parameters["bert.embeddings.word_embeddings.weight"],
    )
    narrow = small_model("BertForMaskedLM", "float32")
    narrow.load_state_dict(model.state_dict())
    assert {array.dtype.name for array in narrow.parameters.values()} == {"float32"}


def test_a_wrong_state_changes_nothing() -> None:
    model = small_model("BertForMaskedLM")
    before = {name: array.copy() for name, array in model.parameters.items()}
    other = small_model("BertForMaskedLM", seed=9).state_dict()

    def without(name: str) -> dict[str, np.ndarray]:
        return {key: array for key, array in other.items() if key != name}

    words = "bert.embeddings.word_embeddings.weight"
    for state, text in [
        ({**other, "xyz": np.zeros(1)}, "the state dict has 1 names that BertForMaskedLM has no place for: xyz."),
        ({**other, words: other[words][:5]}, "the state dict does not fit the model: 1 tensor has another shape."),
        ({**other, "cls.predictions.decoder.weight": other[words] + 1.0},
         "the state dict: the model ties 'cls.predictions.decoder.weight' to "),
        (without(words), "the state dict lacks 1 weight of the model: bert.embeddings.word_embeddings.weight."),
        ({**other, "cls.predictions.bias": np.zeros(V, int)},
         "the state dict: the weight 'cls.predictions.bias' is stored as "),
    ]:  # fmt: skip
        with pytest.raises(mb.WeightFileError) as found:
            model.load_state_dict(state)
        assert str(found.value).startswith(text)
        assert_same(dict(model.parameters), before)


@pytest.mark.parametrize("class_name", CLASSES)
def test_saved_and_loaded(class_name: str, tmp_path: Path) -> None:
    model = small_model(class_name, "float32")
    model.save_pretrained(tmp_path)
    stored = set(load_file(tmp_path / "model.safetensors"))
    tied = {name for name in model.parameters.tied if class_name.startswith("RemBert")}
    assert stored == set(model.state_dict()) | tied  # transformers 4 finds RemBERT's decoder only under its own name
    again = getattr(mb, class_name).from_pretrained(tmp_path)
    assert_same(again.state_dict(), model.state_dict())
    assert list(again.parameters) == list(model.parameters)  # the order, by which optimisers go
    expected = model.config.to_dict()
    assert {name: again.config.to_dict()[name] for name in expected if name != "architectures"} == {
        name: value for name, value in expected.items() if name != "architectures"
    }
    inputs = small_inputs(model, labels=True)
    assert_same(outputs(again, **inputs), outputs(model, **inputs))


def test_a_tied_rembert_is_saved_with_its_copy(tmp_path: Path) -> None:
    model = small_model("RemBertForMaskedLM", "float32", tie_word_embeddings=True)
    model.save_pretrained(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(
        stored["cls.predictions.decoder.weight"], stored["rembert.embeddings.word_embeddings.weight"]
    )
    assert_same(mb.RemBertForMaskedLM.from_pretrained(tmp_path).state_dict(), model.state_dict())


def test_loading_a_part() -> None:
    model = small_model("BertForSequenceClassification")
    before = {name: array.copy() for name, array in model.parameters.items()}
    state = {"classifier.bias": np.array([1.0, 2.0, 3.0]), "strange": np.zeros(2)}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert unexpected == ["strange"]
    assert missing == [name for name in before if name != "classifier.bias"]
    np.testing.assert_array_equal(model.parameters["classifier.bias"], [1.0, 2.0, 3.0])
    before["classifier.bias"] = model.parameters["classifier.bias"]
    assert_same(dict(model.parameters), before)


def test_a_configuration_and_changes_besides(tmp_path: Path) -> None:
    model = small_model("BertModel", "float32")
    model.save_pretrained(tmp_path)
    with pytest.raises(
        mb.ConfigError, match=r"^config was given, and num_labels besides: change the config instead\.$"
    ):
        mb.BertModel.from_pretrained(tmp_path, config=model.config, num_labels=5)

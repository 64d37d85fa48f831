"""Calls of every class in every kind of setting: configuration, inputs, options, training."""

from typing import Any

import pytest

from tests.random_cases import CLASSES
from tests.small_models import DECODERS, small_inputs, small_model

BARE = ("BertModel", "RobertaModel", "RemBertModel")

# what a call has: configuration, inputs of `small_inputs`, arguments of the call, training
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], bool]] = {
    "plain": ({}, {"mask": None, "types": False}, {}, False),
    "labels": ({}, {"labels": True}, {}, False),
    "labels, training": ({"hidden_dropout_prob": 0.2}, {"labels": True}, {}, True),
    "embeds, head mask": ({}, {"embeds": True, "head_mask": True, "positions": True}, {}, False),
    "training without attention dropout": ({"attention_probs_dropout_prob": 0.0}, {"head_mask": True}, {}, True),
    "outputs": ({}, {"labels": True}, {"output_attentions": True, "output_hidden_states": True}, False),
}
RELATIVE = {
    "relative_key": ({"position_embedding_type": "relative_key"}, {"labels": True}, {}, False),
    "relative_key_query": ({"position_embedding_type": "relative_key_query"}, {}, {}, True),
}
CROSS = {
    "decoder": ({"is_decoder": True}, {}, {"use_cache": True}, False),
    "encoder states": (
        {"is_decoder": True, "add_cross_attention": True}, {"encoder": True}, {"use_cache": False}, False,
    ),
    "encoder states, training": (
        {"is_decoder": True, "add_cross_attention": True}, {"encoder": True, "head_mask": True}, {}, True,
    ),
}  # fmt: skip


def option_sets(class_name: str) -> list[str]:
    names = list(OPTIONS)
    if not class_name.startswith("RemBert"):
        names += RELATIVE
    if class_name in BARE or class_name in DECODERS or "MaskedLM" in class_name:
        names += CROSS
    return names


ALL = [(class_name, label) for class_name in CLASSES for label in option_sets(class_name)]
MASKED_LM = [name for name in CLASSES if "MaskedLM" in name]


def setting(class_name: str, label: str, dtype: str = "float64") -> tuple[Any, dict[str, Any], bool]:
    """The model of an option set, and its inputs."""
    config, chosen, call, training = {**OPTIONS, **RELATIVE, **CROSS}[label]
    model = small_model(class_name, dtype, **config)
    if training:
        model.train(3)
    call = {name: value for name, value in call.items() if name != "use_cache" or class_name not in MASKED_LM}
    return model, {**small_inputs(model, **chosen), **call}, training


def message(error: type[Exception], call: Any) -> str:
    with pytest.raises(error) as found:
        call()
    return str(found.value)

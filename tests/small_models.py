"""Small models of every class, and inputs for them: every size differs, a token repeats, and one is padding."""

from typing import Any

import numpy as np

import minibert as mb
from minibert.models.files import PreTrainedModel
from tests.random_cases import config_name

B, T, S, N, K, L = 2, 3, 5, 4, 5, 2
D, F, E, O, V, C = N * K, 7, 6, 9, 13, 3  # noqa: E741
CHOICES = 3
SIZES: dict[str, Any] = {
    "vocab_size": V,
    "hidden_size": D,
    "num_hidden_layers": L,
    "num_attention_heads": N,
    "intermediate_size": F,
    "max_position_embeddings": 12,
    "type_vocab_size": 4,
    "layer_norm_eps": 1e-5,
    "initializer_range": 0.3,
}
DECODERS = ("BertLMHeadModel", "RobertaForCausalLM", "RemBertForCausalLM")


def small_config(class_name: str, **changes: Any) -> mb.PretrainedConfig:
    """A configuration with the sizes above."""
    fields = dict(SIZES)
    if class_name.startswith("RemBert"):
        fields.update(input_embedding_size=E, output_embedding_size=O)
        if changes.get("tie_word_embeddings"):
            fields.update(output_embedding_size=E)
    if class_name in DECODERS:
        fields["is_decoder"] = True
    if "QuestionAnswering" not in class_name:
        fields["num_labels"] = C
    return getattr(mb, config_name(class_name))(**{**fields, **changes})


def small_model(class_name: str, dtype: str = "float64", seed: int = 0, **changes: Any) -> PreTrainedModel:
    """A model whose biases and norms are not at their special values 0 and 1."""
    options = {"add_pooling_layer": changes.pop("add_pooling_layer")} if "add_pooling_layer" in changes else {}
    model = getattr(mb, class_name)(small_config(class_name, **changes), seed=seed, dtype=dtype, **options)
    rng = np.random.default_rng(seed)
    for array in model.parameters.values():
        array += (rng.normal(size=array.shape) * 0.2).astype(array.dtype)
    return model


def small_inputs(
    model: PreTrainedModel,
    *,
    labels: bool = False,
    embeds: bool = False,
    mask: int | None = 2,
    types: bool = True,
    positions: bool = False,
    head_mask: bool = False,
    encoder: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Inputs of a call; `mask` is how many axes the attention mask has."""
    rng = np.random.default_rng([seed, 3])
    name, config = type(model).__name__, model.config
    lead = (B, CHOICES) if "Choice" in name else (B,)
    ids = np.broadcast_to(np.array([[5, 7, 5], [7, 9, config.pad_token_id]]), (*lead[1:], B, T))
    ids = np.array(np.moveaxis(ids, -2, 0))
    if lead[1:]:
        ids[:, 1, 0], ids[:, 2, 1] = 11, 4
    inputs: dict[str, Any] = {"input_ids": ids}
    if embeds:
        width = getattr(config, "input_embedding_size", D)
        inputs = {"inputs_embeds": rng.normal(size=(*lead, T, width))}
    if mask == 2:
        inputs["attention_mask"] = (ids != config.pad_token_id).astype(np.int64)
    elif mask == 3:
        inputs["attention_mask"] = np.array([[[1, 0, 1], [1, 1, 0], [0, 1, 1]], [[1, 1, 0], [0, 1, 0], [1, 0, 0]]])
    if types:
        inputs["token_type_ids"] = np.broadcast_to(np.array([0, 1, 1]), ids.shape).copy()
    if positions:
        inputs["position_ids"] = np.broadcast_to(np.array([4, 2, 4]), ids.shape).copy()
    if head_mask:
        inputs["head_mask"] = rng.uniform(0.2, 1.0, size=(config.num_hidden_layers, N))
    if encoder:
        inputs["encoder_hidden_states"] = rng.normal(size=(B, S, D))
        inputs["encoder_attention_mask"] = np.array([[1, 1, 0, 1, 1], [1, 1, 1, 1, 0]])
    if labels:
        inputs.update(small_labels(model, rng))
    return inputs


def small_labels(model: PreTrainedModel, rng: np.random.Generator) -> dict[str, Any]:
    """Labels that fit the class; one of every text is ignored where labels stand at tokens."""
    name, config = type(model).__name__, model.config
    if "PreTraining" in name:
        return {"labels": np.array([[3, -100, 5], [-100, 12, 0]]), "next_sentence_label": np.array([1, 0])}
    if "LM" in name:
        return {"labels": np.array([[3, -100, 5], [1, 12, -100]])}
    if "NextSentence" in name:
        return {"labels": np.array([1, 0])}
    if "TokenClassification" in name:
        return {"labels": np.array([[2, -100, 0], [1, 2, -100]])}
    if "Choice" in name:
        return {"labels": np.array([2, 0])}
    if "QuestionAnswering" in name:
        return {"start_positions": np.array([0, 1]), "end_positions": np.array([2, 7])}
    if "SequenceClassification" in name:
        if config.problem_type == "regression" or config.num_labels == 1:
            return {"labels": rng.normal(size=(B, config.num_labels))}
        if config.problem_type == "multi_label_classification":
            return {"labels": rng.random((B, config.num_labels))}
        return {"labels": np.array([2, 0])}
    return {}

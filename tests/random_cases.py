"""Random configurations and inputs for every model class, for comparisons with the reference implementation.

A case is plain data (numbers, lists and NumPy arrays), so that the same one can be run by minibert, by
transformers, or be stored as a golden case.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

BERT = ["BertModel", "BertForPreTraining", "BertLMHeadModel", "BertForMaskedLM", "BertForNextSentencePrediction",
        "BertForSequenceClassification", "BertForMultipleChoice", "BertForTokenClassification",
        "BertForQuestionAnswering"]  # fmt: skip
ROBERTA = ["RobertaModel", "RobertaForCausalLM", "RobertaForMaskedLM", "RobertaForSequenceClassification",
           "RobertaForMultipleChoice", "RobertaForTokenClassification", "RobertaForQuestionAnswering"]  # fmt: skip
REMBERT = ["RemBertModel", "RemBertForCausalLM", "RemBertForMaskedLM", "RemBertForSequenceClassification",
           "RemBertForMultipleChoice", "RemBertForTokenClassification", "RemBertForQuestionAnswering"]  # fmt: skip
CLASSES = BERT + ROBERTA + REMBERT

# every activation that both sides know by name
ACTIVATIONS = ["gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_10", "gelu_accurate", "quick_gelu", "relu",
               "relu2", "relu6", "leaky_relu", "silu", "swish", "mish", "laplace", "sigmoid", "tanh",
               "linear"]  # fmt: skip


@dataclass
class Case:
    """One call of one class."""

    class_name: str
    seed: int
    config: dict[str, Any]
    inputs: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)  # add_pooling_layer
    past: dict[str, Any] | None = None  # inputs of an earlier call that fills the cache


def config_name(class_name: str) -> str:
    """BertForMaskedLM -> BertConfig."""
    family = next(family for family in ("RemBert", "Roberta", "Bert") if class_name.startswith(family))
    return f"{family}Config"


def random_case(class_name: str, seed: int) -> Case:
    """A case of this class; the same seed gives the same case."""
    rng = np.random.default_rng([seed, CLASSES.index(class_name)])
    config = _random_config(class_name, rng)
    options = {}
    if class_name.endswith("Model") and "LMHead" not in class_name:
        options["add_pooling_layer"] = bool(rng.random() < 0.7)
    batch, tokens = int(rng.integers(1, 4)), int(rng.integers(1, 9))
    decoder_class = class_name in ("BertLMHeadModel", "RobertaForCausalLM", "RemBertForCausalLM")
    past = None
    if config["is_decoder"] and rng.random() < 0.6 and (decoder_class or class_name.endswith("Model")):
        earlier = int(rng.integers(1, 6))
        past = {"input_ids": _ids(config, (batch, earlier), rng), "use_cache": True}
    inputs = _random_inputs(class_name, config, batch, tokens, past, rng)
    return Case(class_name, seed, config, inputs, options, past)


def _random_config(class_name: str, rng: np.random.Generator) -> dict[str, Any]:
    heads = int(rng.integers(1, 5))
    bare_or_lm = class_name.endswith("Model") or "LM" in class_name
    config: dict[str, Any] = {
        "vocab_size": int(rng.integers(12, 40)),
        "hidden_size": heads * int(rng.integers(2, 7)),
        "num_hidden_layers": int(rng.integers(1, 4)),
        "num_attention_heads": heads,
        "intermediate_size": int(rng.integers(3, 24)),
        "hidden_act": str(rng.choice(ACTIVATIONS)) if rng.random() < 0.6 else "gelu",
        "max_position_embeddings": 24,
        "type_vocab_size": int(rng.integers(1, 4)),
        "layer_norm_eps": float(rng.choice([1e-12, 1e-5])),
        "initializer_range": 0.5,
        "pad_token_id": int(rng.integers(0, 4)),
        "is_decoder": bool(bare_or_lm and (rng.random() < 0.5 or "Causal" in class_name or "LMHead" in class_name)),
        "chunk_size_feed_forward": 0,
        "tie_word_embeddings": bool(rng.random() < 0.6),
    }
    config["add_cross_attention"] = bool(config["is_decoder"] and rng.random() < 0.5)
    if class_name.startswith("RemBert"):
        config["input_embedding_size"] = int(rng.integers(2, 9))
        config["output_embedding_size"] = int(rng.integers(2, 12))
        if config["tie_word_embeddings"]:
            config["output_embedding_size"] = config["input_embedding_size"]
    else:
        kinds = ["absolute", "absolute", "relative_key", "relative_key_query"]
        config["position_embedding_type"] = str(rng.choice(kinds))
    if "QuestionAnswering" not in class_name:
        config["num_labels"] = int(rng.integers(1, 5))
    if "SequenceClassification" in class_name and rng.random() < 0.6:
        kinds = ["regression", "single_label_classification", "multi_label_classification"]
        config["problem_type"] = str(rng.choice(kinds))
    return config


def _ids(config: dict[str, Any], shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    ids = rng.integers(0, config["vocab_size"], size=shape)
    ids[..., 0] = config["pad_token_id"] + 1
    return ids


def _random_inputs(
    class_name: str,
    config: dict[str, Any],
    batch: int,
    tokens: int,
    past: dict[str, Any] | None,
    rng: np.random.Generator,
) -> dict[str, Any]:
    choices = (int(rng.integers(1, 4)),) if "MultipleChoice" in class_name else ()
    shape = (batch, *choices, tokens)
    earlier = 0 if past is None else past["input_ids"].shape[1]
    inputs: dict[str, Any] = {}
    if rng.random() < 0.75:
        inputs["input_ids"] = _ids(config, shape, rng)
    else:
        width = config.get("input_embedding_size", config["hidden_size"])
        inputs["inputs_embeds"] = rng.normal(size=(*shape, width))
    if rng.random() < 0.7:
        inputs["attention_mask"] = _mask(batch, choices, tokens, earlier, rng)
    if rng.random() < 0.5:
        inputs["token_type_ids"] = rng.integers(0, config["type_vocab_size"], size=shape)
    if rng.random() < 0.3:
        inputs["position_ids"] = rng.integers(0, config["max_position_embeddings"], size=shape)
    if rng.random() < 0.3:
        layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
        size = (layers, heads) if rng.random() < 0.5 else (heads,)
        inputs["head_mask"] = rng.integers(0, 2, size=size).astype(float)
    if config["add_cross_attention"]:
        keys = int(rng.integers(1, 7))
        inputs["encoder_hidden_states"] = rng.normal(size=(batch, keys, config["hidden_size"]))
        if rng.random() < 0.6:
            three = rng.random() < 0.3
            inputs["encoder_attention_mask"] = rng.integers(
                0, 2, size=(batch, tokens, keys) if three else (batch, keys)
            )
        if past is not None:
            for name in ("encoder_hidden_states", "encoder_attention_mask"):
                if name in inputs and inputs[name].ndim < 4:
                    past[name] = inputs[name]
            if past.get("encoder_attention_mask") is not None and past["encoder_attention_mask"].ndim == 3:
                past.pop("encoder_attention_mask")
    inputs["output_attentions"] = bool(rng.random() < 0.6)
    inputs["output_hidden_states"] = bool(rng.random() < 0.6)
    if config["add_cross_attention"] and inputs["output_attentions"] is False:
        pass
    if rng.random() < 0.75:
        inputs.update(_random_labels(class_name, config, batch, choices, tokens, rng))
    return inputs


def _mask(
    batch: int, choices: tuple[int, ...], tokens: int, earlier: int, rng: np.random.Generator
) -> np.ndarray:
    """Padding on the right or anywhere, or a mask of its own for every token; now and then a wholly masked row."""
    if not choices and rng.random() < 0.25:
        return rng.integers(0, 2, size=(batch, tokens, tokens + earlier))
    mask = rng.integers(0, 2, size=(batch, *choices, tokens + earlier))
    if rng.random() < 0.6:
        lengths = rng.integers(0, tokens + earlier + 1, size=(batch, *choices, 1))
        mask = (np.arange(tokens + earlier) < lengths).astype(np.int64)
    return mask


def _random_labels(
    class_name: str,
    config: dict[str, Any],
    batch: int,
    choices: tuple[int, ...],
    tokens: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    def token_labels(classes: int) -> np.ndarray:
        labels = rng.integers(0, classes, size=(batch, tokens))
        return np.where(rng.random(labels.shape) < 0.4, -100, labels)

    classes = config.get("num_labels", 2)
    if "PreTraining" in class_name:
        return {"labels": token_labels(config["vocab_size"]), "next_sentence_label": rng.integers(0, 2, size=batch)}
    if "LM" in class_name:
        return {"labels": token_labels(config["vocab_size"])}
    if "NextSentence" in class_name:
        return {"labels": rng.integers(0, 2, size=batch)}
    if "TokenClassification" in class_name:
        return {"labels": token_labels(classes)}
    if "MultipleChoice" in class_name:
        return {"labels": rng.integers(0, choices[0], size=batch)}
    if "QuestionAnswering" in class_name:
        places = rng.integers(-1, tokens + 2, size=(2, batch))
        return {"start_positions": places[0], "end_positions": places[1]}
    if "SequenceClassification" in class_name:
        kind = config.get("problem_type")
        if kind == "regression" or (kind is None and classes == 1):
            return {"labels": rng.normal(size=(batch, classes) if classes > 1 else (batch,))}
        if kind == "multi_label_classification" or (kind is None and rng.random() < 0.5):
            return {"labels": rng.integers(0, 2, size=(batch, classes)).astype(float)}
        return {"labels": rng.integers(0, classes, size=batch)}
    return {}

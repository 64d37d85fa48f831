"""Labels by rule, for cases that need a loss: the same for the same inputs, and some tokens left out."""

from typing import Any

import numpy as np

from minibert.functional.losses import IGNORE_INDEX


def labels_for(class_name: str, config: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
    """What to call a class with beside its inputs, so that it has a loss; {} for a bare encoder.

    Every third token counts for a masked model (its own id is right) and every token but the padding for a causal one;
    classes and places follow the number of the text.
    """
    ids = np.asarray(ids)
    texts, tokens = ids.shape[0], ids.shape[-1]
    pad = config.pad_token_id
    counted = np.broadcast_to(np.arange(tokens) % 3 == 0, ids.shape) & (ids != pad)
    if class_name.endswith(("CausalLM", "LMHeadModel")):
        return {"labels": np.where(ids == pad, IGNORE_INDEX, ids)}
    if class_name.endswith("MaskedLM"):
        return {"labels": np.where(counted, ids, IGNORE_INDEX)}
    if class_name.endswith("PreTraining"):
        return {"labels": np.where(counted, ids, IGNORE_INDEX), "next_sentence_label": np.arange(texts) % 2}
    if class_name.endswith("TokenClassification"):
        classes = np.broadcast_to(np.arange(tokens) % config.num_labels, ids.shape)
        return {"labels": np.where(ids == pad, IGNORE_INDEX, classes)}
    if class_name.endswith("QuestionAnswering"):
        return {"start_positions": np.arange(texts) % tokens, "end_positions": (np.arange(texts) + 1) % tokens}
    if class_name.endswith("NextSentencePrediction"):
        return {"labels": np.arange(texts) % 2}
    if class_name.endswith("MultipleChoice"):
        return {"labels": np.arange(texts) % ids.shape[1]}
    if class_name.endswith("SequenceClassification"):
        return {"labels": _text_labels(config, texts)}
    return {}


def _text_labels(config: Any, texts: int) -> np.ndarray:
    if config.problem_type == "regression" or config.num_labels == 1:
        return np.linspace(-1.0, 1.0, texts * config.num_labels).reshape(texts, config.num_labels)
    if config.problem_type == "multi_label_classification":
        return (np.arange(texts * config.num_labels) % 2).astype(np.float64).reshape(texts, config.num_labels)
    return np.arange(texts) % config.num_labels

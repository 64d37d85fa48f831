"""Twenty steps of AdamW with warm-up, decay, clipping and weight decay: the run that is compared with PyTorch.

Plain data, so that minibert, PyTorch and the stored values of `tests/stored_values/training.json` share it.
"""

from typing import Any

import numpy as np

import minibert as mb
from tests.training.small import BERT, REMBERT, ROBERTA

STEPS, WARMUP, MAX_NORM = 20, 4, 1.0
ADAMW = {"lr": 5e-3, "betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.1}
CONFIGS: dict[str, dict[str, Any]] = {
    "BertForMaskedLM": {**BERT, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    "RobertaForSequenceClassification": {
        **ROBERTA,
        "num_labels": 3,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    },
    "RemBertForTokenClassification": {**REMBERT, "num_labels": 4, "classifier_dropout_prob": 0.0},
}


def config_class(name: str) -> str:
    return next(family for family in ("RemBert", "Roberta", "Bert") if name.startswith(family)) + "Config"


def build(name: str, **changes: Any) -> Any:
    """minibert's model in float64."""
    config = getattr(mb, config_class(name))(**{**CONFIGS[name], **changes})
    return getattr(mb, name)(config, seed=3, dtype="float64")


def batches(name: str) -> list[dict[str, np.ndarray]]:
    """One batch a step, padded, with ignored labels where the class has them."""
    rng = np.random.default_rng(11)
    made = []
    for _ in range(STEPS):
        ids = rng.integers(4, 21, size=(4, 9))
        mask = np.ones_like(ids)
        for row, length in enumerate(rng.integers(4, 10, size=4)):
            mask[row, length:] = 0
            ids[row, length:] = 1 if name.startswith("Roberta") else 0
        if name.endswith("SequenceClassification"):
            labels = ids[:, 0] % 3
        else:
            labels = np.where(rng.random(ids.shape) < 0.6, ids % 4, -100)
            labels[0, 0] = 2
        made.append({"input_ids": ids, "attention_mask": mask, "labels": labels})
    return made


def train(model: Any, name: str, masks: list[dict[str, np.ndarray]] | None = None) -> tuple[list[float], list[float]]:
    """-> the losses and the gradient norms of every step; `masks` is filled with the dropout masks, if given."""
    optimizer = mb.AdamW(model, **ADAMW)
    schedule = mb.get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    losses, norms = [], []
    for batch in batches(name):
        trace = mb.Trace(["backward", "*.mask"])
        losses.append(float(model(**batch, trace=trace).loss))
        if masks is not None:
            masks.append({mask: np.array(trace[mask]) for mask in trace if mask.endswith(".mask")})
        grads = model.backward(trace)
        norms.append(mb.clip_grad_norm(grads, MAX_NORM))
        optimizer.step(grads)
        schedule.step()
    return losses, norms

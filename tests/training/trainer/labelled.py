"""Six texts with labels for every task, and a small model of each class."""

from typing import Any

import numpy as np

import minibert as mb
from tests.training import small

# class -> labels of six texts of nine tokens, with different numbers of labels that count
RNG = np.random.default_rng(5)
IDS = RNG.integers(4, 21, size=(6, 9))
TOKEN_LABELS = np.where(RNG.random((6, 9)) < [[0.1], [0.9], [0.5], [0.3], [0.9], [0.2]], IDS % 3, -100)
TOKEN_LABELS[:, 1] = 2
LABELS = {
    "BertForMaskedLM": {"labels": TOKEN_LABELS},
    "BertLMHeadModel": {"labels": TOKEN_LABELS},
    "BertForPreTraining": {"labels": TOKEN_LABELS, "next_sentence_label": np.array([0, 1, 1, 0, 1, 0])},
    "BertForNextSentencePrediction": {"next_sentence_label": np.array([0, 1, 1, 0, 1, 0])},
    "BertForSequenceClassification": {"labels": np.array([0, 1, 2, 0, 1, 2])},
    "BertForTokenClassification": {"labels": TOKEN_LABELS},
    "BertForQuestionAnswering": {
        "start_positions": np.array([1, 9, 2, 3, 9, 4]),
        "end_positions": np.array([2, 9, 9, 5, 6, 9]),
    },
}


def build(name: str, **config: Any) -> Any:
    """A model of this class in float64."""
    labels = {} if "QuestionAnswering" in name else {"num_labels": 3}
    settings = {**small.BERT, **labels, "is_decoder": "LMHead" in name, **config}
    return getattr(mb, name)(mb.BertConfig(**settings), dtype="float64")

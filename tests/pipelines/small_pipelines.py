"""Pipelines on small models, inputs for them, and how answers are compared."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.pipelines.rows import Job, Row
from tests.small_checkpoints import SENTENCES, model, tokenizer

HEADS = {
    "fill-mask": "ForMaskedLM",
    "text-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "question-answering": "ForQuestionAnswering",
    "next-sentence-prediction": "ForNextSentencePrediction",
    "multiple-choice": "ForMultipleChoice",
    "text-generation": "ForCausalLM",
    "feature-extraction": "Model",
}


def make(task: str, family: str = "bert", **options: Any) -> Any:
    return mb.pipeline(task, model(family, HEADS[task], dtype="float64"), tokenizer=tokenizer(family), **options)


def inputs_of(task: str, family: str = "bert") -> list[Any]:
    """Inputs of many lengths."""
    mask = tokenizer(family).mask_token
    texts = [" ".join(text.split()[: 1 + i]) for i, text in enumerate(SENTENCES)]
    made: dict[str, list[Any]] = {
        "fill-mask": [f"{text} {mask}" for text in texts],
        "question-answering": [{"question": "Who?", "context": text} for text in texts],
        "next-sentence-prediction": [(text, "And then?") for text in texts],
        "multiple-choice": [{"prompt": text, "choices": ["a", "b c d", text]} for text in texts],
    }
    return made.get(task, texts)


def close(one: Any, other: Any) -> None:
    """The same, floats to the last digits."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            close(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            close(a, b)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-11)
    else:
        assert one == other


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def finish(pipe: Any, item: Any, rows: list[Row], outputs: list[Any]) -> Any:
    """The answer to an input for whose rows the model said this."""
    for row, output in zip(rows, outputs, strict=True):
        row.output = output
    return pipe.finish(Job(item, pipe.settings, rows))


def logits_of(pipe: Any, *texts: Any, **options: Any) -> np.ndarray:
    return pipe.model(**pipe.tokenizer(*texts, return_tensors="np"), **options)

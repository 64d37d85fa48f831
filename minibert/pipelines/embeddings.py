"""Sentence embeddings: one vector a text, pooled from the encoder's last hidden states."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError

POOLINGS = ("mean", "cls", "pooler")


def mean_pool(hidden: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
    """hidden (B, T, D), attention_mask (B, T) -> (B, D): the mean over the tokens that are not padding.

    >>> mean_pool(np.array([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]]), np.array([[1, 1, 0]]))
    array([[2., 3.]])
    """
    weights = attention_mask.astype(hidden.dtype)[:, :, None]
    return (hidden * weights).sum(axis=1) / weights.sum(axis=1)


def embed(
    model: Any, tokenizer: Any, texts: Sequence[str], *, pooling: str = "mean", batch_size: int = 32
) -> np.ndarray:
    """texts -> vectors (B, D) of length 1, in the order of the texts, on the host.

    Texts longer than the model's positions are cut at the end. Texts of like length are run together, so that
    little padding is computed.

    Args:
        pooling: "mean" over the tokens, "cls" for the first token's state, "pooler" for the pooled output.

    Raises:
        InputError: an unknown pooling, no text, or a model without a pooler asked for "pooler".
    """
    if pooling not in POOLINGS:
        raise InputError(f"pooling is {pooling!r}: choose one of {', '.join(POOLINGS)}.")
    if not texts:
        raise InputError("there is no text to embed.")
    longest = model.config.max_position_embeddings - model.first_position
    encoded = tokenizer(list(texts), truncation=True, max_length=longest)
    lengths = np.array([len(ids) for ids in encoded["input_ids"]])
    order = np.argsort(lengths, kind="stable")
    vectors: list[np.ndarray | None] = [None] * len(texts)
    for start in range(0, len(texts), batch_size):
        rows = order[start : start + batch_size]
        batch = {name: [encoded[name][row] for row in rows] for name in encoded}
        batch = tokenizer.pad(batch, return_tensors="np")
        for row, vector in zip(rows, _pool(model(**batch), batch["attention_mask"], pooling), strict=True):
            vectors[row] = vector
    stacked = np.stack([vector for vector in vectors if vector is not None])
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


def _pool(output: Any, attention_mask: np.ndarray, pooling: str) -> np.ndarray:
    if pooling == "pooler":
        if output.pooler_output is None:
            raise InputError("pooling is 'pooler', but the model has no pooler.")
        return to_numpy(output.pooler_output)
    hidden = to_numpy(output.last_hidden_state)
    return hidden[:, 0] if pooling == "cls" else mean_pool(hidden, attention_mask)


def similarity_table(texts: Sequence[str], vectors: np.ndarray, width: int = 44) -> str:
    """The cosine of every pair of texts as readable lines, the texts numbered below the table."""
    cosines = vectors @ vectors.T
    numbers = [f"[{i + 1}]" for i in range(len(texts))]
    column = max(7, max(map(len, numbers)) + 1)
    lines = [" " * column + "".join(number.rjust(column) for number in numbers)]
    for number, row in zip(numbers, cosines, strict=True):
        lines.append(number.rjust(column) + "".join(f"{value:.3f}".rjust(column) for value in row))
    lines.append("")
    for number, text in zip(numbers, texts, strict=True):
        shown = " ".join(text.split())
        lines.append(f"{number} {shown if len(shown) <= width * 2 else shown[: width * 2 - 1] + '…'}")
    return "\n".join(lines)

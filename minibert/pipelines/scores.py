"""Logits to scores."""

import numpy as np

from minibert.backend import Array, to_numpy


def host_logits(logits: Array) -> np.ndarray:
    """Logits on the host, at least float32: float16 has too few digits for a softmax over a vocabulary."""
    array = to_numpy(logits)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """A probability for every logit by itself, without overflow.

    >>> sigmoid(np.array([0.0, -1000.0]))
    array([0.5, 0. ])
    """
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0 / (1.0 + small), small / (1.0 + small)).astype(logits.dtype)


def top(scores: np.ndarray, k: int) -> np.ndarray:
    """scores (C,) -> the places of the k greatest, the greatest first; of equal ones the first comes first.

    >>> top(np.array([0.1, 0.5, 0.5, 0.2]), 3).tolist()
    [1, 2, 3]
    """
    return np.argsort(-scores, kind="stable")[:k]

"""One vector for a whole text: the mean of its tokens' states, of length 1."""

import numpy as np

from minibert.course.chapters.parts import padded
from minibert.course.exercise import Exercise

exercise = Exercise(
    "pool",
    "f(hidden, attention_mask)",
    """
    A sentence vector: the mean of the hidden states of a text's own tokens, without the padding (where
    attention_mask is 0), divided by its length √(Σ v²), so that the product of two such vectors is their cosine.
    """,
    lambda rng, B, T, D: {"hidden": rng.normal(size=(B, T, D)) + 0.5, "attention_mask": padded(B, T)},
    [{"B": 2, "T": 4, "D": 3}, {"B": 4, "T": 5, "D": 6}],
)


@exercise.step("B D")
def total(hidden, attention_mask):
    """the sum over a text's own tokens"""
    return (hidden * attention_mask[:, :, None]).sum(axis=1)


@exercise.step("B D")
def mean(total, attention_mask):
    """divided by how many they are"""
    return total / attention_mask.sum(axis=1, keepdims=True)


@exercise.step("B D")
def vector(mean):
    """divided by its own length"""
    return mean / np.sqrt((mean**2).sum(axis=1, keepdims=True))


exercise.mistake(
    "padding in the sum", "the padding is part of the sum; only the text's own tokens belong",
    total=lambda hidden: hidden.sum(axis=1),
)  # fmt: skip
exercise.mistake(
    "divided by T", "the sum is divided by T, padding included; it is divided by the number of the text's own tokens",
    mean=lambda total, hidden: total / hidden.shape[1],
)  # fmt: skip
exercise.mistake(
    "first token", "this is the state of the first token, [CLS]; here it is the mean over the tokens",
    mean=lambda hidden: hidden[:, 0],
)  # fmt: skip
exercise.mistake(
    "maximum", "this is the maximum over the tokens; here it is the mean",
    mean=lambda hidden, attention_mask: np.where(attention_mask[:, :, None] == 1, hidden, -np.inf).max(axis=1),
)  # fmt: skip
exercise.mistake("length kept", "the mean is not divided by its length", vector=lambda mean: mean)
exercise.mistake(
    "sum of magnitudes", "it is divided by Σ |v|; the length is √(Σ v²)",
    vector=lambda mean: mean / np.abs(mean).sum(axis=1, keepdims=True),
)  # fmt: skip
exercise.mistake(
    "root forgotten", "it is divided by Σ v², without the root",
    vector=lambda mean: mean / (mean**2).sum(axis=1, keepdims=True),
)  # fmt: skip
exercise.mistake(
    "one length for all", "all vectors are divided by the length of the whole array; each has its own",
    vector=lambda mean: mean / np.sqrt((mean**2).sum()),
)  # fmt: skip
exercise.mistake(
    "length over the texts", "the length runs over the texts (axis 0); it runs over a vector's D numbers",
    vector=lambda mean: mean / np.sqrt((mean**2).sum(axis=0, keepdims=True)),
)  # fmt: skip
exercise.mistake(
    "mean of unit vectors", "each token's vector is divided by its length first; the mean comes first",
    total=lambda hidden, attention_mask: (
        hidden / np.linalg.norm(hidden, axis=2, keepdims=True) * attention_mask[:, :, None]).sum(axis=1),
)  # fmt: skip

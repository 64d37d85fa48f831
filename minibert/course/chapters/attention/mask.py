"""The attention mask: which tokens nobody may look at."""

import numpy as np

from minibert.course.chapters.parts import padded
from minibert.course.exercise import Exercise

LARGE = 1e30

exercise = Exercise(
    "mask",
    "f(scores, attention_mask)",
    """
    Texts of a batch are filled up to one length; attention_mask is 1 at a text's own tokens and 0 at the padding.
    scores[b, n, t, s] says how much the query at token t likes the key at token s. No query may look at a padding
    key: its score must become so low (-10000 or less) that softmax gives it 0. Padding queries need no care.
    """,
    lambda rng, B, N, T: {"scores": rng.normal(size=(B, N, T, T)), "attention_mask": padded(B, T)},
    [{"B": 2, "N": 3, "T": 5}, {"B": 3, "N": 2, "T": 4}],
)


@exercise.step("B 1 1 T")
def added(attention_mask):
    """what is added to the scores: 0 at a text's own keys, very negative at padding keys"""
    return np.where(attention_mask == 1, 0.0, -1e30)[:, None, None, :]


@exercise.step("B N T T")
def masked(scores, added):
    """the scores, very negative at every padding key"""
    return scores + added


exercise.mistake(
    "multiplied", "the scores are multiplied with the mask: a score of 0 is not low, softmax gives it exp(0); "
    "add something very negative instead",
    masked=lambda scores, attention_mask: scores * attention_mask[:, None, None, :],
)  # fmt: skip
exercise.mistake(
    "on the query axis", "the mask lies on the axis of the queries, (B, 1, T, 1); "
    "it hides keys, the last axis, (B, 1, 1, T)",
    added=lambda attention_mask: np.where(attention_mask == 1, 0.0, -LARGE)[:, None, :, None],
)  # fmt: skip
exercise.mistake(
    "on both axes", "padding queries are hidden too: their rows are all hidden, and softmax has nothing to choose "
    "from; only keys are hidden",
    masked=lambda scores, attention_mask: np.where(
        (attention_mask[:, None, None, :] * attention_mask[:, None, :, None]) == 1, scores, -LARGE),
)  # fmt: skip
exercise.mistake(
    "the wrong way round", "the mask is the wrong way round: 1 marks a text's own tokens, and they are hidden",
    added=lambda attention_mask: np.where(attention_mask == 1, -LARGE, 0.0)[:, None, None, :],
)  # fmt: skip
exercise.mistake(
    "too small", "1 - mask is subtracted as it is: a score lower by 1 is still seen; it must be lower by 10000 or more",
    added=lambda attention_mask: (attention_mask - 1.0)[:, None, None, :],
)  # fmt: skip
exercise.mistake(
    "added as it is", "the mask itself is added to the scores: 1 at a text's own tokens hides nobody",
    added=lambda attention_mask: attention_mask[:, None, None, :].astype(float),
)  # fmt: skip
exercise.mistake(
    "sign flipped", "a large number is added at padding keys, so that every query looks there; it must be negative",
    added=lambda attention_mask: np.where(attention_mask == 1, 0.0, LARGE)[:, None, None, :],
)  # fmt: skip
exercise.mistake(
    "minus infinity times zero", "(1 - mask) times minus infinity: where 1 - mask is 0, that is NaN",
    added=lambda attention_mask: ((1 - attention_mask) * -np.inf)[:, None, None, :],
)  # fmt: skip
exercise.mistake(
    "first text's mask for all", "the first text's mask is used for every text",
    added=lambda attention_mask: np.where(attention_mask == 1, 0.0, -LARGE)[:1, None, None, :],
    masked=lambda scores, attention_mask: scores + np.where(attention_mask[0] == 1, 0.0, -LARGE),
)  # fmt: skip

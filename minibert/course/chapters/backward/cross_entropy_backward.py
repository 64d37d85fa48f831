"""The backward of the loss: softmax and cross entropy in one."""

import numpy as np

from minibert.course.chapters.parts import softmax
from minibert.course.exercise import Exercise


def draw(rng, B, T, C):
    labels = rng.integers(0, C, size=(B, T))
    labels[rng.random((B, T)) < 0.4] = -100
    labels[0, :2] = 1, -100
    return {"logits": 2 * rng.normal(size=(B, T, C)), "labels": labels}


exercise = Exercise(
    "cross_entropy_backward",
    "f(logits, labels)",
    """
    The loss is the mean of -log softmax(logits)[label], over the M tokens that have a label; a label of -100 means
    that the token has none and counts in neither the sum nor the mean. Find how the loss changes with the logits
    (B, T, C). Softmax and logarithm together are simple: (p - onehot(label)) / M, and zero where there is no label.
    """,
    draw,
    [{"B": 2, "T": 4, "C": 5}, {"B": 3, "T": 5, "C": 7}],
)


@exercise.step("B T C")
def probs(logits):
    """softmax of the logits over the classes"""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@exercise.step("B T C")
def dlogits(probs, labels):
    """(p - onehot(label)) / M at the M tokens with a label, zero elsewhere"""
    counted = labels != -100
    onehot = np.eye(probs.shape[-1])[np.where(counted, labels, 0)]
    return (probs - onehot) * counted[..., None] / counted.sum()


def parts(probs, labels):
    """onehot (B, T, C), counted (B, T, 1) and M."""
    counted = labels != -100
    onehot = np.eye(probs.shape[-1])[np.where(counted, labels, 0)]
    return onehot, counted[..., None], counted.sum()


def wrong(form):
    """A wrong dlogits, of p, onehot, counted and M."""
    return lambda probs, labels: form(probs, *parts(probs, labels))


exercise.mistake(
    "divided by all tokens", "it is divided by the number of all tokens; only those with a label count",
    dlogits=wrong(lambda p, onehot, counted, M: (p - onehot) * counted / counted.size),
)  # fmt: skip
exercise.mistake(
    "not divided", "it is not divided by M; the loss is a mean",
    dlogits=wrong(lambda p, onehot, counted, M: (p - onehot) * counted),
)  # fmt: skip
exercise.mistake(
    "divided by the texts", "it is divided by the number of texts; it is the number of tokens with a label",
    dlogits=wrong(lambda p, onehot, counted, M: (p - onehot) * counted / len(p)),
)  # fmt: skip
exercise.mistake(
    "tokens without a label get p", "tokens without a label (-100) get p as gradient; they get zero",
    dlogits=wrong(lambda p, onehot, counted, M: (p - onehot * counted) / M),
)  # fmt: skip
exercise.mistake(
    "-100 taken as class 0", "tokens labelled -100 are treated as class 0; they have no label and get zero",
    dlogits=wrong(lambda p, onehot, counted, M: (p - onehot) / M),
)  # fmt: skip
exercise.mistake(
    "-100 taken as class 0, all counted", "tokens labelled -100 are treated as class 0 and counted; "
    "they have no label, get zero, and are not counted",
    dlogits=wrong(lambda p, onehot, counted, M: (p - onehot) / counted.size),
)  # fmt: skip
exercise.mistake(
    "sign flipped", "this is onehot - p, with the sign flipped: raising the label's logit lowers the loss",
    dlogits=wrong(lambda p, onehot, counted, M: (onehot - p) * counted / M),
)  # fmt: skip
exercise.mistake(
    "onehot forgotten", "1 is not taken away at the label: this is p / M",
    dlogits=wrong(lambda p, onehot, counted, M: p * counted / M),
)  # fmt: skip
exercise.mistake(
    "p forgotten", "this is -onehot / M; softmax's own part, p, is left out",
    dlogits=wrong(lambda p, onehot, counted, M: -onehot * counted / M),
)  # fmt: skip
exercise.mistake(
    "softmax forgotten", "onehot is taken away from the logits themselves; it is from p = softmax(logits)",
    probs=lambda logits: logits,
)  # fmt: skip
exercise.mistake(
    "softmax over the tokens", "softmax runs over the tokens; it runs over the classes, the last axis",
    probs=lambda logits: softmax(logits, 1),
)  # fmt: skip
exercise.mistake(
    "twice as large", "this is 2 (p - onehot) / M, the gradient of a square; that of cross entropy has no 2",
    dlogits=wrong(lambda p, onehot, counted, M: 2 * (p - onehot) * counted / M),
)  # fmt: skip
exercise.mistake(
    "p (1 - p)", "this is (p - onehot) p (1 - p) / M, a square's gradient through a sigmoid; "
    "with cross entropy the derivative of softmax cancels",
    dlogits=wrong(lambda p, onehot, counted, M: (p - onehot) * p * (1 - p) * counted / M),
)  # fmt: skip
exercise.mistake(
    "labels smoothed", "the labels are smoothed, 0.9 at the label and 0.1 over all classes; this loss takes 1 and 0",
    dlogits=wrong(lambda p, onehot, counted, M: (p - 0.9 * onehot - 0.1 / p.shape[-1]) * counted / M),
)  # fmt: skip

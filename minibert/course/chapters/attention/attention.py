"""Scaled dot-product attention in several heads (Vaswani et al. 2017, sections 3.2.1 and 3.2.2)."""

import math

import numpy as np

from minibert.course.chapters.parts import linear, linear_weights, padded, softmax
from minibert.course.exercise import Exercise
from minibert.plain import merge_heads, split_heads

LARGE = 1e30


def draw(rng, B, T, N, K):
    weights = {}
    for name in ("query", "key", "value"):
        weights |= linear_weights(rng, name, N * K, N * K)
    x = 1.5 * rng.normal(size=(B, T, N * K))
    return {"x": x, "weights": weights, "attention_mask": padded(B, T), "heads": N}


exercise = Exercise(
    "attention",
    "f(x, weights, attention_mask, heads)",
    """
    Every token asks a question (query), offers an answer's title (key) and the answer (value): three linear maps
    x Wᵀ + b with the weights "query.weight" (out, in), "query.bias" and so on, each cut into N heads of K = D / N
    columns. A head's score of two tokens is the product of query and key, divided by √K; padding keys, where
    attention_mask is 0, get a score so low that nobody looks at them. Softmax over the keys turns scores into shares,
    and a token's context is that mixture of the values, its heads side by side again.
    """,
    draw,
    [{"B": 2, "T": 5, "N": 2, "K": 3}, {"B": 3, "T": 4, "N": 3, "K": 4}],
)


@exercise.step("B N T K")
def query(x, weights, heads):
    """x Wᵀ + b with the query's weights, cut into heads"""
    x_query = x @ weights["query.weight"].T + weights["query.bias"]
    return x_query.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


@exercise.step("B N T K")
def key(x, weights, heads):
    """x Wᵀ + b with the key's weights, cut into heads"""
    x_key = x @ weights["key.weight"].T + weights["key.bias"]
    return x_key.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


@exercise.step("B N T K")
def value(x, weights, heads):
    """x Wᵀ + b with the value's weights, cut into heads"""
    x_value = x @ weights["value.weight"].T + weights["value.bias"]
    return x_value.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def hidden_keys(attention_mask):
    """(B, T) -> (B, 1, 1, T): 0, or very negative at padding keys."""
    return np.where(attention_mask == 1, 0.0, -LARGE)[:, None, None, :]


@exercise.step("B N T T", also=[lambda query, key: query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])])
def scores(query, key, attention_mask):
    """query times key, divided by √K, and very negative at padding keys"""
    hidden = np.where(attention_mask == 1, 0.0, -1e30)[:, None, None, :]
    return query @ key.transpose(0, 1, 3, 2) / math.sqrt(query.shape[-1]) + hidden


@exercise.step("B N T T")
def probs(scores):
    """softmax of the scores over the keys, the last axis"""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@exercise.step("B T D")
def context(probs, value, x):
    """the values mixed by these shares, heads side by side again"""
    return (probs @ value).transpose(0, 2, 1, 3).reshape(x.shape)


PROJECTIONS = ("query", "key", "value")
exercise.mistake_in_each(
    PROJECTIONS, "no transpose", "the heads are cut by reshaping to (B, N, T, K) at once: the shape fits, but a head "
    "then holds pieces of many tokens; reshape to (B, T, N, K) and exchange the axes T and N",
    lambda x, weights, heads, step_name: linear(x, weights, step_name).reshape(x.shape[0], heads, x.shape[1], -1),
)  # fmt: skip
exercise.mistake_in_each(
    PROJECTIONS, "W instead of Wᵀ", "this is x W + b; weights are stored (out, in), so it is x Wᵀ + b",
    lambda x, weights, heads, step_name: split_heads(
        x @ weights[f"{step_name}.weight"] + weights[f"{step_name}.bias"], heads),
)  # fmt: skip
exercise.mistake_in_each(
    PROJECTIONS, "bias forgotten", "the bias is left out",
    lambda x, weights, heads, step_name: split_heads(x @ weights[f"{step_name}.weight"].T, heads),
)  # fmt: skip
exercise.mistake_in_each(
    PROJECTIONS, "heads fastest", "a head takes every N-th column; head n is columns n K .. (n + 1) K",
    lambda x, weights, heads, step_name: linear(x, weights, step_name).reshape(
        *x.shape[:2], -1, heads).transpose(0, 3, 1, 2),
)  # fmt: skip
exercise.mistake(
    "query and key exchanged", "the weights of query and key are exchanged",
    query=lambda x, weights, heads: split_heads(linear(x, weights, "key"), heads),
    key=lambda x, weights, heads: split_heads(linear(x, weights, "query"), heads),
)  # fmt: skip
exercise.mistake(
    "key used as value", "the values are the keys; value has weights of its own",
    value=lambda key: key,
)  # fmt: skip
exercise.mistake(
    "queries with queries", "queries are multiplied with queries; the product is of queries and keys",
    scores=lambda query, attention_mask: (
        query @ query.swapaxes(-1, -2) / math.sqrt(query.shape[-1]) + hidden_keys(attention_mask)),
)  # fmt: skip
exercise.mistake(
    "scores transposed", "this is key times queryᵀ; it is query times keyᵀ, queries on axis 2 and keys on the last",
    scores=lambda query, key, attention_mask: (
        key @ query.swapaxes(-1, -2) / math.sqrt(query.shape[-1]) + hidden_keys(attention_mask)),
)  # fmt: skip

DIVISORS = {
    "√K forgotten": ("the scores are not divided by √K", lambda K, N: 1.0),
    "K for √K": ("the scores are divided by K; it is √K, the root of a head's width", lambda K, N: K),
    "√D for √K": ("the scores are divided by √D, the whole width; it is √K, the width of a head",
                  lambda K, N: math.sqrt(K * N)),
    "times √K": ("the scores are multiplied with √K; they are divided by it", lambda K, N: 1 / math.sqrt(K)),
    "√N for √K": ("the scores are divided by √N, N the number of heads; it is √K, the width of a head",
                  lambda K, N: math.sqrt(N)),
}  # fmt: skip
for name, (words, divisor) in DIVISORS.items():
    exercise.mistake(
        name, words,
        scores=lambda query, key, attention_mask, divisor=divisor: (
            query @ key.swapaxes(-1, -2) / divisor(query.shape[3], query.shape[1]) + hidden_keys(attention_mask)),
    )  # fmt: skip
exercise.mistake(
    "mask forgotten", "the mask is left out: padding keys are looked at",
    scores=lambda query, key: query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1]),
)  # fmt: skip

MASKS = {
    "mask on the query axis": (
        "the mask lies on the axis of the queries, (B, 1, T, 1); it hides keys, the last axis, (B, 1, 1, T)",
        lambda scores, mask: scores + np.where(mask == 1, 0.0, -LARGE)[:, None, :, None],
    ),
    "mask multiplied": (
        "the scores are multiplied with the mask: a score of 0 is not low, softmax gives it exp(0); "
        "add something very negative instead",
        lambda scores, mask: scores * mask[:, None, None, :],
    ),
    "mask the wrong way round": (
        "the mask is the wrong way round: 1 marks a text's own tokens, and they are hidden",
        lambda scores, mask: scores + np.where(mask == 1, -LARGE, 0.0)[:, None, None, :],
    ),
    "mask of minus infinity times zero": (
        "(1 - mask) times minus infinity: where 1 - mask is 0, that is NaN",
        lambda scores, mask: scores + ((1 - mask) * -np.inf)[:, None, None, :],
    ),
}
for name, (words, wrong) in MASKS.items():
    exercise.mistake(
        name, words,
        scores=lambda query, key, attention_mask, wrong=wrong: wrong(
            query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1]), attention_mask),
    )  # fmt: skip
for lower in (0.0, 1.0):
    exercise.mistake(
        "mask too small", "the mask is added as it is, or 1 - mask is subtracted: a score lower by 1 is still seen; "
        "it must be lower by 10000 or more",
        scores=lambda query, key, attention_mask, lower=lower: (
            query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1]) + (attention_mask - lower)[:, None, None, :]),
    )  # fmt: skip
for name, axis, what in (("softmax over the queries", 2, "the queries"), ("softmax over the heads", 1, "the heads")):
    for low in (-LARGE, -1e9, -1e4, -np.inf):  # over another axis hidden keys still compete, so this number counts
        exercise.mistake(
            name, f"softmax runs over {what} (axis {axis}); it runs over the keys, the last axis",
            probs=lambda query, key, attention_mask, axis=axis, low=low: softmax(
                query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
                + np.where(attention_mask == 1, 0.0, low)[:, None, None, :], axis),
        )  # fmt: skip
exercise.mistake(
    "not normalised", "this is exp of the scores; each row must be divided by its sum",
    probs=lambda scores: np.exp(scores),
)  # fmt: skip
exercise.mistake(
    "mask after softmax", "the mask multiplies the shares after softmax: a row then no longer sums to 1; "
    "mask the scores before it",
    scores=lambda query, key: query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1]),
    probs=lambda scores, attention_mask: softmax(scores) * attention_mask[:, None, None, :],
)  # fmt: skip
exercise.mistake(
    "merged without transpose", "the heads are merged by reshaping alone: the shape fits, but a token gets pieces of "
    "other tokens; exchange heads and tokens first",
    context=lambda probs, value, x: (probs @ value).reshape(x.shape),
)  # fmt: skip
exercise.mistake(
    "heads merged fastest", "the head index runs fastest within a token; a head's K columns stay together",
    context=lambda probs, value, x: (probs @ value).transpose(0, 2, 3, 1).reshape(x.shape),
)  # fmt: skip
exercise.mistake(
    "heads not merged", "the context is still (B, N, T, K); its heads are put side by side, (B, T, D)",
    context=lambda probs, value: probs @ value,
)  # fmt: skip
exercise.mistake(
    "shares transposed", "the values are mixed by the transposed shares; it is probs times value",
    context=lambda probs, value: merge_heads(probs.swapaxes(-1, -2) @ value),
)  # fmt: skip
exercise.mistake(
    "scores for shares", "the values are mixed by the scores themselves; softmax comes first",
    probs=lambda scores: scores,
    context=lambda query, key, value: merge_heads(
        query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1]) @ value),
)  # fmt: skip

"""A decoder that remembers: keys and values of earlier tokens are kept, and only new tokens are computed."""

import math

import numpy as np

from minibert.course.chapters.parts import softmax
from minibert.course.exercise import Exercise


def draw(rng, B, P, T, K):
    weights = {f"{name}.weight": rng.normal(size=(K, K)) / math.sqrt(K) for name in ("query", "key", "value")}
    return {
        "x": rng.normal(size=(B, T, K)),
        "positions": rng.normal(size=(P + T + 3, K)),
        "weights": weights,
        "past_key": rng.normal(size=(B, P, K)),
        "past_value": rng.normal(size=(B, P, K)),
    }


exercise = Exercise(
    "cache",
    "f(x, positions, weights, past_key, past_value)",
    """
    A decoder with one head and a memory. P tokens were read before; their keys and values (B, P, K) are remembered.
    T new tokens come, as x (B, T, K). Add to each the row of positions for the place where it stands: the first new
    one stands at place P. Its query, key and value are x Wᵀ with "query.weight" and so on, without bias. The new keys
    and values go behind the remembered ones, S = P + T in all. Then attention as ever, divided by √K, where a query
    sees its own place and those before it. Give the context, and the keys and values to remember.
    """,
    draw,
    [{"B": 2, "P": 3, "T": 2, "K": 4}, {"B": 3, "P": 4, "T": 1, "K": 5}, {"B": 2, "P": 2, "T": 3, "K": 3}],
    results=("context", "key", "value"),
)


@exercise.step("B T K")
def hidden(x, positions, past_key):
    """x plus the positions from place P on"""
    start = past_key.shape[1]
    return x + positions[start : start + x.shape[1]]


@exercise.step("B S K")
def key(hidden, weights, past_key):
    """the remembered keys, and behind them those of the new tokens"""
    return np.concatenate([past_key, hidden @ weights["key.weight"].T], axis=1)


@exercise.step("B S K")
def value(hidden, weights, past_value):
    """the remembered values, and behind them those of the new tokens"""
    return np.concatenate([past_value, hidden @ weights["value.weight"].T], axis=1)


@exercise.step("B T S")
def scores(hidden, weights, key):
    """query times key, divided by √K, very negative where the key is ahead of the query"""
    query = hidden @ weights["query.weight"].T
    ahead = ~np.tri(query.shape[1], key.shape[1], key.shape[1] - query.shape[1], dtype=bool)
    return np.where(ahead, -1e30, query @ key.transpose(0, 2, 1) / math.sqrt(key.shape[-1]))


@exercise.step("B T K")
def context(scores, value):
    """the values mixed by softmax of the scores"""
    return softmax(scores) @ value


def scores_of(hidden, weights, key, seen, divisor):
    """The scores where `seen` (T, S) is true, very negative elsewhere."""
    return np.where(seen, hidden @ weights["query.weight"].T @ key.swapaxes(1, 2) / divisor, -1e30)


exercise.mistake(
    "positions from 0", "the new tokens get positions from 0 on; P tokens stand before them",
    hidden=lambda x, positions: x + positions[: x.shape[1]],
)  # fmt: skip
exercise.mistake(
    "positions one too early", "the new tokens' positions start at P - 1; places count from 0: the first new one is P",
    hidden=lambda x, positions, past_key: x + positions[past_key.shape[1] - 1 :][: x.shape[1]],
)  # fmt: skip
exercise.mistake(
    "positions one too late", "the new tokens' positions start at P + 1; places count from 0: the first new one is P",
    hidden=lambda x, positions, past_key: x + positions[past_key.shape[1] + 1 :][: x.shape[1]],
)  # fmt: skip
exercise.mistake("no positions", "the positions are left out", hidden=lambda x: x)
exercise.mistake(
    "new before remembered", "the new keys and values stand before the remembered ones; they are later, so behind",
    key=lambda hidden, weights, past_key: np.concatenate([hidden @ weights["key.weight"].T, past_key], axis=1),
    value=lambda hidden, weights, past_value: np.concatenate([hidden @ weights["value.weight"].T, past_value], axis=1),
)  # fmt: skip
exercise.mistake(
    "memory forgotten", "only the new keys and values are used; the remembered ones stand before them",
    key=lambda hidden, weights: hidden @ weights["key.weight"].T,
    value=lambda hidden, weights: hidden @ weights["value.weight"].T,
)  # fmt: skip
exercise.mistake(
    "memory not extended", "only the remembered keys and values are used; the new tokens' own go behind them",
    key=lambda past_key: past_key,
    value=lambda past_value: past_value,
    scores=lambda hidden, weights, key: scores_of(hidden, weights, key, True, math.sqrt(key.shape[-1])),
)  # fmt: skip
exercise.mistake(
    "looks ahead", "a new token sees the new ones after it; it sees its own place and those before",
    scores=lambda hidden, weights, key: scores_of(hidden, weights, key, True, math.sqrt(key.shape[-1])),
)  # fmt: skip
exercise.mistake(
    "mask without the past", "the causal mask puts query t at place t; it stands at place P + t",
    scores=lambda hidden, weights, key: scores_of(
        hidden, weights, key, np.tri(hidden.shape[1], key.shape[1], dtype=bool), math.sqrt(key.shape[-1])),
)  # fmt: skip
exercise.mistake(
    "not itself", "a new token does not see itself; it sees its own place and those before",
    scores=lambda hidden, weights, key: scores_of(
        hidden, weights, key, np.tri(hidden.shape[1], key.shape[1], key.shape[1] - hidden.shape[1] - 1, dtype=bool),
        math.sqrt(key.shape[-1])),
)  # fmt: skip
exercise.mistake(
    "√K forgotten", "the scores are not divided by √K",
    scores=lambda hidden, weights, key: scores_of(
        hidden, weights, key, np.tri(hidden.shape[1], key.shape[1], key.shape[1] - hidden.shape[1], dtype=bool), 1.0),
)  # fmt: skip

"""The papers' formulas in float64, by loops and from a state dict: what the parts of a model are compared with."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray
State = Mapping[str, Array]


def linear(x: Array, state: State, path: str) -> Array:
    """x Wᵀ + b."""
    return x @ state[f"{path}.weight"].T + state[f"{path}.bias"]


def layer_norm(x: Array, state: State, path: str, eps: float) -> Array:
    """gamma (x - mean) / √(var + eps) + beta, row by row."""
    y = np.empty_like(x)
    for place in np.ndindex(x.shape[:-1]):
        row = x[place]
        variance = ((row - row.mean()) ** 2).mean()
        y[place] = (row - row.mean()) / math.sqrt(variance + eps)
    return y * state[f"{path}.weight"] + state[f"{path}.bias"]


def gelu(x: Array) -> Array:
    """x Φ(x), number by number."""
    return np.array([each * (1 + math.erf(each / math.sqrt(2))) / 2 for each in x.flat]).reshape(x.shape)


def softmax(scores: Array) -> Array:
    """exp(s) / Σ exp(s) of one row."""
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def attention(
    hidden: Array,
    source: Array,
    state: State,
    path: str,
    heads: int,
    mask: Array | None = None,
    head_mask: Array | None = None,
) -> tuple[Array, Array]:
    """context, probs: softmax(q kᵀ / √K + mask) v, one head and one token after the other.

    mask (B, T, S) is added to the scores, head_mask (N,) multiplies the probabilities.
    """
    (batch, tokens, width), keys = hidden.shape, source.shape[1]
    query = linear(hidden, state, f"{path}.query")
    key, value = linear(source, state, f"{path}.key"), linear(source, state, f"{path}.value")
    mask = np.zeros((batch, tokens, keys)) if mask is None else np.broadcast_to(mask, (batch, tokens, keys))
    size = width // heads
    context, probs = np.zeros(hidden.shape), np.zeros((batch, heads, tokens, keys))
    for b, n, t in np.ndindex(batch, heads, tokens):
        own = slice(n * size, (n + 1) * size)
        scores = [query[b, t, own] @ key[b, s, own] / math.sqrt(size) + mask[b, t, s] for s in range(keys)]
        probs[b, n, t] = softmax(np.array(scores)) * (1.0 if head_mask is None else head_mask[n])
        context[b, t, own] = sum(probs[b, n, t, s] * value[b, s, own] for s in range(keys))
    return context, probs


def residual(x: Array, hidden: Array, state: State, path: str, eps: float) -> Array:
    """LayerNorm(x Wᵀ + b + hidden)."""
    return layer_norm(linear(x, state, f"{path}.dense") + hidden, state, f"{path}.LayerNorm", eps)


def layer(hidden: Array, state: State, path: str, config: Any, mask: Array | None = None) -> Array:
    """Attention and feed-forward, each with its residual connection and the norm after it."""
    eps, heads = config.layer_norm_eps, config.num_attention_heads
    context, _ = attention(hidden, hidden, state, f"{path}.attention.self", heads, mask)
    attended = residual(context, hidden, state, f"{path}.attention.output", eps)
    widened = gelu(linear(attended, state, f"{path}.intermediate.dense"))
    return residual(widened, attended, state, f"{path}.output", eps)

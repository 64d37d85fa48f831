"""The arithmetic of scaled dot-product attention (Vaswani et al. 2017, section 3.2.1), without parameters.

Relative position scores follow Shaw et al. 2018 (`relative_key`) and Huang et al. 2020 (`relative_key_query`).
Softmax, dropout and the mask stand elsewhere; `models/attention.py` puts the steps together.
"""

import numpy as np

from minibert.backend import Array, array_module, contiguous, matmul
from minibert.kernels import fused


def split_heads(x: Array, heads: int) -> Array:
    """x (B, T, N K) -> (B, N, T, K), a view: head n is columns n K .. (n + 1) K."""
    batch, tokens, width = x.shape
    return x.reshape(batch, tokens, heads, width // heads).transpose(0, 2, 1, 3)


def biased_heads(xs: list[Array], biases: list[Array], heads: int) -> list[Array]:
    """`split_heads` of each x (B, T, N K) + its bias (N K,), for queries, keys and values that nobody else reads."""
    if len({x.shape for x in xs}) == 1 and fused.usable(*xs, *biases):
        return fused.split_heads(xs, biases, heads)
    return [split_heads(x + bias, heads) for x, bias in zip(xs, biases, strict=True)]


def merge_heads(x: Array) -> Array:
    """x (B, N, T, K) -> (B, T, N K): the reverse of `split_heads`, and its backward."""
    if fused.usable(x):
        return fused.merge_heads(x)
    batch, heads, tokens, width = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, tokens, heads * width)


def attention_scores(query: Array, key: Array) -> Array:
    """query (B, N, T, K), key (B, N, S, K) -> scores (B, N, T, S): q kᵀ, not yet scaled."""
    return matmul(query, key.swapaxes(-1, -2))


def attention_scores_backward(dscores: Array, query: Array, key: Array) -> tuple[Array, Array]:
    """dscores (B, N, T, S) -> dquery (B, N, T, K), dkey (B, N, S, K).

    forward: s = q kᵀ, so dq = ds k and dk = dsᵀ q.
    """
    return matmul(dscores, key), matmul(dscores.swapaxes(-1, -2), query)


def attention_context(probs: Array, value: Array) -> Array:
    """probs (B, N, T, S), value (B, N, S, K) -> context (B, T, N K), the heads merged again."""
    xp = array_module(probs)
    if xp is not np:
        return merge_heads(matmul(probs, value))
    batch, heads, tokens, _ = probs.shape
    width = value.shape[-1]
    context = xp.empty((batch, tokens, heads, width), dtype=probs.dtype)
    matmul(probs, value, out=context.transpose(0, 2, 1, 3))  # written in place, where merge_heads would copy
    return context.reshape(batch, tokens, heads * width)


def attention_context_backward(dcontext: Array, probs: Array, value: Array) -> tuple[Array, Array]:
    """dcontext (B, T, N K) -> dprobs (B, N, T, S), dvalue (B, N, S, K).

    forward: c = merge(p v), so with dc split into heads: dp = dc vᵀ and dv = pᵀ dc.
    """
    dcontext = split_heads(dcontext, probs.shape[1])
    if array_module(probs) is not np:
        dcontext = contiguous(dcontext)  # once for both products
    return matmul(dcontext, value.swapaxes(-1, -2)), matmul(probs.swapaxes(-1, -2), dcontext)


def relative_scores(x: Array, table: Array, distance: Array) -> Array:
    """x (B, N, T, K), table (R, K), distance (T or 1, S) of rows of the table -> scores (B, N, T, S).

    score[t, s] = x[t] · table[distance[t, s]]. One product with the whole table and then a choice, so that
    the (T, S, K) array of the naive form is never made.
    """
    xp = array_module(x)
    by_distance = matmul(x, table.T)  # (B, N, T, R)
    return by_distance[:, :, xp.arange(x.shape[2])[:, None], distance]


def relative_scores_backward(dscores: Array, x: Array, table: Array, distance: Array) -> tuple[Array, Array]:
    """dscores (B, N, T, S) -> dx (B, N, T, K), dtable (R, K). The distances of one row must all differ.

    forward 2: score[t, s] = g[t, distance[t, s]]    so dg gets dscores at those places, and zero elsewhere
    forward 1: g = x tableᵀ                          so dx = dg table and dtable = Σ dgᵀ x
    """
    xp = array_module(x)
    dby_distance = xp.zeros((*x.shape[:3], table.shape[0]), dtype=dscores.dtype)
    dby_distance[:, :, xp.arange(x.shape[2])[:, None], distance] = dscores
    dx = matmul(dby_distance, table)
    dtable = matmul(dby_distance.reshape(-1, table.shape[0]).T, x.reshape(-1, x.shape[-1]))
    return dx, dtable


"""The losses of the task classes, each a mean over what counts, with the label -100 ignored.

`cross_entropy` is softmax, logarithm and choice in one, and so is its backward: p - onehot. Losses of float16 are
computed in float32 and stay float32, and so do the gradients that the plain versions give.
"""

import math
from typing import NamedTuple

import numpy as np

from minibert.backend import Array, array_module, contiguous, widened
from minibert.functional.softmax import log_softmax
from minibert.kernels import fused

IGNORE_INDEX = -100


class CrossEntropyCache(NamedTuple):
    """What backward needs: the log-probabilities of the rows that count, and which they are."""

    log_probs: Array  # (M, C), of the counted rows only
    labels: Array  # (M,)
    rows: Array  # (M,) their places in the flattened logits
    shape: tuple[int, ...]  # of the logits


class FusedCrossEntropyCache(NamedTuple):
    """The same where the kernels computed it: how many rows count is known to the GPU alone."""

    logits: Array  # (M, C)
    labels: Array  # (M,)
    log_sums: Array  # (M,) log Σ exp
    count: Array  # () rows that count
    ignored: int
    shape: tuple[int, ...]


CROSS_ENTROPY_CACHES = (CrossEntropyCache, FusedCrossEntropyCache)


def cross_entropy(
    logits: Array, labels: Array, ignore_index: int = IGNORE_INDEX
) -> tuple[Array, CrossEntropyCache | FusedCrossEntropyCache]:
    """logits (..., C), labels (...) in 0..C-1 or ignore_index -> loss (), the mean of -log p[label].

    Rows labelled `ignore_index` count in neither the sum nor the mean; if all are, the loss is NaN (a mean
    over nothing, as in PyTorch) and the gradient zero.
    """
    xp = array_module(logits)
    classes = logits.shape[-1]
    if xp is not np and fused.usable(flat := contiguous(logits).reshape(-1, classes)):
        places = contiguous(labels).reshape(-1)
        loss, log_sums, count = fused.cross_entropy(flat, places, ignore_index)
        return loss, FusedCrossEntropyCache(flat, places, log_sums, count, ignore_index, logits.shape)
    logits = widened(logits)
    flat_labels = labels.reshape(-1)
    rows = xp.flatnonzero(flat_labels != ignore_index)
    counted = flat_labels[rows]
    log_probs = log_softmax(logits.reshape(-1, classes)[rows]) if rows.size else logits.reshape(-1, classes)[:0]
    cache = CrossEntropyCache(log_probs, counted, rows, logits.shape)
    if rows.size == 0:
        return xp.full((), math.nan, dtype=logits.dtype), cache
    chosen = log_probs[xp.arange(counted.size), counted]
    return -chosen.mean(), cache


def cross_entropy_backward(dloss: Array | float, cache: CrossEntropyCache | FusedCrossEntropyCache) -> Array:
    """dloss () -> dlogits (..., C).

    forward: loss = mean over M rows of -log softmax(x)[label], so dx = (softmax(x) - onehot(label)) / M there,
    and zero in the ignored rows.
    """
    if isinstance(cache, FusedCrossEntropyCache):
        xp = array_module(cache.logits)
        dloss = xp.asarray(dloss, dtype=cache.log_sums.dtype)
        dlogits = fused.cross_entropy_backward(
            cache.logits, cache.labels, cache.log_sums, cache.count, dloss, cache.ignored
        )
        return dlogits.reshape(cache.shape)
    xp = array_module(cache.log_probs)
    log_probs, labels, rows, shape = cache
    dlogits = xp.zeros(shape, dtype=log_probs.dtype)
    if labels.size:
        drows = xp.exp(log_probs)
        drows[xp.arange(labels.size), labels] -= 1.0
        drows *= dloss / labels.size
        dlogits.reshape(-1, shape[-1])[rows] = drows
    return dlogits


def mean_squared_error(x: Array, target: Array) -> tuple[Array, Array]:
    """x (...), target (...) -> loss () = mean of (x - target)², and x - target for the backward."""
    difference = widened(x) - widened(target)
    return (difference * difference).mean(), difference


def mean_squared_error_backward(dloss: Array | float, difference: Array) -> Array:
    """dloss () -> dx (...). forward: loss = mean of d², so dx = 2 d / size."""
    return difference * (dloss * (2.0 / difference.size))


class BinaryCrossEntropyCache(NamedTuple):
    """What backward needs: the logits and their targets."""

    logits: Array
    target: Array


def binary_cross_entropy_with_logits(logits: Array, target: Array) -> tuple[Array, BinaryCrossEntropyCache]:
    """logits (...), target (...) in 0..1 -> loss () = mean of -t log σ(x) - (1 - t) log(1 - σ(x)).

    Written as max(x, 0) - x t + log(1 + exp(-|x|)), which neither overflows nor takes the log of 0.
    """
    logits, target = widened(logits), widened(target)
    xp = array_module(logits)
    losses = xp.maximum(logits, 0.0) - logits * target + xp.log1p(xp.exp(-xp.abs(logits)))
    return losses.mean(), BinaryCrossEntropyCache(logits, target)


def binary_cross_entropy_with_logits_backward(dloss: Array | float, cache: BinaryCrossEntropyCache) -> Array:
    """dloss () -> dlogits (...). forward: loss = mean of softplus terms, so dx = (σ(x) - t) / size."""
    logits, target = cache
    xp = array_module(logits)
    dlogits = 0.5 * (1.0 + xp.tanh(0.5 * logits))  # σ(x), without overflow
    dlogits -= target
    dlogits *= dloss / logits.size
    return dlogits

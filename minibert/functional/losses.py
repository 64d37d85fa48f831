"""The losses of the task classes, each a mean over what counts, with the label -100 ignored.

`cross_entropy` is softmax, logarithm and choice in one, and so is its backward: p - onehot.
"""

import math
from typing import NamedTuple

from minibert.backend import Array, array_module
from minibert.forms import step
from minibert.functional.softmax import log_softmax

IGNORE_INDEX = -100


class CrossEntropyCache(NamedTuple):
    """What backward needs: the log-probabilities of the rows that count, and which they are.

    >>> import numpy as np
    >>> _, cache = cross_entropy(np.zeros((3, 2)), np.array([1, -100, 0]))
    >>> cache.rows.tolist(), cache.labels.tolist(), cache.log_probs.shape, cache.shape
    ([0, 2], [1, 0], (2, 2), (3, 2))
    """

    log_probs: Array  # (M, C), of the counted rows only
    labels: Array  # (M,)
    rows: Array  # (M,) their places in the flattened logits
    shape: tuple[int, ...]  # of the logits


@step
def cross_entropy(
    logits: Array, labels: Array, ignore_index: int = IGNORE_INDEX
) -> tuple[Array, CrossEntropyCache]:
    """logits (..., C), labels (...) in 0..C-1 or ignore_index -> loss (), the mean of -log p[label].

    Rows labelled `ignore_index` count in neither the sum nor the mean; if all are, the loss is NaN (a mean
    over nothing, as in PyTorch) and the gradient zero.

    >>> import numpy as np
    >>> loss, _ = cross_entropy(np.array([[0.0, 0.0], [9.0, 1.0]]), np.array([1, -100]))
    >>> round(float(loss), 6)  # log 2: of the one row that counts
    0.693147
    """
    xp = array_module(logits)
    flat_logits, flat_labels = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)
    rows = xp.flatnonzero(flat_labels != ignore_index)
    counted = flat_labels[rows]
    log_probs = log_softmax(flat_logits[rows])
    cache = CrossEntropyCache(log_probs, counted, rows, logits.shape)
    if rows.size == 0:
        return xp.full((), math.nan, dtype=logits.dtype), cache
    return -log_probs[xp.arange(rows.size), counted].mean(), cache


@step
def cross_entropy_backward(dloss: Array | float, cache: CrossEntropyCache) -> Array:
    """dloss (), the forward's cache -> dlogits (..., C).

    forward: loss = mean over M rows of -log softmax(x)[label], so dx = (softmax(x) - onehot(label)) / M there,
    and zero in the ignored rows.

    >>> import numpy as np
    >>> _, cache = cross_entropy(np.array([[0.0, 0.0], [9.0, 1.0]]), np.array([1, -100]))
    >>> cross_entropy_backward(1.0, cache).round(6).tolist()  # softmax is (1/2, 1/2), the label is 1
    [[0.5, -0.5], [0.0, 0.0]]
    """
    log_probs, labels, rows, shape = cache
    xp = array_module(log_probs)
    dlogits = xp.zeros(shape, dtype=log_probs.dtype)
    if labels.size:
        drows = xp.exp(log_probs)
        drows[xp.arange(labels.size), labels] -= 1.0
        drows *= dloss / labels.size
        dlogits.reshape(-1, shape[-1])[rows] = drows
    return dlogits


@step
def mean_squared_error(x: Array, target: Array) -> tuple[Array, Array]:
    """x (...), target (...) -> loss () = mean of (x - target)², and x - target for the backward.

    >>> import numpy as np
    >>> loss, difference = mean_squared_error(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    >>> float(loss), difference.tolist()
    (2.0, [0.0, 2.0])
    """
    difference = x - target
    return (difference * difference).mean(), difference


def mean_squared_error_backward(dloss: Array | float, difference: Array) -> Array:
    """dloss (), difference (...) -> dx (...). forward: loss = mean of d², so dx = 2 d / size.

    >>> import numpy as np
    >>> _, difference = mean_squared_error(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    >>> mean_squared_error_backward(1.0, difference)  # 2 (4 - 2) / 2
    array([0., 2.])
    """
    return difference * (dloss * (2.0 / difference.size))


class BinaryCrossEntropyCache(NamedTuple):
    """What backward needs: the logits and their targets.

    >>> import numpy as np
    >>> _, cache = binary_cross_entropy_with_logits(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    >>> cache.logits, cache.target
    (array([0., 2.]), array([0., 1.]))
    """

    logits: Array
    target: Array


@step
def binary_cross_entropy_with_logits(logits: Array, target: Array) -> tuple[Array, BinaryCrossEntropyCache]:
    """logits (...), target (...) in 0..1 -> loss () = mean of -t log σ(x) - (1 - t) log(1 - σ(x)).

    Written as max(x, 0) - x t + log(1 + exp(-|x|)), which neither overflows nor takes the log of 0.

    >>> import numpy as np
    >>> loss, _ = binary_cross_entropy_with_logits(np.array([0.0, 1000.0]), np.array([1.0, 1.0]))
    >>> round(float(loss), 6)  # (log 2 + 0) / 2
    0.346574
    """
    xp = array_module(logits)
    losses = xp.maximum(logits, 0.0) - logits * target + xp.log1p(xp.exp(-xp.abs(logits)))
    return losses.mean(), BinaryCrossEntropyCache(logits, target)


def binary_cross_entropy_with_logits_backward(dloss: Array | float, cache: BinaryCrossEntropyCache) -> Array:
    """dloss (), the forward's cache -> dlogits (...).

    forward: loss = mean of softplus terms, so dx = (σ(x) - t) / size.

    >>> import numpy as np
    >>> _, cache = binary_cross_entropy_with_logits(np.array([0.0, 1000.0]), np.array([1.0, 1.0]))
    >>> binary_cross_entropy_with_logits_backward(1.0, cache).tolist()  # σ(0) is 1/2, σ(1000) is 1
    [-0.25, 0.0]
    """
    logits, target = cache
    sigmoid = 0.5 * (1.0 + array_module(logits).tanh(0.5 * logits))  # without overflow
    return (sigmoid - target) * (dloss / logits.size)

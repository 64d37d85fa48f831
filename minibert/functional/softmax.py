"""Softmax over the last axis, with the row's maximum subtracted first so that exp never overflows."""

from minibert.backend import Array, array_module
from minibert.forms import step


@step
def mask_scores(scores: Array, mask: Array | None, divisor: float) -> Array:
    """scores (..., T, S), mask that broadcasts to it or None -> scores / divisor + mask (..., T, S).

    The mask is 0 where a key may be seen, and the dtype's least finite number where it is hidden: a row that is wholly
    masked then stays finite, where minus infinity would give NaN.

    >>> import numpy as np
    >>> mask_scores(np.array([[4.0, 6.0]]), np.array([[0.0, -1e30]]), divisor=2.0)
    array([[ 2.e+00, -1.e+30]])
    """
    masked = scores / divisor
    if mask is not None:
        masked += mask
    return masked


@step
def softmax(x: Array) -> Array:
    """x (..., S) -> probs (..., S): exp(x - max) / Σ exp(x - max); rows sum to 1.

    A row of equal values, such as one that is wholly masked, gives the uniform distribution.

    >>> import numpy as np
    >>> softmax(np.array([[0.0, 0.0], [1e30, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    powers = array_module(x).exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@step
def softmax_backward(dprobs: Array, probs: Array) -> Array:
    """dprobs (..., S), probs (..., S) -> dx (..., S).

    forward: p = softmax(x), dpᵢ/dxⱼ = pᵢ (δᵢⱼ - pⱼ), so dx = p (dp - Σ dp p).

    >>> import numpy as np
    >>> probs = softmax(np.array([0.0, 0.0]))
    >>> softmax_backward(np.array([1.0, 0.0]), probs), softmax_backward(np.array([1.0, 1.0]), probs)
    (array([ 0.25, -0.25]), array([0., 0.]))
    """
    weighted = dprobs * probs
    weighted -= probs * weighted.sum(axis=-1, keepdims=True)
    return weighted


@step
def log_softmax(x: Array) -> Array:
    """x (..., C) -> log of softmax (..., C): x - max - log Σ exp(x - max), never log of a rounded 0.

    >>> import numpy as np
    >>> log_softmax(np.array([0.0, -1000.0])).tolist()  # log(softmax(x)) would say minus infinity
    [0.0, -1000.0]
    """
    xp = array_module(x)
    shifted = x - x.max(axis=-1, keepdims=True)
    shifted -= xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted

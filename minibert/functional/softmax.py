"""Softmax over the last axis, with the row's maximum subtracted first so that exp never overflows."""

from minibert.backend import Array, array_module


def softmax(x: Array, out: Array | None = None) -> Array:
    """x (..., S) -> probs (..., S): exp(x - max) / Σ exp(x - max); rows sum to 1.

    A row of equal values, such as one that is wholly masked with the dtype's least finite number, gives
    the uniform distribution.
    """
    xp = array_module(x)
    probs = xp.subtract(x, x.max(axis=-1, keepdims=True), out=out)
    xp.exp(probs, out=probs)
    probs /= probs.sum(axis=-1, keepdims=True)
    return probs


def softmax_backward(dprobs: Array, probs: Array) -> Array:
    """dprobs (..., S), probs (..., S) -> dx (..., S).

    forward: p = softmax(x), dpᵢ/dxⱼ = pᵢ (δᵢⱼ - pⱼ), so dx = p (dp - Σ dp p).
    """
    dx = dprobs * probs
    dx -= probs * dx.sum(axis=-1, keepdims=True)
    return dx


def log_softmax(x: Array) -> Array:
    """x (..., C) -> log of softmax (..., C): x - max - log Σ exp(x - max), never log of a rounded 0."""
    xp = array_module(x)
    shifted = x - x.max(axis=-1, keepdims=True)
    shifted -= xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted

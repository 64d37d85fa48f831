"""Softmax over the last axis, with the row's maximum subtracted first so that exp never overflows."""

import numpy as np

from minibert.backend import Array, array_module, narrowed, widened
from minibert.functional.dropout import dropout, dropout_backward, keep_scale
from minibert.kernels import fused


def softmax(x: Array, out: Array | None = None) -> Array:
    """x (..., S) -> probs (..., S): exp(x - max) / Σ exp(x - max); rows sum to 1.

    A row of equal values, such as one that is wholly masked with the dtype's least finite number, gives
    the uniform distribution.
    """
    if x.dtype.name == "float16":
        return narrowed(softmax(widened(x)), x, out)
    xp = array_module(x)
    probs = xp.subtract(x, x.max(axis=-1, keepdims=True), out=out)
    xp.exp(probs, out=probs)
    probs /= probs.sum(axis=-1, keepdims=True)
    return probs


def softmax_backward(dprobs: Array, probs: Array) -> Array:
    """dprobs (..., S), probs (..., S) -> dx (..., S).

    forward: p = softmax(x), dpᵢ/dxⱼ = pᵢ (δᵢⱼ - pⱼ), so dx = p (dp - Σ dp p).
    """
    if probs.dtype.name == "float16":
        return narrowed(softmax_backward(widened(dprobs), widened(probs)), probs)
    dx = dprobs * probs
    dx -= probs * dx.sum(axis=-1, keepdims=True)
    return dx


def log_softmax(x: Array) -> Array:
    """x (..., C) -> log of softmax (..., C): x - max - log Σ exp(x - max), never log of a rounded 0."""
    if x.dtype.name == "float16":
        return narrowed(log_softmax(widened(x)), x)
    xp = array_module(x)
    shifted = x - x.max(axis=-1, keepdims=True)
    shifted -= xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def mask_scores(scores: Array, mask: Array | None, divisor: float, out: Array | None = None) -> Array:
    """scores (..., T, S), mask that broadcasts to it or None -> scores / divisor + mask.

    The mask has the dtype's least finite number where a key is hidden. float16 is so narrow that this sum can pass
    it; there the least finite number stays, so that no row becomes minus infinity everywhere.
    """
    if scores.dtype.name == "float16":
        lowest = float(np.finfo(np.float16).min)
        wide = mask_scores(widened(scores), None if mask is None else widened(mask), divisor)
        return narrowed(array_module(wide).maximum(wide, lowest), scores, out)
    masked = array_module(scores).divide(scores, divisor, out=out)
    if mask is not None:
        masked += mask
    return masked


def masked_softmax(
    scores: Array, mask: Array | None, divisor: float, kept: Array | None = None, p: float = 0.0,
    out: Array | None = None,
) -> tuple[Array, Array]:  # fmt: skip
    """softmax(scores / divisor + mask), and what dropout leaves of it: the steps between scores and values in one.

    scores (B, N, T, S), mask (B, 1, 1 or T, S) or None, kept (B, N, T, S) a dropout mask with probability p or None
    -> probs, dropped (B, N, T, S), the same array without a dropout mask. `out`, which may be scores, gets probs.
    """
    if fused.fits_masked_softmax(scores, mask, kept) and (out is None or fused.usable(scores, out)):
        return fused.masked_softmax(scores, mask, divisor, kept, keep_scale(p), out)
    masked = mask_scores(scores, mask, divisor, out=out)
    probs = softmax(masked, out=masked)
    return probs, probs if kept is None else dropout(probs, kept, p)


def masked_softmax_backward(
    ddropped: Array, probs: Array, divisor: float, kept: Array | None = None, p: float = 0.0
) -> Array:
    """ddropped (B, N, T, S), probs (B, N, T, S) before dropout -> dscores, of the scores before the division.

    forward 3: dropped = probs kept / (1 - p)    so dprobs = ddropped kept / (1 - p)
    forward 2: probs = softmax(masked)           see `softmax_backward`
    forward 1: masked = scores / divisor + mask  so dscores = dmasked / divisor
    """
    if fused.fits_masked_softmax(probs, None, kept) and fused.usable(probs, ddropped):
        return fused.masked_softmax_backward(ddropped, probs, divisor, kept, keep_scale(p))
    dprobs = ddropped if kept is None else dropout_backward(ddropped, kept, p)
    dscores = softmax_backward(dprobs, probs)
    dscores /= divisor
    return dscores

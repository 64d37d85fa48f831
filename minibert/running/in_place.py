"""Steps of a layer on the CPU that write over their own intermediate values: fewer passes through fresh memory.

A form here writes only over arrays that it made itself, and only where the trace does not hold them. Its operations are
those of the plain step, in the same order, so that the values keep their bits.
"""

import math

import numpy as np

from minibert import functional as F
from minibert.backend import Array
from minibert.forms import form_of
from minibert.functional.dropout import keep_scale
from minibert.functional.gelu import gelu_erf, gelu_tanh
from minibert.models.attention import SCORES, SelfAttention
from minibert.models.layer import HIDDEN, ResidualOutput
from minibert.models.module import Dropout, LayerNorm, Linear, activate
from minibert.running import blocks
from minibert.trace import Run


def _fits(x: Array) -> bool:
    return type(x) is np.ndarray and x.dtype.char in "fd"


@form_of(F.attention_context)
def attention_context(probs: Array, value: Array) -> Array:
    """The product is written where the merged heads stand, in place of a copy."""
    if not _fits(probs):
        return NotImplemented
    batch, heads, tokens, _ = probs.shape
    context = np.empty((batch, tokens, heads, value.shape[-1]), dtype=probs.dtype)
    np.matmul(probs, value, out=context.transpose(0, 2, 1, 3))
    return context.reshape(batch, tokens, -1)


@form_of(SelfAttention.probabilities)
def probabilities(
    self: SelfAttention, query: Array, key: Array, mask: Array | None, run: Run, cached: bool
) -> Array:
    """Scores and probabilities take the place of the products."""
    if not _fits(query):
        return NotImplemented
    scores = self.products(query, key, run, cached)
    scores /= math.sqrt(query.shape[-1])
    if mask is not None:
        scores += mask
    scores = run.record(self.at("scores"), scores, SCORES, self.scores_formula)
    probs = np.subtract(scores, scores.max(axis=-1, keepdims=True), out=run.reusable(scores))
    np.exp(probs, out=probs)
    probs /= probs.sum(axis=-1, keepdims=True)
    run.save(self.at("probs"), probs)
    probs = run.record(self.at("probs"), probs, SCORES, "softmax(scores)", self.dropout.alias(run))
    return _dropout(self.dropout, probs, run)


@form_of(ResidualOutput.forward)
def residual_output(
    self: ResidualOutput, x: Array, residual: Array, run: Run, also: tuple[str, ...] = ()
) -> Array:
    """Sum and normalised values take the place of the linear map's output."""
    if not _fits(x):
        return NotImplemented
    dense = self.dense.forward(x, run, also=self.dropout.alias(run))
    dense = _dropout(self.dropout, dense, run)
    total = np.add(dense, residual, out=run.reusable(dense))
    total = run.record(self.at("sum"), total, HIDDEN, "dense + residual")
    return _layer_norm(self.LayerNorm, total, run, self.path, also)


@form_of(activate)
def activated(dense: Linear, activation: F.Activation, x: Array, run: Run, path: str) -> Array:
    """GELU takes the place of its input."""
    if activation.forward not in (gelu_erf, gelu_tanh) or not _fits(x):
        return NotImplemented
    y = dense.forward(x, run)
    run.save(path, y)
    return blocks.in_blocks(activation.forward, y, out=run.reusable(y)) if blocks.fits(y) else activation.forward(y)


def _dropout(part: Dropout, x: Array, run: Run) -> Array:
    """x (...) -> `part.forward(x, run)`, written over x."""
    mask = part.draw(x.shape, run)
    if mask is None:
        return x
    part.record_mask(mask, run)
    y = np.multiply(x, mask, out=run.reusable(x))
    y *= keep_scale(part.p)
    return run.record(part.path, y, part.shape, part.formula)


def _layer_norm(part: LayerNorm, x: Array, run: Run, name: str, also: tuple[str, ...]) -> Array:
    """x (..., D) -> `part.forward(x, run, name, also)`, written over x; the normalised values stay if they are kept."""
    centred = np.subtract(x, x.mean(axis=-1, keepdims=True), out=run.reusable(x))
    rstd = np.square(centred).mean(axis=-1, keepdims=True)
    rstd += part.eps
    np.divide(1.0, np.sqrt(rstd, out=rstd), out=rstd)
    centred *= rstd
    if not part.keeps_cache(run):
        centred *= part.weight
        centred += part.bias
        return part.record(centred, None, run, name, also)
    y = centred * part.weight
    y += part.bias
    return part.record(y, F.LayerNormCache(centred, rstd), run, name, also)

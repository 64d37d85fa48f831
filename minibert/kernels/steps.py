"""Whole steps of a layer in one pass over memory each, for CuPy's arrays, where nobody watches the values between.

Each stands for a plain step of `minibert.models`, which says what it computes. The values that it passes over are named
all the same (`Run.pass_over`), so that gradients may arrive there.
"""

import math

from minibert import functional as F
from minibert.backend import Array
from minibert.forms import form_of
from minibert.functional.dropout import keep_scale
from minibert.kernels import calls
from minibert.kernels.launch import on_card, usable
from minibert.kernels.primitives import GELU
from minibert.models.attention import SCORES, SelfAttention
from minibert.models.layer import HIDDEN, ResidualOutput
from minibert.models.module import Linear, activate
from minibert.trace import Backward, Run


def _product(dense: Linear, x: Array, run: Run, also: tuple[str, ...] = ()) -> Array:
    """x (..., I) -> x Wᵀ (..., O), to which the next kernel adds the bias."""
    run.save(dense.path, x)
    y = F.linear(x, dense.weight)
    run.pass_over(dense.path, y.shape, dense.shape, dense.formula, also)
    return y


@form_of(activate)
def activated(dense: Linear, activation: F.Activation, x: Array, run: Run, path: str) -> Array:
    """The product, then bias and activation in one pass."""
    kernel = GELU.get(activation.forward)
    if kernel is None or not on_card(x) or not run.unwatched(dense.path):
        return NotImplemented
    product = _product(dense, x, run)
    y = calls.bias_activation(kernel, product, dense.bias, keep_sum=run.saving)
    run.save(path, product)  # if saving, x Wᵀ + b by now
    return y


@form_of(ResidualOutput.forward)
def residual_output(
    self: ResidualOutput, x: Array, residual: Array, run: Run, also: tuple[str, ...] = ()
) -> Array:
    """The product, then bias, dropout, sum and LayerNorm in one pass."""
    dense, dropout, norm = self.dense, self.dropout, self.LayerNorm
    fits = calls.fits_layer_norm(residual, dense.bias, norm.weight, norm.bias)
    if not fits or not run.unwatched(dense.path, dropout.path, self.at("sum")):
        return NotImplemented
    product = _product(dense, x, run, also=dropout.alias(run))
    kept = dropout.draw(product.shape, run)
    if kept is not None:
        dropout.record_mask(kept, run)
        run.pass_over(dropout.path, product.shape, HIDDEN, dropout.formula)
    run.pass_over(self.at("sum"), product.shape, HIDDEN, "dense + residual")
    y, cache = calls.residual_layer_norm(
        product, norm.weight, norm.bias, norm.eps, dense.bias, residual, kept, keep_scale(dropout.p),
        keep_cache=norm.keeps_cache(run),
    )  # fmt: skip
    return norm.record(y, cache, run, self.path, also)


@form_of(SelfAttention.heads_of)
def heads_of(self: SelfAttention, hidden: Array, source: Array, run: Run) -> tuple[Array, Array, Array]:
    """Three products, then their biases and heads in one pass."""
    parts = (self.query, self.key, self.value)
    fits = source is hidden and on_card(hidden)
    if not fits or not run.unwatched(*(part.path for part in parts)):
        return NotImplemented
    products = [_product(part, hidden, run) for part in parts]
    query, key, value = calls.split_heads(products, [part.bias for part in parts], self.heads)
    return query, key, value


@form_of(SelfAttention.probabilities)
def probabilities(
    self: SelfAttention, query: Array, key: Array, mask: Array | None, run: Run, cached: bool
) -> Array:
    """The product, then scaling, mask, softmax and dropout in one pass."""
    if not calls.fits_masked_softmax(query, key.shape[2], mask) or not run.unwatched(self.at("scores")):
        return NotImplemented
    products = self.products(query, key, run, cached)
    run.pass_over(self.at("scores"), products.shape, SCORES, self.scores_formula)
    dropout = self.dropout
    kept = dropout.draw(products.shape, run)
    probs, dropped = calls.masked_softmax(products, mask, math.sqrt(query.shape[-1]), kept, keep_scale(dropout.p))
    run.save(self.at("probs"), probs)
    run.record(self.at("probs"), probs, SCORES, "softmax(scores)", dropout.alias(run))
    if kept is None:
        return probs
    dropout.record_mask(kept, run)
    return run.record(dropout.path, dropped, SCORES, dropout.formula)


@form_of(SelfAttention.probabilities_backward)
def probabilities_backward(
    self: SelfAttention, dprobs: Array, query: Array, key: Array, back: Backward
) -> tuple[Array, Array]:
    """The same steps in reverse, in one pass, then the product's."""
    dropout = self.dropout
    if not usable(dprobs) or not back.unwatched(self.at("probs"), self.at("scores"), dropout.path):
        return NotImplemented
    kept = back.saved(dropout.path) if back.has(dropout.path) else None
    dproducts = calls.masked_softmax_backward(
        dprobs, back.saved(self.at("probs")), math.sqrt(query.shape[-1]), kept, keep_scale(dropout.p)
    )
    return self.products_backward(dproducts, query, key, back)

"""The kernels, attached to the primitives of `minibert.functional`, for CuPy's arrays.

Each form looks first whether its kernel takes these arrays, and leaves the others to the plain step.
"""

import math
from collections.abc import Callable
from types import ModuleType

import numpy as np

from minibert import functional as F
from minibert.backend import Array, array_module, contiguous
from minibert.forms import form_of
from minibert.functional import gelu, numbers
from minibert.functional.dropout import dropout_threshold, keep_scale
from minibert.functional.losses import IGNORE_INDEX
from minibert.kernels import calls, products
from minibert.kernels.calls import CardCrossEntropyCache
from minibert.kernels.launch import usable

# what kernels are called that compute f and dy f'(x), by f and by f'
GELU: dict[Callable[..., Array], str] = {gelu.gelu_erf: "gelu_erf", gelu.gelu_tanh: "gelu_tanh"}
GELU_DERIVATIVE: dict[Callable[..., Array] | None, str] = {
    gelu.gelu_erf_derivative: "gelu_erf", gelu.gelu_tanh_derivative: "gelu_tanh"
}  # fmt: skip


@form_of(numbers.matmul)
def matmul(a: Array, b: Array) -> Array:
    """Through cuBLAS: see `products.py`."""
    return NotImplemented if array_module(a) is np else products.matmul(a, b)


@form_of(numbers.column_sum)
def column_sum(x: Array) -> Array:
    """In chunks of rows, of which each thread of a block adds a column."""
    if array_module(x) is np or not usable(x := contiguous(x)):
        return NotImplemented
    return calls.column_sum(x)


@form_of(numbers.scatter_add)
def scatter_add(ids: Array, rows: Array, out: Array, skipped: int | None = None) -> None:
    """In stretches of sorted places, so that nothing is counted on the host."""
    if ids.size == 0 or not usable(out):
        return NotImplemented
    return calls.scatter_add(ids, rows, out, -1 if skipped is None else skipped)


@form_of(numbers.erf)
def erf(x: Array) -> Array:
    """CuPy's own; of float16 it would give float64, so that goes through float32."""
    if array_module(x) is np or x.dtype == np.float16:
        return NotImplemented
    from cupyx.scipy.special import erf as erf_of_cupy

    return erf_of_cupy(x)


@form_of(gelu.gelu_erf)
def gelu_erf(x: Array) -> Array:
    """One pass."""
    return calls.activation("gelu_erf", x) if usable(x) else NotImplemented


@form_of(gelu.gelu_tanh)
def gelu_tanh(x: Array) -> Array:
    """One pass."""
    return calls.activation("gelu_tanh", x) if usable(x) else NotImplemented


@form_of(F.Activation.backward)
def activation_backward(self: F.Activation, dy: Array, x: Array) -> Array:
    """One pass, for the two GELUs."""
    if self.derivative not in GELU_DERIVATIVE or not usable(x, dy):
        return NotImplemented
    return calls.activation_backward(GELU_DERIVATIVE[self.derivative], dy, x)


@form_of(F.layer_norm)
def layer_norm(x: Array, weight: Array, bias: Array, eps: float) -> tuple[Array, F.LayerNormCache | None]:
    """A warp a row, which stays in the block's own memory."""
    return calls.residual_layer_norm(x, weight, bias, eps) if calls.fits_layer_norm(x, weight, bias) else NotImplemented


@form_of(F.layer_norm_backward)
def layer_norm_backward(dy: Array, cache: F.LayerNormCache, weight: Array) -> tuple[Array, Array, Array]:
    """One pass for dx, and one for both sums over rows."""
    if not calls.fits_layer_norm(dy, cache.normalized, weight):
        return NotImplemented
    return calls.layer_norm_backward(dy, cache, weight)


@form_of(F.merge_heads)
def merge_heads(x: Array) -> Array:
    """One pass that copies by values."""
    return calls.merge_heads(x) if usable(x) else NotImplemented


@form_of(F.attention_context_backward)
def attention_context_backward(dcontext: Array, probs: Array, value: Array) -> tuple[Array, Array]:
    """The heads are brought together once, for both products."""
    if array_module(probs) is np:
        return NotImplemented
    dheads = contiguous(F.split_heads(dcontext, probs.shape[1]))
    return numbers.matmul(dheads, value.swapaxes(-1, -2)), numbers.matmul(probs.swapaxes(-1, -2), dheads)


@form_of(F.dropout)
def dropout(x: Array, mask: Array, p: float) -> Array:
    """One pass."""
    return calls.dropout(x, mask, keep_scale(p)) if calls.fits_dropout(x, mask) else NotImplemented


@form_of(F.dropout_backward)
def dropout_backward(dy: Array, mask: Array, p: float) -> Array:
    """One pass, the same as forward."""
    return calls.dropout(dy, mask, keep_scale(p)) if calls.fits_dropout(dy, mask) else NotImplemented


@form_of(F.draw_dropout_mask)
def draw_dropout_mask(rng: np.random.Generator, shape: tuple[int, ...], p: float, xp: ModuleType = np) -> Array:
    """Of NumPy's default generator the card computes the stream itself; the generator goes on as if it had drawn."""
    if not calls.fits_draw_mask(rng, math.prod(shape), xp):
        return NotImplemented
    return calls.draw_mask(rng, shape, dropout_threshold(p), xp)


@form_of(F.cross_entropy)
def cross_entropy(
    logits: Array, labels: Array, ignore_index: int = IGNORE_INDEX
) -> tuple[Array, CardCrossEntropyCache]:
    """How many rows count is never asked: the card alone knows it."""
    if array_module(logits) is np or not usable(rows := contiguous(logits).reshape(-1, logits.shape[-1])):
        return NotImplemented
    return calls.cross_entropy(rows, contiguous(labels).reshape(-1), ignore_index, logits.shape)


@form_of(F.cross_entropy_backward)
def cross_entropy_backward(
    dloss: Array | float, cache: F.CrossEntropyCache | CardCrossEntropyCache
) -> Array:
    """Of what this file's `cross_entropy` kept."""
    return calls.cross_entropy_backward(dloss, cache) if isinstance(cache, CardCrossEntropyCache) else NotImplemented

"""Layer normalisation over the last axis (Ba et al. 2016), with the biased variance in two passes.

The variance is the mean of (x - mean)², never E[x²] - E[x]²: in float32 the latter loses all digits
when the mean is large beside the spread.
"""

from typing import NamedTuple

from minibert.backend import Array, array_module, narrowed, widened
from minibert.functional.dropout import dropout, keep_scale
from minibert.kernels import fused


class LayerNormCache(NamedTuple):
    """What backward needs: one array of x's size and one number a row."""

    normalized: Array  # (..., D): (x - mean) / √(var + eps), before gamma and beta
    rstd: Array  # (..., 1): 1 / √(var + eps); of float16 in float32, which it can exceed


def layer_norm(
    x: Array, weight: Array, bias: Array, eps: float, out: Array | None = None, scratch: Array | None = None
) -> tuple[Array, LayerNormCache | None]:
    """x (..., D), weight (D,), bias (D,) -> y (..., D): y = gamma (x - mean) / √(var + eps) + beta.

    With `out=` (which may be x itself) the normalised values are written over, and the cache is None.
    With `scratch=` (which may be x too) they are kept there instead of in a new array.
    """
    if fused.fits_layer_norm(x, weight, bias, out, scratch):
        parts = fused.residual_layer_norm(x, None, None, 1.0, None, weight, bias, eps, out, out is None, scratch)
        return parts.y, None if out is not None else LayerNormCache(parts.normalized, parts.rstd)
    if x.dtype.name == "float16":
        y, cache = layer_norm(widened(x), widened(weight), widened(bias), eps)
        assert cache is not None
        kept = None if out is not None else LayerNormCache(narrowed(cache.normalized, x, scratch), cache.rstd)
        return narrowed(y, x, out), kept
    xp = array_module(x)
    centred = xp.subtract(x, x.mean(axis=-1, keepdims=True), out=scratch if out is None else out)
    variance = xp.square(centred).mean(axis=-1, keepdims=True)
    variance += eps
    rstd = xp.reciprocal(xp.sqrt(variance, out=variance), out=variance)
    centred *= rstd
    if out is not None:
        centred *= weight
        centred += bias
        return centred, None
    y = centred * weight
    y += bias
    return y, LayerNormCache(normalized=centred, rstd=rstd)


def layer_norm_backward(dy: Array, cache: LayerNormCache, weight: Array) -> tuple[Array, Array, Array]:
    """dy (..., D), weight (D,) -> dx (..., D), dweight (D,), dbias (D,).

    forward 2: y = gamma n + beta        so dgamma = Σ dy n, dbeta = Σ dy, dn = gamma dy
    forward 1: n = (x - mean) rstd       so dx = rstd (dn - mean(dn) - n mean(dn n)):
    the two means are what flows through the row's mean and through its variance.
    """
    n, rstd = cache
    if fused.fits_layer_norm(dy, n, weight):
        return fused.layer_norm_backward(dy, n, rstd, weight)
    if dy.dtype.name == "float16":
        wide = layer_norm_backward(widened(dy), LayerNormCache(widened(n), rstd), widened(weight))
        return narrowed(wide[0], dy), narrowed(wide[1], dy), narrowed(wide[2], dy)
    rows = tuple(range(dy.ndim - 1))
    product = dy * n
    dweight, dbias = product.sum(axis=rows), dy.sum(axis=rows)
    product *= weight
    dx = dy * weight
    mean_dn = dx.mean(axis=-1, keepdims=True)
    dx -= mean_dn
    dx -= n * product.mean(axis=-1, keepdims=True)
    dx *= rstd
    return dx, dweight, dbias


def residual_layer_norm(
    x: Array,
    bias: Array,
    residual: Array,
    weight: Array,
    beta: Array,
    eps: float,
    kept: Array | None = None,
    p: float = 0.0,
    keep_cache: bool = True,
) -> tuple[Array, LayerNormCache | None]:
    """LayerNorm(dropout(x + bias) + residual): how attention and feed-forward end, in one step.

    x, residual (..., D), bias, weight, beta (D,), kept (..., D) a dropout mask with probability p or None -> y like x.
    The backward is that of the parts: `layer_norm_backward`, `dropout_backward`, and the bias' is a sum over rows.
    """
    if fused.fits_layer_norm(x, bias, residual, weight, beta, kept=kept):
        parts = fused.residual_layer_norm(
            x, bias, kept, keep_scale(p), residual, weight, beta, eps, None, keep_cache
        )
        return parts.y, LayerNormCache(parts.normalized, parts.rstd) if keep_cache else None
    total = x + bias
    if kept is not None:
        total = dropout(total, kept, p, out=total)
    total += residual
    if keep_cache:
        return layer_norm(total, weight, beta, eps, scratch=total)
    return layer_norm(total, weight, beta, eps, out=total)

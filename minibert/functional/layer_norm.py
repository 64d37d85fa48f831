"""Layer normalisation over the last axis (Ba et al. 2016), with the biased variance in two passes.

The variance is the mean of (x - mean)², never E[x²] - E[x]²: in float32 the latter loses all digits
when the mean is large beside the spread.
"""

from typing import NamedTuple

from minibert.backend import Array, array_module


class LayerNormCache(NamedTuple):
    """What backward needs: one array of x's size and one number a row."""

    normalized: Array  # (..., D): (x - mean) / √(var + eps), before gamma and beta
    rstd: Array  # (..., 1): 1 / √(var + eps)


def layer_norm(
    x: Array, weight: Array, bias: Array, eps: float, out: Array | None = None, scratch: Array | None = None
) -> tuple[Array, LayerNormCache | None]:
    """x (..., D), weight (D,), bias (D,) -> y (..., D): y = gamma (x - mean) / √(var + eps) + beta.

    With `out=` (which may be x itself) the normalised values are written over, and the cache is None.
    With `scratch=` (which may be x too) they are kept there instead of in a new array.
    """
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

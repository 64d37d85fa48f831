"""Layer normalisation over the last axis (Ba et al. 2016), with the biased variance in two passes.

The variance is the mean of (x - mean)², never E[x²] - E[x]²: in float32 the latter loses all digits
when the mean is large beside the spread.
"""

from typing import NamedTuple

from minibert.backend import Array, array_module
from minibert.forms import step
from minibert.functional.numbers import column_sum


class LayerNormCache(NamedTuple):
    """What backward needs: one array of x's size and one number a row.

    >>> import numpy as np
    >>> _, cache = layer_norm(np.array([[1.0, 3.0]]), weight=np.array([1.0, 10.0]), bias=np.zeros(2), eps=0.0)
    >>> cache.normalized, cache.rstd
    (array([[-1.,  1.]]), array([[1.]]))
    """

    normalized: Array  # (..., D): (x - mean) / √(var + eps), before gamma and beta
    rstd: Array  # (..., 1): 1 / √(var + eps)


@step
def layer_norm(x: Array, weight: Array, bias: Array, eps: float) -> tuple[Array, LayerNormCache]:
    """x (..., D), weight (D,), bias (D,) -> y (..., D): y = gamma (x - mean) / √(var + eps) + beta.

    >>> import numpy as np
    >>> y, cache = layer_norm(np.array([1.0, 3.0]), weight=np.array([1.0, 10.0]), bias=np.zeros(2), eps=0.0)
    >>> y, cache.rstd
    (array([-1., 10.]), array([1.]))
    """
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    rstd = 1.0 / array_module(x).sqrt(variance + eps)
    normalized = centred * rstd
    return normalized * weight + bias, LayerNormCache(normalized, rstd)


@step
def layer_norm_backward(dy: Array, cache: LayerNormCache, weight: Array) -> tuple[Array, Array, Array]:
    """dy (..., D), the forward's cache, weight (D,) -> dx (..., D), dweight (D,), dbias (D,).

    forward 2: y = gamma n + beta        so dgamma = Σ dy n, dbeta = Σ dy, dn = gamma dy
    forward 1: n = (x - mean) rstd       so dx = rstd (dn - mean(dn) - n mean(dn n)):
    the two means are what flows through the row's mean and through its variance.

    >>> import numpy as np
    >>> weight = np.ones(2)
    >>> _, cache = layer_norm(np.array([1.0, 3.0]), weight, bias=np.zeros(2), eps=0.0)
    >>> dx, dweight, dbias = layer_norm_backward(np.array([5.0, 7.0]), cache, weight)
    >>> dx, dweight, dbias  # of two numbers only their order is left, -1 and 1: nothing flows back to x
    (array([0., 0.]), array([-5.,  7.]), array([5., 7.]))
    """
    n, rstd = cache
    # forward 2
    dweight, dbias = column_sum(dy * n), column_sum(dy)
    dn = dy * weight
    # forward 1
    through_mean = dn.mean(axis=-1, keepdims=True)
    through_variance = n * (dn * n).mean(axis=-1, keepdims=True)
    return rstd * (dn - through_mean - through_variance), dweight, dbias

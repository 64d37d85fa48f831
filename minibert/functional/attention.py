"""The arithmetic of scaled dot-product attention (Vaswani et al. 2017, section 3.2.1), without parameters.

Relative position scores follow Shaw et al. 2018 (`relative_key`) and Huang et al. 2020 (`relative_key_query`).
Softmax, dropout and the mask stand elsewhere; `models/attention.py` puts the steps together.
"""

from minibert.backend import Array, array_module
from minibert.forms import step
from minibert.functional.numbers import matmul


def split_heads(x: Array, heads: int) -> Array:
    """x (B, T, N K) -> (B, N, T, K), a view: head n is columns n K .. (n + 1) K.

    >>> import numpy as np
    >>> split_heads(np.arange(12).reshape(1, 2, 6), heads=3)[0, 1].tolist()  # of two tokens the second head's part
    [[2, 3], [8, 9]]
    """
    batch, tokens, width = x.shape
    return x.reshape(batch, tokens, heads, width // heads).transpose(0, 2, 1, 3)


@step
def merge_heads(x: Array) -> Array:
    """x (B, N, T, K) -> (B, T, N K): the reverse of `split_heads`, and its backward.

    >>> import numpy as np
    >>> x = np.arange(12).reshape(1, 2, 6)
    >>> np.array_equal(merge_heads(split_heads(x, heads=3)), x)
    True
    """
    batch, heads, tokens, width = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, tokens, heads * width)


def attention_scores(query: Array, key: Array) -> Array:
    """query (B, N, T, K), key (B, N, S, K) -> scores (B, N, T, S): q kᵀ, not yet scaled.

    >>> import numpy as np
    >>> query = np.array([[[[1.0, 2.0]]]])  # one token asks
    >>> key = np.array([[[[1.0, 0.0], [0.0, 1.0], [3.0, 3.0]]]])  # three may answer
    >>> attention_scores(query, key)
    array([[[[1., 2., 9.]]]])
    """
    return matmul(query, key.swapaxes(-1, -2))


def attention_scores_backward(dscores: Array, query: Array, key: Array) -> tuple[Array, Array]:
    """dscores (B, N, T, S), query (B, N, T, K), key (B, N, S, K) -> dquery (B, N, T, K), dkey (B, N, S, K).

    forward: s = q kᵀ, so dq = ds k and dk = dsᵀ q.

    >>> import numpy as np
    >>> query, key = np.array([[[[1.0, 2.0]]]]), np.array([[[[3.0, 4.0], [5.0, 6.0]]]])
    >>> dquery, dkey = attention_scores_backward(np.array([[[[1.0, 10.0]]]]), query, key)
    >>> dquery.tolist(), dkey.tolist()
    ([[[[53.0, 64.0]]]], [[[[1.0, 2.0], [10.0, 20.0]]]])
    """
    return matmul(dscores, key), matmul(dscores.swapaxes(-1, -2), query)


@step
def attention_context(probs: Array, value: Array) -> Array:
    """probs (B, N, T, S), value (B, N, S, K) -> context (B, T, N K): p v, the heads merged again.

    >>> import numpy as np
    >>> probs = np.array([[[[0.25, 0.75]]]])  # a token attends to two
    >>> attention_context(probs, value=np.array([[[[4.0, 0.0], [0.0, 8.0]]]]))
    array([[[1., 6.]]])
    """
    return merge_heads(matmul(probs, value))


@step
def attention_context_backward(dcontext: Array, probs: Array, value: Array) -> tuple[Array, Array]:
    """dcontext (B, T, N K), probs (B, N, T, S), value (B, N, S, K) -> dprobs (B, N, T, S), dvalue (B, N, S, K).

    forward 2: context = merge(c)    so dc is dcontext, split into heads
    forward 1: c = p v               so dp = dc vᵀ and dv = pᵀ dc

    >>> import numpy as np
    >>> probs, value = np.array([[[[0.25, 0.75]]]]), np.array([[[[4.0, 0.0], [0.0, 8.0]]]])
    >>> dprobs, dvalue = attention_context_backward(np.array([[[1.0, 1.0]]]), probs, value)
    >>> dprobs.tolist(), dvalue.tolist()
    ([[[[4.0, 8.0]]]], [[[[0.25, 0.25], [0.75, 0.75]]]])
    """
    dheads = split_heads(dcontext, probs.shape[1])
    return matmul(dheads, value.swapaxes(-1, -2)), matmul(probs.swapaxes(-1, -2), dheads)


def relative_scores(x: Array, table: Array, distance: Array) -> Array:
    """x (B, N, T, K), table (R, K), distance (T or 1, S) of rows of the table -> scores (B, N, T, S).

    score[t, s] = x[t] · table[distance[t, s]]. One product with the whole table and then a choice, so that
    the (T, S, K) array of the naive form is never made.

    >>> import numpy as np
    >>> table = np.array([[10.0], [20.0], [30.0]])  # rows for the distances -1, 0 and 1
    >>> relative_scores(np.array([[[[1.0], [2.0]]]]), table, distance=np.array([[1, 0], [2, 1]]))[0, 0].tolist()
    [[20.0, 10.0], [60.0, 40.0]]
    """
    xp = array_module(x)
    by_distance = matmul(x, table.T)  # (B, N, T, R)
    return by_distance[:, :, xp.arange(x.shape[2])[:, None], distance]


def relative_scores_backward(dscores: Array, x: Array, table: Array, distance: Array) -> tuple[Array, Array]:
    """dscores (B, N, T, S), x (B, N, T, K), table (R, K) -> dx (B, N, T, K), dtable (R, K).

    `distance` is the forward's. The distances of one row must all differ.

    forward 2: score[t, s] = g[t, distance[t, s]]    so dg gets dscores at those places, and zero elsewhere
    forward 1: g = x tableᵀ                          so dx = dg table and dtable = Σ dgᵀ x

    >>> import numpy as np
    >>> x, table = np.array([[[[1.0], [2.0]]]]), np.array([[10.0], [20.0], [30.0]])
    >>> dx, dtable = relative_scores_backward(np.ones((1, 1, 2, 2)), x, table, distance=np.array([[1, 0], [2, 1]]))
    >>> dx[0, 0].tolist(), dtable.tolist()
    ([[30.0], [50.0]], [[1.0], [3.0], [2.0]])
    """
    xp = array_module(x)
    # forward 2
    dby_distance = xp.zeros((*x.shape[:3], table.shape[0]), dtype=dscores.dtype)
    dby_distance[:, :, xp.arange(x.shape[2])[:, None], distance] = dscores
    # forward 1
    dx = matmul(dby_distance, table)
    dtable = matmul(dby_distance.reshape(-1, table.shape[0]).T, x.reshape(-1, x.shape[-1]))
    return dx, dtable

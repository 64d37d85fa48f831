"""The linear map y = x Wᵀ + b. Weights are stored (out, in), as in every checkpoint."""

from minibert.backend import Array
from minibert.functional.numbers import column_sum, matmul


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x (..., I), weight (O, I), bias (O,) -> y (..., O): y = x Wᵀ + b.

    >>> import numpy as np
    >>> linear(np.array([1.0, 2.0]), np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 3.0]]), np.array([0.5, 0.5, 0.5]))
    array([1.5, 3.5, 6.5])
    """
    x_rows = x.reshape(-1, x.shape[-1])  # one product over all tokens instead of one a sentence
    y = matmul(x_rows, weight.T)
    if bias is not None:
        y += bias
    return y.reshape(*x.shape[:-1], weight.shape[0])


def linear_backward(dy: Array, x: Array, weight: Array) -> tuple[Array, Array, Array]:
    """dy (..., O), x (..., I), weight (O, I) -> dx (..., I), dweight (O, I), dbias (O,).

    forward: y = x Wᵀ + b, so dx = dy W, dW = dyᵀ x and db = Σ dy, the sums running over all rows.

    >>> import numpy as np
    >>> dx, dweight, dbias = linear_backward(
    ...     dy=np.array([[1.0], [10.0]]), x=np.array([[1.0, 2.0], [3.0, 4.0]]), weight=np.array([[5.0, 6.0]]))
    >>> dx.tolist(), dweight.tolist(), dbias.tolist()
    ([[5.0, 6.0], [50.0, 60.0]], [[31.0, 42.0]], [11.0])
    """
    dy_rows = dy.reshape(-1, dy.shape[-1])
    x_rows = x.reshape(-1, x.shape[-1])
    dx = matmul(dy_rows, weight).reshape(x.shape)
    return dx, matmul(dy_rows.T, x_rows), column_sum(dy_rows)

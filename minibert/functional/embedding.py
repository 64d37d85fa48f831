"""Looking rows up in a table, and adding gradients back into it."""

from minibert.backend import Array, array_module
from minibert.functional.numbers import scatter_add


def embedding(ids: Array, table: Array) -> Array:
    """ids (...) of integers, table (V, D) -> rows (..., D).

    The ids must lie in 0..V-1: the model's front door checks that (NumPy would wrap a negative id silently).

    >>> import numpy as np
    >>> table = np.array([[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]])
    >>> embedding(np.array([2, 1, 2]), table).tolist()
    [[2.0, 20.0], [1.0, 10.0], [2.0, 20.0]]
    """
    return table[ids]


def embedding_backward(
    dy: Array, ids: Array, rows: int, padding_idx: int | None = None, out: Array | None = None
) -> Array:
    """dy (..., D), ids (...) -> dtable (V, D) with V = rows; with `out=`, added to what is there already.

    forward: y = table[ids], so dtable[v] = Σ of dy over all places that looked v up. The row of the padding
    token gets nothing, as in `torch.nn.Embedding(padding_idx=...)`.

    >>> import numpy as np
    >>> dy = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0]])
    >>> embedding_backward(dy, np.array([2, 1, 2, 0]), rows=3, padding_idx=0).tolist()  # id 2 was looked up twice
    [[0.0, 0.0], [2.0, 20.0], [4.0, 40.0]]
    """
    xp = array_module(dy)
    ids, dy_rows = ids.reshape(-1), dy.reshape(-1, dy.shape[-1])
    if out is None:
        out = xp.zeros((rows, dy.shape[-1]), dtype=dy.dtype)
    scatter_add(ids, dy_rows, out, skipped=padding_idx)
    return out

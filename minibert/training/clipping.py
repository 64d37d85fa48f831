"""Clipping of gradients by their global norm (Pascanu et al. 2013, section 3.2)."""

import math
from collections.abc import Mapping

from minibert.backend import Array, array_module
from minibert.checks import check_number
from minibert.errors import InputError
from minibert.training.blocks import blocks


def global_norm(grads: Mapping[str, Array]) -> float:
    """√ of the sum of the squares of all numbers in all gradients, summed in float64.

    >>> import numpy as np
    >>> global_norm({"a": np.array([3.0]), "b": np.array([[0.0, 4.0]])})
    5.0
    """
    squares = []
    for gradient in grads.values():
        if gradient is not None:
            for (block,) in blocks(gradient):
                wide = block.astype("float64", copy=False)
                squares.append(array_module(wide).vdot(wide, wide))
    total = 0.0
    for square in array_module(*squares).stack(squares).tolist() if squares else ():  # fetched from a GPU at once
        total += square
    return math.sqrt(total)


def clip_grad_norm(grads: Mapping[str, Array], max_norm: float, error_if_nonfinite: bool = False) -> float:
    """Scale gradients in place so that their global norm is at most about max_norm; gives the norm before.

    PyTorch's formula: every gradient is multiplied by max_norm / (norm + 1e-6) where that is below 1. A norm
    that is infinite or not a number goes through to the gradients, as in PyTorch, unless error_if_nonfinite.

    Args:
        grads: {name: gradient}, as `model.backward` gives.
        max_norm: inf only measures.

    Raises:
        InputError: max_norm is negative or no number, grads is no dict of arrays, or the norm is not finite
            and error_if_nonfinite.

    Example:
        >>> import numpy as np
        >>> grads = {"a": np.array([3.0]), "b": np.array([[0.0, 4.0]])}
        >>> clip_grad_norm(grads, max_norm=1.0)
        5.0
        >>> round(global_norm(grads), 3), grads["a"].round(3), grads["b"].round(3)
        (1.0, array([0.6]), array([[0. , 0.8]]))
    """
    if not isinstance(grads, Mapping):
        raise InputError(f"clip_grad_norm takes the dict that model.backward gives, not a {type(grads).__name__}.")
    if max_norm != math.inf:
        check_number("max_norm", max_norm, lower=0.0)
    norm = global_norm(grads)
    if error_if_nonfinite and not math.isfinite(norm):
        wrong = next(name for name, gradient in grads.items() if not math.isfinite(global_norm({name: gradient})))
        raise InputError(f"the gradients' norm is {norm}: the first that is not finite is that of {wrong}.")
    scale = max_norm / (norm + 1e-6)
    if not scale >= 1.0:  # NaN too
        for gradient in grads.values():
            if gradient is not None:
                gradient *= scale
    return norm

"""float16 through float32: its sums and powers would overflow or lose their digits in the narrow dtype.

A step that is attached here is computed in float32 and rounded to float16 once, at its end. These forms are asked last:
a kernel that reads float16 itself comes before them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minibert import functional as F
from minibert.backend import Array, array_module
from minibert.forms import form_of
from minibert.functional import gelu, numbers

LOWEST = float(np.finfo(np.float16).min)


def is_half(x: Any) -> bool:
    """Whether this is an array of float16."""
    return hasattr(x, "dtype") and bool(x.dtype == np.float16)


def widened(value: Any) -> Any:
    """Every float16 array in this value, or in this tuple, as float32; all else as it is."""
    return _converted(value, np.float16, np.float32)


def narrowed(value: Any) -> Any:
    """Every float32 array in this value, or in this tuple, as float16; all else as it is."""
    return _converted(value, np.float32, np.float16)


def _converted(value: Any, old: Any, new: Any) -> Any:
    if isinstance(value, tuple):
        parts = [_converted(part, old, new) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value.astype(new) if hasattr(value, "dtype") and value.dtype == old else value


def _through_float32(step: Callable[..., Any], after: Callable[[Any], Any]) -> None:
    """Attach to a step: with a float16 array first among its arguments, float32 arithmetic, and `after` at the end."""

    @form_of(step, last=True)
    def in_float32(*args: Any, **kwargs: Any) -> Any:
        first = args[0] if args else next(iter(kwargs.values()))
        if first.dtype != np.float16:
            return NotImplemented
        return after(step(*map(widened, args), **{name: widened(value) for name, value in kwargs.items()}))

    in_float32.__qualname__ = step.__name__


def _as_it_is(value: Any) -> Any:
    return value


NARROWED: tuple[Callable[..., Any], ...] = (
    numbers.matmul, numbers.column_sum, numbers.sums_by_id, numbers.erf, F.softmax, F.softmax_backward, F.log_softmax,
    F.layer_norm_backward, gelu.gelu_erf, gelu.gelu_erf_derivative, gelu.gelu_tanh, gelu.gelu_tanh_derivative,
)  # fmt: skip
LOSSES: tuple[Callable[..., Any], ...] = (F.cross_entropy, F.mean_squared_error, F.binary_cross_entropy_with_logits)

for each in NARROWED:
    _through_float32(each, narrowed)
for each in LOSSES:  # they stay float32, and so do the gradients that their backwards give
    _through_float32(each, _as_it_is)


@form_of(F.mask_scores, last=True)
def mask_scores(scores: Array, mask: Array | None, divisor: float) -> Array:
    """The sum can pass float16's least finite number: that stays, so that no row is minus infinity everywhere."""
    if not is_half(scores):
        return NotImplemented
    masked = F.mask_scores(widened(scores), widened(mask), divisor)
    return narrowed(array_module(masked).maximum(masked, LOWEST))


@form_of(F.layer_norm, last=True)
def layer_norm(x: Array, weight: Array, bias: Array, eps: float) -> tuple[Array, F.LayerNormCache]:
    """`rstd` stays float32: of a row of nearly equal values it exceeds float16."""
    if not is_half(x):
        return NotImplemented
    y, cache = F.layer_norm(widened(x), widened(weight), widened(bias), eps)
    return narrowed(y), F.LayerNormCache(narrowed(cache.normalized), cache.rstd)

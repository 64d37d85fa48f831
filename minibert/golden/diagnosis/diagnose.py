"""What a difference looks like, in words: first what the step itself could have done wrong, then what any could."""

from collections.abc import Callable

from minibert.golden.diagnosis.known_mistakes import mistakes_of_step
from minibert.golden.diagnosis.tensor_pair import TensorPair
from minibert.golden.diagnosis.wrong_ids import wrong_ids
from minibert.golden.diagnosis.wrong_numbers import (
    belongs_elsewhere,
    constant_added,
    dropout_is_on,
    few_differ,
    narrower_dtype,
    never_computed,
    scaled,
    sign_flipped,
)
from minibert.golden.diagnosis.wrong_order import heads_permuted, laid_out_otherwise, slices_permuted, transposed
from minibert.golden.diagnosis.wrong_shape import wrong_shape
from minibert.golden.packs.named_array import PARAMETER_GRADIENT

# what any step could have done wrong, the most telling first
_ANYWHERE: tuple[Callable[[TensorPair], str], ...] = (
    belongs_elsewhere, sign_flipped, scaled, transposed, slices_permuted, heads_permuted, laid_out_otherwise,
    dropout_is_on, constant_added, narrower_dtype, few_differ,
)  # fmt: skip


def diagnose(pair: TensorPair) -> str:
    """One sentence without its full stop; "" where nothing known fits."""
    if not pair.same_shape:
        return wrong_shape(pair)
    words = never_computed(pair)
    if words or not pair.other.size:
        return words
    words = wrong_ids(pair) or pair.first_that_explains(mistakes_of_step(pair)) or _anywhere(pair)
    where = _only_padding(pair)
    return f"{where}: {words}" if where and words else where or words


def _anywhere(pair: TensorPair) -> str:
    return next((words for words in (pattern(pair) for pattern in _ANYWHERE) if words), "")


def _only_padding(pair: TensorPair) -> str:
    """Whether every number that differs belongs to a padding token."""
    padding, other = pair.padding(), pair.other
    if padding is None or pair.entry.kind == PARAMETER_GRADIENT or not pair.comparable.all():
        return ""
    axis = 2 if other.ndim == 4 else 1  # scores and probabilities: the queries' axis
    if other.ndim < 2 or axis >= other.ndim or (other.shape[0], other.shape[axis]) != padding.shape:
        return ""
    shape = [other.shape[0]] + [1] * (other.ndim - 1)
    shape[axis] = other.shape[axis]
    real = ~padding.reshape(shape)
    off = abs(other - pair.golden)
    allowed = 16 * pair.floor_rms
    if (off * real).max(initial=0.0) <= allowed < off.max(initial=0.0):
        return "only rows of padding tokens differ, which no real token sees"
    return ""

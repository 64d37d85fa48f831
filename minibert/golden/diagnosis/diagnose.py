"""What a difference looks like, in words: first what the step itself could have done wrong, then what any could."""

from minibert.golden.diagnosis.patterns import pattern_words, shape_words, unfinished_words
from minibert.golden.diagnosis.tensor_pair import TensorPair
from minibert.golden.diagnosis.wrong_steps import step_variants


def diagnose(pair: TensorPair) -> str:
    """One sentence without its full stop; "" where nothing known fits."""
    words = shape_words(pair) if not pair.same_shape else unfinished_words(pair)
    if words or not pair.same_shape or not pair.other.size:
        return words
    words = _integers(pair) or pair.first_that_explains(step_variants(pair)) or pattern_words(pair)
    where = _padding_only(pair)
    return f"{where}: {words}" if where and words else where or words


def _padding_only(pair: TensorPair) -> str:
    """Whether every number that differs belongs to a padding token."""
    padding, other = pair.padding(), pair.other
    if padding is None or pair.entry.kind == "parameter gradient" or not pair.plain.all():
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


def _integers(pair: TensorPair) -> str:
    """Ids: how they differ."""
    if pair.entry.floor is not None or pair.entry.kind != "value":
        return ""
    golden, other = pair.golden, pair.other
    offset = other - golden
    if pair.name.endswith("position_ids"):
        if (offset == offset.flat[0]).all():
            return f"positions are off by {int(offset.flat[0])} everywhere: {_offset_words(pair)}"
        padding = pair.padding()
        if padding is not None and padding.shape == offset.shape and not offset[~padding].any():
            return "positions of padding tokens differ: RoBERTa gives them padding_idx"
        return f"positions follow another rule: {_offset_words(pair)}"
    if pair.name.endswith("token_type_ids"):
        if not other.any():
            return "token types are ignored: all are 0"
        if (other == 1 - golden).all():
            return "token types are swapped: 0 for 1 and 1 for 0"
    if pair.name.endswith("input_ids"):
        return "the token ids are others: compare the tokenizers first"
    return ""


def _offset_words(pair: TensorPair) -> str:
    pad = pair.config.get("pad_token_id", 1)
    if pair.config.get("model_type") == "roberta":
        return f"RoBERTa's start at padding_idx + 1 = {int(pad) + 1}"
    return "they start at 0; RoBERTa's offset, padding_idx + 1, is for RoBERTa only"

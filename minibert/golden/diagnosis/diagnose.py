"""What a difference looks like, in words: first what the step itself could have done wrong, then what any could."""

from minibert.golden.diagnosis.patterns import pattern_words, shape_words, unfinished_words
from minibert.golden.diagnosis.tensor_pair import Evidence
from minibert.golden.diagnosis.wrong_steps import step_variants


def diagnose(evidence: Evidence) -> str:
    """One sentence without its full stop; "" where nothing known fits."""
    words = shape_words(evidence) if not evidence.same_shape else unfinished_words(evidence)
    if words or not evidence.same_shape or not evidence.other.size:
        return words
    words = _integers(evidence) or evidence.first_that_explains(step_variants(evidence)) or pattern_words(evidence)
    where = _padding_only(evidence)
    return f"{where}: {words}" if where and words else where or words


def _padding_only(evidence: Evidence) -> str:
    """Whether every number that differs belongs to a padding token."""
    padding, other = evidence.padding(), evidence.other
    if padding is None or evidence.entry.kind == "parameter gradient" or not evidence.plain.all():
        return ""
    axis = 2 if other.ndim == 4 else 1  # scores and probabilities: the queries' axis
    if other.ndim < 2 or axis >= other.ndim or (other.shape[0], other.shape[axis]) != padding.shape:
        return ""
    shape = [other.shape[0]] + [1] * (other.ndim - 1)
    shape[axis] = other.shape[axis]
    real = ~padding.reshape(shape)
    off = abs(other - evidence.golden)
    allowed = 16 * evidence.floor_rms
    if (off * real).max(initial=0.0) <= allowed < off.max(initial=0.0):
        return "only rows of padding tokens differ, which no real token sees"
    return ""


def _integers(evidence: Evidence) -> str:
    """Ids: how they differ."""
    if evidence.entry.floor is not None or evidence.entry.kind != "value":
        return ""
    golden, other = evidence.golden, evidence.other
    offset = other - golden
    if evidence.name.endswith("position_ids"):
        if (offset == offset.flat[0]).all():
            return f"positions are off by {int(offset.flat[0])} everywhere: {_offset_words(evidence)}"
        padding = evidence.padding()
        if padding is not None and padding.shape == offset.shape and not offset[~padding].any():
            return "positions of padding tokens differ: RoBERTa gives them padding_idx"
        return f"positions follow another rule: {_offset_words(evidence)}"
    if evidence.name.endswith("token_type_ids"):
        if not other.any():
            return "token types are ignored: all are 0"
        if (other == 1 - golden).all():
            return "token types are swapped: 0 for 1 and 1 for 0"
    if evidence.name.endswith("input_ids"):
        return "the token ids are others: compare the tokenizers first"
    return ""


def _offset_words(evidence: Evidence) -> str:
    pad = evidence.config.get("pad_token_id", 1)
    if evidence.config.get("model_type") == "roberta":
        return f"RoBERTa's start at padding_idx + 1 = {int(pad) + 1}"
    return "they start at 0; RoBERTa's offset, padding_idx + 1, is for RoBERTa only"

"""Ids that differ: of tokens, positions or token types."""

from minibert.golden.diagnosis.tensor_pair import TensorPair
from minibert.golden.packs.named_array import VALUE


def wrong_ids(pair: TensorPair) -> str:
    """How ids differ; "" for a tensor of real numbers."""
    if pair.entry.floor is not None or pair.entry.kind != VALUE:
        return ""
    if pair.name.endswith("position_ids"):
        return _positions(pair)
    if pair.name.endswith("token_type_ids"):
        return _token_types(pair)
    if pair.name.endswith("input_ids"):
        return "the token ids are others: compare the tokenizers first"
    return ""


def _positions(pair: TensorPair) -> str:
    offset, padding = pair.other - pair.golden, pair.padding()
    if (offset == offset.flat[0]).all():
        return f"positions are off by {int(offset.flat[0])} everywhere: {_family_rule(pair)}"
    if padding is not None and padding.shape == offset.shape and not offset[~padding].any():
        return "positions of padding tokens differ: RoBERTa gives them padding_idx"
    return f"positions follow another rule: {_family_rule(pair)}"


def _family_rule(pair: TensorPair) -> str:
    pad = pair.config.get("pad_token_id", 1)
    if pair.config.get("model_type") == "roberta":
        return f"RoBERTa's start at padding_idx + 1 = {int(pad) + 1}"
    return "they start at 0; RoBERTa's offset, padding_idx + 1, is for RoBERTa only"


def _token_types(pair: TensorPair) -> str:
    if not pair.other.any():
        return "token types are ignored: all are 0"
    if (pair.other == 1 - pair.golden).all():
        return "token types are swapped: 0 for 1 and 1 for 0"
    return ""

"""Known mistakes of attention, from the queries, keys and values on."""

import math
from collections.abc import Iterator

import numpy as np

from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair
from minibert.golden.metrics import HIDDEN


def wrong_mask(pair: TensorPair) -> Mistakes:
    """The mask that is added to the scores."""
    golden, other = pair.golden, pair.other
    words = _mask_words(golden, other, np.zeros_like(golden))
    if words:
        yield words, None


def _mask_words(golden: np.ndarray, other: np.ndarray, scores: np.ndarray) -> str:
    """How hidden places differ; `scores` is what stands there before the mask is added."""
    hidden, theirs = golden <= HIDDEN, other <= HIDDEN
    if np.array_equal(hidden, theirs) and np.isfinite(other).all():
        return ""
    if not hidden.any():
        return "places are hidden that the golden mask shows: a causal mask, or one that is inverted"
    if np.isneginf(other[hidden]).all() and np.isfinite(other[~hidden]).all():
        return "mask value: minus infinity is added, where the dtype's least finite number belongs"
    added = (other - scores)[hidden]
    return _multiplied(other, hidden, scores) or _other_places(hidden, theirs) or _other_value(added, scores[~hidden])


def _multiplied(other: np.ndarray, hidden: np.ndarray, scores: np.ndarray) -> str:
    """A mask that multiplies: zero at hidden places, the scores themselves elsewhere."""
    size = float(np.abs(scores).max(initial=0.0))
    if size and not other[hidden].any() and np.abs(other - scores)[~hidden].max(initial=0.0) <= 1e-3 * size:
        return "the mask multiplies the scores: a score of 0 is not hidden, something very negative is added instead"
    return ""


def _other_places(hidden: np.ndarray, theirs: np.ndarray) -> str:
    """What a mask hides that hides something, but not what the golden one does."""
    if np.array_equal(theirs, ~hidden):
        return "the mask is inverted: it hides what it should show"
    if not theirs.any() or np.array_equal(theirs, hidden):
        return ""
    if hidden.ndim == 4 and hidden.shape[2] == hidden.shape[3] and np.array_equal(theirs, hidden.swapaxes(2, 3)):
        return "the mask is on the axis of the queries, (B, 1, T, 1): it hides keys, (B, 1, 1, T)"
    if theirs[hidden].all():
        return "the mask hides more places than the golden one: is it off by one?"
    if hidden[theirs].all():
        return "the mask hides fewer places than the golden one: is it off by one?"
    return "the mask hides other places than the golden one"


def _other_value(added: np.ndarray, shown: np.ndarray) -> str:
    """What a mask adds where the golden one hides; `shown` are the scores elsewhere."""
    if not np.isfinite(added).all():
        return ""
    size = float(np.abs(shown).max(initial=0.0)) or 1.0
    if np.abs(added).max() <= 1e-3 * size:
        return "the mask is ignored: hidden places hold ordinary scores"
    middle = float(np.median(added))
    if middle < 0 and np.abs(added - middle).max() <= max(1e-3 * abs(middle), 1e-3):
        return f"mask value: {middle:.6g} is added, where the dtype's least finite number belongs"
    if added.min() >= 0 and added.max() <= 1.0:
        return "the mask itself, ones and zeros, was added to the scores"
    return "the mask hides other places than the golden one"


def _parts(pair: TensorPair) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """query, key, value (B, N, T, K) and the mask (B, 1, 1 or T, S)."""
    found = [pair.value_fed(f"{pair.parent}.{part}") for part in ("query", "key", "value")]
    cross = ".crossattention." in pair.name
    mask = pair.golden_value(f"{pair.prefix}{'encoder_' if cross else ''}extended_attention_mask")
    if any(each is None or each.ndim != 3 for each in found) or pair.config.get(
        "position_embedding_type", "absolute"
    ) != "absolute":
        return None
    query, key, value = (split_heads(each, pair.heads) for each in found if each is not None)
    if key.shape[2] != (mask.shape[-1] if mask is not None else key.shape[2]):
        return None  # earlier keys came from a cache
    return query, key, value, np.zeros((1, 1, 1, 1)) if mask is None else mask


def split_heads(x: np.ndarray, heads: int) -> np.ndarray:
    """(B, T, D) -> (B, N, T, K)."""
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def merge_heads(x: np.ndarray) -> np.ndarray:
    """(B, N, T, K) -> (B, T, D)."""
    return x.swapaxes(1, 2).reshape(x.shape[0], x.shape[2], -1)


def wrong_scores(pair: TensorPair) -> Mistakes:
    """The scores, made wrongly; hidden places are compared first."""
    parts = _parts(pair)
    if parts is None:
        return
    query, key, _, mask = parts
    base = query @ key.swapaxes(-1, -2)
    plain = base / math.sqrt(query.shape[-1])
    words = _mask_words(pair.golden, pair.other, plain)
    if words:
        yield words, None
        return
    yield from _wrong_unhidden_scores(pair, query, key, mask)


def _wrong_unhidden_scores(pair: TensorPair, query: np.ndarray, key: np.ndarray, mask: np.ndarray) -> Mistakes:
    base, width = query @ key.swapaxes(-1, -2), query.shape[-1]
    hidden = int(pair.config.get("hidden_size", 1))
    yield "missing 1/√K: the scores are not scaled by the root of the head's width", base + mask
    yield "scaled twice by 1/√K", base / width + mask
    yield "scaled by 1/√D, the hidden width, where 1/√K, the head's width, belongs", base / math.sqrt(hidden) + mask
    if base.shape[-1] == base.shape[-2]:
        yield "query and key are exchanged", base.swapaxes(-1, -2) / math.sqrt(width) + mask
    yield "query for key: queries are compared with queries", query @ query.swapaxes(-1, -2) / math.sqrt(width) + mask
    for words, split in WRONG_SPLITS:
        yield words, split(query) @ split(key).swapaxes(-1, -2) / math.sqrt(width) + mask


def _fast(x: np.ndarray) -> np.ndarray:
    """(B, N, T, K) split as if the head index ran fastest in the last axis of (B, T, D)."""
    batch, heads, tokens, width = x.shape
    return np.moveaxis(merge_heads(x).reshape(batch, tokens, width, heads), 3, 1)


def _reshaped(x: np.ndarray) -> np.ndarray:
    """(B, N, T, K) split as if (B, T, D) were reshaped to it at once."""
    return merge_heads(x).reshape(x.shape)


WRONG_SPLITS = (
    ("heads are split the wrong way round: the head index runs fastest within a token", _fast),
    ("heads are split by reshaping to (B, N, T, K) at once: reshape to (B, T, N, K), then exchange T and N", _reshaped),
)


def softmax(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    """Shares along an axis."""
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def wrong_probs(pair: TensorPair) -> Mistakes:
    """The probabilities, made wrongly, of the right scores or of wrong ones."""
    parts = _parts(pair)
    scores = pair.value_fed(f"{pair.parent}.scores")
    if scores is not None:
        yield from wrong_shares(scores)
    if parts is not None:
        yield from probs_of_wrong_scores(pair, parts)


def wrong_shares(scores: np.ndarray) -> Mistakes:
    """What stands for softmax of the scores."""
    yield "softmax is missing: the scores themselves stand here", scores
    yield "softmax is over the queries, not over the keys", softmax(scores, axis=-2)
    yield "softmax is over the heads, not over the keys", softmax(scores, axis=1)
    yield "softmax is not divided by its sum", np.exp(np.minimum(scores, 700))
    yield "sigmoid for softmax", 1.0 / (1.0 + np.exp(-np.clip(scores, -700, 700)))


def probs_of_wrong_scores(pair: TensorPair, parts: tuple[np.ndarray, ...]) -> Mistakes:
    """Softmax of scores made wrongly, from query, key, value (B, N, T, K) and the mask."""
    query, key, _, mask = parts
    plain = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    yield "the mask is ignored: hidden keys are attended to", softmax(plain)
    for words, scores in _wrongly_masked(plain, mask):
        yield words, softmax(scores)
    product = softmax(plain) * (mask > HIDDEN)
    yield "the mask multiplies the probabilities, which then do not sum to 1", product
    for words, wrong in _wrong_unhidden_scores(pair, query, key, np.maximum(mask, HIDDEN)):
        yield words, None if wrong is None else softmax(wrong)


def _wrongly_masked(plain: np.ndarray, mask: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """plain (B, N, T, S) scores, mask (B, 1, 1 or T, S): the scores with the mask put on wrongly."""
    shown = mask > HIDDEN
    yield "the mask itself, ones and zeros, was added to the scores", plain + shown
    yield "the mask is inverted: it hides what it should show", plain + np.where(shown, HIDDEN, 0.0)
    yield "the mask multiplies the scores: a score of 0 is not hidden", plain * shown
    tokens, keys = plain.shape[-2:]
    causal = np.where(np.tril(np.ones((tokens, keys), bool), keys - tokens), 0.0, HIDDEN)
    yield "a causal mask is applied", plain + np.maximum(mask, HIDDEN) + causal
    if shown.shape[2] != 1:
        return
    if tokens == keys:
        words = "the mask is on the axis of the queries, (B, 1, T, 1): it hides keys, (B, 1, 1, T)"
        yield words, plain + np.where(shown, 0.0, HIDDEN).swapaxes(2, 3)
    lengths = shown.sum(axis=-1, keepdims=True)
    for words, others in (
        ("the mask hides more places than the golden one: is it off by one?", np.arange(keys) < lengths - 1),
        ("the mask hides fewer places than the golden one: is it off by one?", np.arange(keys) < lengths + 1),
        ("the mask hides other places than the golden one: it is moved by a token", np.roll(shown, 1, axis=-1)),
    ):
        yield words, plain + np.where(others, 0.0, HIDDEN)


def wrong_context(pair: TensorPair) -> Mistakes:
    """The mixture of values, made wrongly."""
    parts = _parts(pair)
    if parts is None:
        return
    probs = pair.value_fed(f"{pair.parent}.probs")
    if probs is not None and probs.shape[-1] == parts[2].shape[2]:
        yield from wrong_mixtures(probs, parts)
    yield from contexts_of_wrong_probs(pair, parts)


def wrong_mixtures(probs: np.ndarray, parts: tuple[np.ndarray, ...]) -> Mistakes:
    """What stands for the values mixed by the probabilities (B, N, T, S), heads merged."""
    query, key, value, _ = parts
    context = probs @ value
    flat = (context.shape[0], context.shape[2], context.shape[1] * context.shape[3])
    yield "heads merged without moving the head axis behind the tokens first", context.reshape(flat)
    yield "heads merged with the head index running fastest", np.moveaxis(context, 1, 3).reshape(flat)
    if probs.shape[-1] == probs.shape[-2]:
        yield "the probabilities are transposed", merge_heads(probs.swapaxes(-1, -2) @ value)
    yield "the keys were mixed, not the values", merge_heads(probs @ key)
    yield "the queries were mixed, not the values", merge_heads(probs @ query)
    for words, split in WRONG_SPLITS:
        yield f"of the values, {words}", merge_heads(probs @ split(value))
    yield "dropout or a head mask is missing: the probabilities before it were used", merge_heads(context)


def contexts_of_wrong_probs(pair: TensorPair, parts: tuple[np.ndarray, ...]) -> Mistakes:
    """The context (B, T, D) of probabilities made wrongly, and of heads split wrongly everywhere."""
    for words, wrong in probs_of_wrong_scores(pair, parts):
        yield words, None if wrong is None else merge_heads(wrong @ parts[2])
    mask = np.maximum(parts[3], HIDDEN)
    for words, split in WRONG_SPLITS:
        query, key, value = (split(part) for part in parts[:3])
        yield words, merge_heads(softmax(query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1]) + mask) @ value)

"""Numbers that any step could have got wrong: signs, scales, dropout, dtypes, and those that belong elsewhere."""

import math

import numpy as np

from minibert.golden.diagnosis.tensor_pair import MOST_NUMBERS, TensorPair


def never_computed(pair: TensorPair) -> str:
    """NaN, infinity, zeros where there should be numbers."""
    other, golden = pair.other, pair.golden
    if not other.size or pair.entry.floor is None:
        return ""
    nan = int((np.isnan(other) & ~np.isnan(golden)).sum())
    if nan:
        masked = pair.padding()
        why = ""
        if masked is not None and masked.all(axis=1).any():
            why = "; a text is fully masked, and minus infinity as the mask value gives NaN there"
        return f"{nan} of {other.size} numbers are NaN{why}"
    if not other.any() and golden.any():
        return "all zeros: the value was never computed, or never copied"
    return ""


def belongs_elsewhere(pair: TensorPair) -> str:
    """Numbers that are golden, but another tensor's: a step left out, layers in the wrong order, a wrong name."""
    for entry in pair.pack.results():
        if entry.name == pair.name or entry.shape != pair.entry.shape or entry.floor is None:
            continue
        if math.prod(entry.shape) > MOST_NUMBERS:
            continue
        candidate = pair.golden_value(entry.name)
        if candidate is not None and pair.explains(candidate):
            return f"it holds what belongs at {entry.name}: a step is left out or doubled, or the names are mixed up"
    return ""


def sign_flipped(pair: TensorPair) -> str:
    """Every number has the other sign."""
    return "the sign is flipped" if pair.explains(-pair.golden) else ""


def scaled(pair: TensorPair) -> str:
    """Every number is the golden one times a constant, which may be one that the model uses."""
    g, o = pair.golden[pair.comparable], pair.other[pair.comparable]
    if g.size < 1 or not g.any() or (g.size < 3 and pair.name != "loss"):
        return ""
    factor = float(g @ o) / float(g @ g)
    if not pair.explains(np.where(pair.comparable, pair.golden, 0.0) * factor) or factor == 0.0:
        return ""
    if np.abs(o - factor * g).max() > 0.05 * np.abs(o).max():
        return ""  # numbers near zero are near any small multiple
    return f"scaled by a constant: every number is {factor:.6g} times the golden one{_meaning(factor, pair)}"


def _meaning(factor: float, pair: TensorPair) -> str:
    """Which of the model's constants a factor is, in brackets."""
    width = int(pair.config.get("hidden_size", 1))
    known = {"the number of texts": max(pair.batch, 1), "√D, D the hidden width": math.sqrt(width)}
    if ".attention.self" in pair.name:  # nothing else knows of heads
        known = {
            "√K, K the width of a head": math.sqrt(width / pair.heads),
            "K, the width of a head": width / pair.heads,
            "N, the number of heads": pair.heads,
            **known,
        }
    for words, value in known.items():
        if value == 2:
            continue  # a plain 2, or a half, is likelier than any of these
        if value > 1 and abs(factor / value - 1) < 1e-3:
            return f" ({words})"
        if value > 1 and abs(factor * value - 1) < 1e-3:
            return f" (1 / {words})"
    return ""


def dropout_is_on(pair: TensorPair) -> str:
    """A part of the numbers zero, all others scaled by the same 1 / (1 - p)."""
    g, o = pair.golden[pair.comparable], pair.other[pair.comparable]
    g, o = g[g != 0], o[g != 0]
    if g.size < 16:
        return ""
    return _dropout_words(g, o)


def _dropout_words(g: np.ndarray, o: np.ndarray) -> str:
    zero = o == 0
    share = float(zero.mean())
    if not 0.01 < share < 0.9:
        return ""
    ratio = float(np.median(o[~zero] / g[~zero]))
    if ratio <= 1.0 or np.abs(o[~zero] - ratio * g[~zero]).max() > 1e-3 * np.abs(g).max():
        return ""
    return f"dropout is on: {share:.0%} of the numbers are zero and the others are {ratio:.4g} times as large"


def dropout_before_sum(pair: TensorPair, dense: np.ndarray, residual: np.ndarray) -> str:
    """The same, seen only after the residual was added."""
    keep = np.abs(dense) > 1e-3 * np.abs(dense).max(initial=0.0)
    ratio = (pair.other - residual)[keep] / dense[keep]
    ratio[np.abs(ratio) < 1e-3] = 0.0
    return _dropout_words(np.ones(ratio.size), ratio) if ratio.size >= 16 else ""


def constant_added(pair: TensorPair) -> str:
    """The same vector, or the same number, is missing at every token."""
    golden, other = pair.golden, pair.other
    if golden.ndim < 2 or math.prod(golden.shape[:-1]) < 2 or not pair.comparable.all():
        return ""
    off = other - golden
    shift = off.reshape(-1, off.shape[-1]).mean(axis=0)
    if float(np.abs(shift - shift.mean()).max()) <= 1e-3 * abs(float(shift.mean())) and pair.explains(
        golden + shift.mean()
    ):
        return f"the same number, {shift.mean():.6g}, is added everywhere"
    if pair.explains(golden + shift):
        return "bias missing or another one: every token is off by the same vector"
    return ""


def narrower_dtype(pair: TensorPair) -> str:
    """Numbers that a narrower dtype could hold."""
    off = np.abs(pair.other - pair.golden)[pair.comparable]
    scale = float(np.abs(pair.golden[pair.comparable]).max(initial=0.0))
    if not off.size or off.max() > 0.05 * scale:
        return ""
    narrow = pair.other[pair.comparable].astype(np.float32)
    bits = np.ascontiguousarray(narrow).view(np.uint32)
    if (pair.other[pair.comparable] == narrow).all():
        if not (bits & 0xFFFF).any():
            return "the numbers are bfloat16's: compare with precision='bfloat16'"
        with np.errstate(over="ignore"):
            if (narrow.astype(np.float16).astype(np.float32) == narrow).all():
                return "the numbers are float16's: compare with precision='float16'"
    return ""


def few_differ(pair: TensorPair) -> str:
    """A thousandth of the numbers, or one."""
    off = np.abs(pair.other - pair.golden) > 16 * pair.floor_rms
    off &= pair.comparable
    count = int(off.sum())
    if 0 < count <= max(1, off.size // 1000) and count < off.size:
        return f"{count} of {off.size} numbers {'differs' if count == 1 else 'differ'}, the others agree"
    return ""

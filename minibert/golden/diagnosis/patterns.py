"""What any step could have done wrong: shapes, signs, scales, orders, and numbers that belong elsewhere."""

import itertools
import math
from collections.abc import Callable

import numpy as np

from minibert.golden.diagnosis.tensor_pair import MOST, TensorPair
from minibert.golden.metrics import HIDDEN

_MOST_HEADS = 64


def shape_words(pair: TensorPair) -> str:
    """Why two shapes may differ."""
    golden, other = pair.golden, pair.other
    if pair.name.endswith("extended_attention_mask") and golden.ndim == other.ndim == 4:
        return _mask_shape_words(golden, other)
    for axes in itertools.permutations(range(golden.ndim)) if golden.ndim <= 5 else ():
        moved = np.transpose(golden, axes)
        if list(axes) != sorted(axes) and moved.shape == other.shape and _near(moved, other):
            return f"transposed: it is the golden tensor with its axes in the order {axes}"
    if golden.size == other.size and golden.size:
        if _near(golden.reshape(other.shape), other):
            return f"the same numbers in the same order, as {other.shape} for {golden.shape}: reshape it"
        if golden.ndim == 3 and other.ndim == 4:
            heads = golden.reshape(*golden.shape[:2], pair.heads, -1).swapaxes(1, 2)
            if heads.shape == other.shape and _near(heads, other):
                return "the heads are not merged yet: move the head axis behind the tokens and reshape"
        return f"as many numbers, but {other.shape} for {golden.shape}, and not in the same order"
    if golden.ndim == other.ndim:
        axis = [i for i, (a, b) in enumerate(zip(golden.shape, other.shape, strict=True)) if a != b]
        if len(axis) == 1:
            return f"axis {axis[0]} has {other.shape[axis[0]]} entries for {golden.shape[axis[0]]}"
    return ""


def _mask_shape_words(golden: np.ndarray, other: np.ndarray) -> str:
    rows = golden.shape[2], other.shape[2]
    if rows[0] == 1 < rows[1]:
        if ((other < 0) == (golden < 0)).all():
            return "the same mask, repeated for every query"
        return "the mask differs from query to query: it is causal, and the golden one is not"
    if rows[1] == 1 < rows[0]:
        return "one mask for all queries, where the golden one is causal"
    return ""


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    scale = float(np.abs(np.where(a > HIDDEN, a, 0)).max(initial=0.0)) or 1.0
    return bool((np.abs(a - b)[(a > HIDDEN)] <= 1e-3 * scale).all())


def unfinished_words(pair: TensorPair) -> str:
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


def pattern_words(pair: TensorPair) -> str:
    """The first general pattern that fits."""
    checks: list[Callable[[TensorPair], str]] = [
        _elsewhere, _sign, _scaled, _transposed, _orders, _heads, _majors, _dropout, _constant, _precision, _single,
    ]  # fmt: skip
    for check in checks:
        words = check(pair)
        if words:
            return words
    return ""


def _elsewhere(pair: TensorPair) -> str:
    """Numbers that are golden, but another tensor's: a step left out, layers in the wrong order, a wrong name."""
    for entry in pair.pack.results():
        if entry.name == pair.name or entry.shape != pair.entry.shape or entry.floor is None:
            continue
        if math.prod(entry.shape) > MOST:
            continue
        candidate = pair.get(entry.name)
        if candidate is not None and pair.explains(candidate):
            return f"it holds what belongs at {entry.name}: a step is left out or doubled, or the names are mixed up"
    return ""


def _sign(pair: TensorPair) -> str:
    return "the sign is flipped" if pair.explains(-pair.golden) else ""


def _scaled(pair: TensorPair) -> str:
    g, o = pair.golden[pair.plain], pair.other[pair.plain]
    if g.size < 1 or not g.any() or (g.size < 3 and pair.name != "loss"):
        return ""
    factor = float(g @ o) / float(g @ g)
    if not pair.explains(np.where(pair.plain, pair.golden, 0.0) * factor) or factor == 0.0:
        return ""
    return f"scaled by a constant: every number is {factor:.6g} times the golden one{_known(factor, pair)}"


def _known(factor: float, pair: TensorPair) -> str:
    config = pair.config
    width = int(config.get("hidden_size", 1))
    known = {
        "√K, K the width of a head": math.sqrt(width / pair.heads),
        "√D, D the hidden width": math.sqrt(width),
        "K, the width of a head": width / pair.heads,
        "N, the number of heads": pair.heads,
        "the number of texts": max(pair.batch, 1),
        "2": 2.0,
    }
    for words, value in known.items():
        if value > 1 and abs(factor / value - 1) < 1e-3:
            return f" ({words})"
        if value > 1 and abs(factor * value - 1) < 1e-3:
            return f" (1 / {words})"
    return ""


def _transposed(pair: TensorPair) -> str:
    golden = pair.golden
    for first, second in itertools.combinations(range(golden.ndim), 2):
        if golden.shape[first] == golden.shape[second] > 1 and pair.explains(golden.swapaxes(first, second)):
            return f"transposed: axes {first} and {second} are exchanged"
    return ""


def _orders(pair: TensorPair) -> str:
    """Along one axis the same slices, in another order."""
    golden, other = pair.golden, pair.other
    if golden.ndim < 2 or pair.entry.kind == "parameter gradient":
        return ""
    names = {0: "texts"}
    names[golden.ndim - 2 if golden.ndim == 4 else 1] = "tokens"
    if golden.ndim == 4:
        names[1] = "heads"
    for axis, what in names.items():
        order = _order(np.moveaxis(golden, axis, 0), np.moveaxis(other, axis, 0), pair)
        if order is not None:
            return f"{what} permuted: the golden {what} in the order {order}"
    return ""


def _order(golden: np.ndarray, other: np.ndarray, pair: TensorPair) -> list[int] | None:
    """The permutation of the first axis that makes golden the other, if there is one."""
    if not 1 < len(golden) <= _MOST_HEADS:
        return None
    bound = max(0.1 * pair.distance, 2 * pair.floor_rms)
    order: list[int] = []
    for slice_ in other:
        free = [i for i in range(len(golden)) if i not in order]
        offs = [_off(golden[i], slice_) for i in free]
        best = int(np.argmin(offs))
        if not offs[best] <= bound:
            return None
        order.append(free[best])
    return None if order == sorted(order) else order


def _off(golden: np.ndarray, other: np.ndarray) -> float:
    plain = TensorPair.plain_of(golden) & TensorPair.plain_of(other)
    if not np.array_equal(TensorPair.plain_of(golden), TensorPair.plain_of(other)):
        return math.inf
    d = (golden - other)[plain]
    return float(np.sqrt(np.mean(d * d))) if d.size else 0.0


def _heads(pair: TensorPair) -> str:
    """Heads lie side by side in the last axis of queries, keys, values and contexts."""
    golden, heads = pair.golden, pair.heads
    if ".attention.self." not in pair.name or golden.ndim != 3 or golden.shape[-1] % heads:
        return ""
    split = [np.moveaxis(each.reshape(*each.shape[:2], heads, -1), 2, 0) for each in (golden, pair.other)]
    order = _order(split[0], split[1], pair)
    return "" if order is None else f"heads permuted: the golden heads in the order {order}"


def _majors(pair: TensorPair) -> str:
    """The same numbers, laid out the other way round."""
    golden, heads = pair.golden, pair.heads
    if golden.ndim < 2:
        return ""
    if pair.explains(golden.reshape(-1, order="F").reshape(golden.shape)):
        return "row-major and column-major are confused: the numbers stand in Fortran order"
    if pair.explains(np.reshape(golden.reshape(-1), golden.shape, order="F")):
        return "row-major and column-major are confused: the numbers were read in Fortran order"
    if golden.ndim != 3 or golden.shape[-1] % heads:
        return ""
    by_head = golden.reshape(*golden.shape[:2], heads, -1)
    if pair.explains(by_head.swapaxes(1, 2).reshape(golden.shape)):
        return "heads merged without moving the head axis behind the tokens first"
    if pair.explains(by_head.swapaxes(2, 3).reshape(golden.shape)):
        return "the head index runs fastest within a token: heads and their width are laid out the other way round"
    return ""


def _dropout(pair: TensorPair) -> str:
    """A part of the numbers zero, all others scaled by the same 1 / (1 - p)."""
    g, o = pair.golden[pair.plain], pair.other[pair.plain]
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


def _constant(pair: TensorPair) -> str:
    """The same vector, or the same number, is missing at every token."""
    golden, other = pair.golden, pair.other
    if golden.ndim < 2 or math.prod(golden.shape[:-1]) < 2 or not pair.plain.all():
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


def _precision(pair: TensorPair) -> str:
    """Numbers that a narrower dtype could hold."""
    off = np.abs(pair.other - pair.golden)[pair.plain]
    scale = float(np.abs(pair.golden[pair.plain]).max(initial=0.0))
    if not off.size or off.max() > 0.05 * scale:
        return ""
    narrow = pair.other[pair.plain].astype(np.float32)
    bits = np.ascontiguousarray(narrow).view(np.uint32)
    if (pair.other[pair.plain] == narrow).all():
        if not (bits & 0xFFFF).any():
            return "the numbers are bfloat16's: compare with precision='bfloat16'"
        with np.errstate(over="ignore"):
            if (narrow.astype(np.float16).astype(np.float32) == narrow).all():
                return "the numbers are float16's: compare with precision='float16'"
    return ""


def _single(pair: TensorPair) -> str:
    """One place only, or one text only."""
    off = np.abs(pair.other - pair.golden) > 16 * pair.floor_rms
    off &= pair.plain
    count = int(off.sum())
    if 0 < count <= max(1, off.size // 1000) and count < off.size:
        return f"{count} of {off.size} numbers {'differs' if count == 1 else 'differ'}, the others agree"
    return ""

"""The right numbers in the wrong order: axes exchanged, texts, tokens or heads permuted, rows taken for columns."""

import itertools
import math

import numpy as np

from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair, comparable_places
from minibert.golden.packs.named_array import PARAMETER_GRADIENT

_MOST_SLICES = 64


def transposed(pair: TensorPair) -> str:
    """Two axes of one length, exchanged."""
    golden = pair.golden
    for first, second in itertools.combinations(range(golden.ndim), 2):
        if golden.shape[first] == golden.shape[second] > 1 and pair.explains(golden.swapaxes(first, second)):
            return f"transposed: axes {first} and {second} are exchanged"
    return ""


def slices_permuted(pair: TensorPair) -> str:
    """Texts, tokens or heads along their axis, in another order."""
    golden, other = pair.golden, pair.other
    if golden.ndim < 2 or pair.entry.kind == PARAMETER_GRADIENT:
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


def heads_permuted(pair: TensorPair) -> str:
    """Heads that lie side by side in the last axis: of queries, keys, values and contexts."""
    golden, heads = pair.golden, pair.heads
    if ".attention.self." not in pair.name or golden.ndim != 3 or golden.shape[-1] % heads:
        return ""
    split = [np.moveaxis(each.reshape(*each.shape[:2], heads, -1), 2, 0) for each in (golden, pair.other)]
    order = _order(split[0], split[1], pair)
    return "" if order is None else f"heads permuted: the golden heads in the order {order}"


def _order(golden: np.ndarray, other: np.ndarray, pair: TensorPair) -> list[int] | None:
    """The permutation of the first axis that makes golden the other; None if there is none."""
    if not 1 < len(golden) <= _MOST_SLICES:
        return None
    bound = max(0.1 * pair.distance, 2 * pair.floor_rms)
    order: list[int] = []
    for theirs in other:
        free = [i for i in range(len(golden)) if i not in order]
        distances = [_distance(golden[i], theirs) for i in free]
        nearest = int(np.argmin(distances))
        if not distances[nearest] <= bound:
            return None
        order.append(free[nearest])
    return None if order == sorted(order) else order


def _distance(golden: np.ndarray, other: np.ndarray) -> float:
    """The root mean square of the difference; infinite where masks hide other places."""
    places = comparable_places(golden)
    if not np.array_equal(places, comparable_places(other)):
        return math.inf
    d = (golden - other)[places]
    return float(np.sqrt(np.mean(d * d))) if d.size else 0.0


def laid_out_otherwise(pair: TensorPair) -> str:
    """The same numbers, laid out the other way round."""
    return pair.first_that_explains(_layouts(pair)) if pair.golden.ndim > 1 else ""


def _layouts(pair: TensorPair) -> Mistakes:
    golden, heads = pair.golden, pair.heads
    yield (
        "row-major and column-major are confused: the numbers stand in Fortran order",
        golden.reshape(-1, order="F").reshape(golden.shape),
    )
    yield (
        "row-major and column-major are confused: the numbers were read in Fortran order",
        np.reshape(golden.reshape(-1), golden.shape, order="F"),
    )
    if golden.ndim != 3 or golden.shape[-1] % heads:
        return
    by_head = golden.reshape(*golden.shape[:2], heads, -1)
    yield (
        "heads merged without moving the head axis behind the tokens first",
        by_head.swapaxes(1, 2).reshape(golden.shape),
    )
    yield (
        "the head index runs fastest within a token: heads and their width are laid out the other way round",
        by_head.swapaxes(2, 3).reshape(golden.shape),
    )

"""The walk from embeddings to logits: every named value with its formula, shape, statistics, and a part of its numbers.

Of a value with a row for every token, the page holds the first columns (all, where there is room) and every token's
norm over the whole row. Attention-shaped values have statistics only: the attention view shows them head by head.
"""

import math
import re
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.explorer.packing import Blob, code_signed, rounded
from minibert.trace import Trace
from minibert.trace.show import MASKED

CODES_BUDGET = 400_000  # bytes of codes for all values together
BINS = 24
_LAYER = re.compile(r"encoder\.layer\.(\d+)")


def describe(trace: Trace, tokens: int, layers: list[int]) -> dict[str, Any]:
    """The walk of a trace whose text has so many tokens; of the encoder, these layers only."""
    names = [name for name in trace if _layer_of(name) in (None, *layers)]
    numbers = {name: to_numpy(trace[name]) for name in names}
    pictures = {name: _as_table(array) for name, array in numbers.items()}
    columns = _column_limit([table for table in pictures.values() if table is not None])
    codes, floats = Blob(np.int8), Blob("<f4")
    groups = _groups(names)
    steps = {name: step for step, name in enumerate(trace.points)}
    values = []
    for name in names:
        point, array, table = trace.points[name], numbers[name], pictures[name]
        value: dict[str, Any] = {
            "step": steps[name],
            "name": name,
            "group": groups[name],
            "formula": point.formula,
            "symbols": point.shape.split(),
            "shape": list(array.shape),
            "dtype": array.dtype.name,
            "ms": rounded(1e3 * trace.seconds[name], 3),
            "edited": name in trace.before,
            **_statistics(array),
        }
        if table is not None:
            value["picture"] = _picture(table, columns, tokens, codes, floats)
        if name in trace.grad:
            value["gradient"] = _gradient(to_numpy(trace.grad[name]), tokens, floats)
        values.append(value)
    return {"values": values, "codes": codes.base64(), "floats": floats.base64()}


def _layer_of(name: str) -> int | None:
    found = _LAYER.search(name)
    return int(found[1]) if found else None


def _groups(names: list[str]) -> dict[str, str]:
    """Under which heading each value stands."""
    groups, met_layers = {}, False
    for name in names:
        layer = _layer_of(name)
        met_layers = met_layers or layer is not None
        if layer is not None:
            groups[name] = f"Layer {layer}"
        elif met_layers:
            groups[name] = "After the layers"
        else:
            groups[name] = "Embeddings" if "embedding" in name else "Inputs"
    return groups


def _as_table(array: np.ndarray) -> np.ndarray | None:
    """The first text's numbers as rows and columns; None for one number and for what is attention-shaped."""
    if array.ndim == 0 or array.size == 1:
        return None
    if array.ndim == 4 and array.shape[2] > 1:
        return None
    first = array if array.ndim == 1 else array[0]
    while first.ndim > 2 and first.shape[0] == 1:
        first = first[0]
    return first.reshape(1, -1) if first.ndim == 1 else first.reshape(first.shape[0], -1)


def _column_limit(tables: list[np.ndarray]) -> int:
    """How many columns of every value fit into the budget."""
    limit = max((table.shape[1] for table in tables), default=1)
    while limit > 4 and sum(table.shape[0] * min(limit, table.shape[1]) for table in tables) > CODES_BUDGET:
        limit = max(4, limit * 7 // 8)
    return limit


def _picture(table: np.ndarray, columns: int, tokens: int, codes: Blob, floats: Blob) -> dict[str, Any]:
    rows, scales = code_signed(table[:, :columns])
    picture = {
        "rows": table.shape[0],
        "columns": rows.shape[1],
        "of": table.shape[1],
        "codes": codes.add(rows),
        "scales": floats.add(scales),
        "byToken": table.shape[0] == tokens,
    }
    if picture["byToken"]:
        picture["norms"] = floats.add(_norms(table))
    return picture


def _norms(table: np.ndarray) -> np.ndarray:
    return np.linalg.norm(table.astype(np.float64), axis=1)


def _gradient(gradient: np.ndarray, tokens: int, floats: Blob) -> dict[str, Any]:
    """Norm and extremes, and every token's norm where the value has a row for each."""
    real = gradient.astype(np.float64)
    record = {
        "norm": rounded(float(np.linalg.norm(real))),
        "min": rounded(float(real.min())),
        "max": rounded(float(real.max())),
    }
    table = _as_table(gradient)
    if table is not None and table.shape[0] == tokens:
        record["norms"] = floats.add(_norms(table))
    return record


def _statistics(array: np.ndarray) -> dict[str, Any]:
    """Extremes, mean, standard deviation and a histogram, of what no mask has pushed down."""
    real = array.reshape(-1).astype(np.float64)
    finite = real[np.isfinite(real)]
    kept = finite[finite > -MASKED]
    record: dict[str, Any] = {"masked": int(finite.size - kept.size), "notFinite": int(real.size - finite.size)}
    if kept.size == 0:
        return record
    low, high = float(kept.min()), float(kept.max())
    record.update(min=rounded(low), max=rounded(high), mean=rounded(float(kept.mean())), std=rounded(float(kept.std())))
    if high > low and math.isfinite(high - low):
        record["histogram"] = np.histogram(kept, bins=BINS, range=(low, high))[0].tolist()
    return record

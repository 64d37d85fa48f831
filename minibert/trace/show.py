"""A trace as a table: a row of numbers for each value, and the row as text."""

import math
from typing import Any

import numpy as np

from minibert.backend import to_numpy

MASKED = 1e30  # a number this far from 0 is a mask's


def row_of(trace: Any, name: str, step: int) -> dict[str, Any]:
    """One value of a trace as data: see `Trace.table`."""
    point, array = trace.points[name], to_numpy(trace[name])
    real = array.astype(np.float64)
    masked = (array.dtype.kind == "f") & (np.abs(real) > MASKED)
    real = real[~masked] if not masked.all() else np.zeros(1)
    row = {
        "step": step,
        "name": name,
        "formula": point.formula,
        "symbols": point.shape,
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "min": float(real.min()),
        "max": float(real.max()),
        "mean": float(real.mean()),
        "std": float(real.std()),
        "masked": int(masked.sum()),
        "first": array.reshape(-1)[:4].tolist(),
        "seconds": trace.seconds[name],
        "edited": name in trace.before,
    }
    if name in trace.grad:
        row["grad_norm"] = float(np.linalg.norm(to_numpy(trace.grad[name]).astype(np.float64)))
    return row


def row_text(row: dict[str, Any]) -> str:
    """Two lines of a walk."""
    symbols = f"({', '.join(row['symbols'].split())})"
    shape = f"({', '.join(map(str, row['shape']))})"
    first = " ".join(f"{value:.4g}" for value in row["first"])
    more = " …" if math.prod(row["shape"]) > len(row["first"]) else ""
    edited = "  [edited]" if row["edited"] else ""
    masked = f", {row['masked']} masked" if row["masked"] else ""
    gradient = f"  |grad| {row['grad_norm']:.3g}" if "grad_norm" in row else ""
    return (
        f"{row['step']:4d}  {row['name']}  {symbols} = {shape} {row['dtype']}  {row['seconds'] * 1e3:.2f} ms{edited}\n"
        f"      = {row['formula']}\n"
        f"      {row['min']:.4g} .. {row['max']:.4g}, mean {row['mean']:.4g}, std {row['std']:.4g}"
        f"{masked}{gradient}: {first}{more}"
    )

"""The inputs of an exercise, as a dict that shows itself as a table."""

import html
from collections.abc import Mapping
from typing import Any

import numpy as np


class Inputs(dict[str, Any]):
    """Inputs by name; `repr` shows name, shape and dtype, a small value itself.

    >>> Inputs({"x": np.zeros((2, 3)), "heads": 2}, {})
    x      (2, 3) float64
    heads  2
    """

    def __init__(self, values: Mapping[str, Any], sizes: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.sizes = dict(sizes)

    def __repr__(self) -> str:
        rows = self._rows()
        wide = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{wide}}  {text}" for name, text in rows)

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td style='text-align:left'><code>{html.escape(name)}</code></td>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self._rows()
        )
        return f"<table>{cells}</table>"

    def _rows(self) -> list[tuple[str, str]]:
        rows = []
        for name, value in self.items():
            if isinstance(value, dict) and all(isinstance(each, np.ndarray) for each in value.values()):
                rows.append((name, f"dict of {len(value)} arrays"))
                rows += [(f'  "{key}"', value_text(each)) for key, each in value.items()]
            else:
                rows.append((name, value_text(value)))
        return rows


def value_text(value: Any) -> str:
    """A value in at most a line: an array by shape and dtype, a small one of integers itself."""
    if isinstance(value, np.ndarray):
        shape = f"{value.shape} {value.dtype}"
        if value.dtype.kind in "iub" and 0 < value.size <= 24:
            return f"{shape} {' '.join(str(value.tolist()).split())}"
        return shape
    if callable(value):
        return f"a function: {(value.__doc__ or value.__name__).strip()}"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:99]}…"

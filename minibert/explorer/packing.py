"""Numbers for the page: small integers with a scale for each row, in base64.

A row is coded by its largest magnitude: `value = code * scale`, off by at most half a scale. Everything has 8 bits with
a sign, except attention: of its probabilities the square roots are coded, in 8 or 16 bits without a sign, so that small
ones keep their digits beside large ones. What is not finite has no code: its row's scale is NaN.
"""

import base64
from typing import Any

import numpy as np

Shape = tuple[int, ...]


def code_probabilities(rows: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """rows (R, n) of numbers >= 0 -> codes of 8 or 16 bits (R, n), scales (R,): `value = (code * scale)²`.

    >>> codes, scales = code_probabilities(np.array([[0.0, 0.25, 1.0]]), 8)
    >>> codes.tolist(), round(float(scales[0]), 5)
    ([[0, 128, 255]], 0.00392)
    """
    return _coded(np.sqrt(rows.astype(np.float64)), 2**bits - 1, np.dtype(f"<u{bits // 8}"))


def code_signed(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """rows (R, n) -> codes from -127 to 127 (R, n), scales (R,).

    >>> codes, scales = code_signed(np.array([[-2.0, 1.0], [0.0, 0.0]]))
    >>> codes.tolist(), [round(scale, 4) for scale in scales.tolist()]
    ([[-127, 64], [0, 0]], [0.0157, 0.0])
    """
    return _coded(rows, 127, np.dtype(np.int8))


def _coded(rows: np.ndarray, largest: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    rows = rows.astype(np.float64)
    finite = np.isfinite(rows)
    sound = finite.all(axis=1)
    rows = np.where(finite, rows, 0.0)
    scales = np.abs(rows).max(axis=1, initial=0.0) / largest
    codes = np.rint(rows / np.where(scales > 0.0, scales, 1.0)[:, None]).astype(dtype)
    limit = float(np.finfo(np.float32).max)
    return codes, np.where(sound, np.minimum(scales, limit), np.nan).astype("<f4")


class Blob:
    """Arrays one after the other, which the page gets as one base64 string; `add` tells where an array begins."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self._parts: list[np.ndarray] = []
        self._size = 0

    def add(self, array: np.ndarray) -> int:
        """Append an array; gives the index of its first number."""
        at = self._size
        self._parts.append(array.astype(self.dtype, copy=False).reshape(-1))
        self._size += array.size
        return at

    def base64(self) -> str:
        """All of it."""
        return base64.b64encode(b"".join(part.tobytes() for part in self._parts)).decode("ascii")


def rounded(number: float, digits: int = 5) -> float | str | None:
    """A number for JSON, to so many significant digits; what JSON cannot say as a word.

    >>> rounded(0.123456789), rounded(float("inf"))
    (0.12346, 'inf')
    """
    return float(f"{float(number):.{digits}g}") if np.isfinite(number) else str(float(number))

"""One tensor on both sides, with all that a diagnosis may look at around it.

An explanation is an array that the other side could be. It counts if it leaves a tenth of the difference, or noise.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.golden.metrics import HIDDEN
from minibert.golden.packs.pack import Entry, Pack

MOST_NUMBERS = 1 << 22  # of a larger array the text with the largest difference is looked at
# words, and what the step gives if they are true; None where they were found true by other means
Mistakes = Iterator[tuple[str, np.ndarray | None]]


def comparable_places(array: np.ndarray) -> np.ndarray:
    """Where an array is finite and not hidden by a mask."""
    return np.isfinite(array) & (array > HIDDEN)


class TensorPair:
    """Both sides of one tensor, and the values, weights and configuration around it.

    Args:
        entry, golden, other: the tensor on both sides.
        floor_rms: the noise floor of the root mean square.
        pack: every golden value.
        other_values: the other side's values by golden name, or None where they are not at hand.
        weights: parameters by name, or None.
        worst: the index of the largest difference.

    Attributes:
        golden, other: float64, cut to one text where they are large.
        comparable: where both are finite and not hidden by a mask.
        distance: how far they are apart there, the root mean square.
    """

    def __init__(
        self,
        entry: Entry,
        golden: np.ndarray,
        other: np.ndarray,
        floor_rms: float,
        pack: Pack,
        other_values: Mapping[str, np.ndarray] | None = None,
        weights: Mapping[str, np.ndarray] | None = None,
        worst: tuple[int, ...] = (),
    ) -> None:
        self.entry, self.pack, self.other_values, self.weights = entry, pack, other_values, weights
        self.name, self.floor_rms = entry.name, floor_rms
        self.config: Mapping[str, Any] = pack.manifest["model"].get("config", {})
        self.batch = golden.shape[0] if golden.ndim > 1 else 0
        self.rows = slice(None)
        if golden.size > MOST_NUMBERS and golden.shape == other.shape and self.batch > 1:
            start = worst[0] if worst else 0
            self.rows = slice(start, start + max(1, MOST_NUMBERS * self.batch // golden.size))
        self.golden = self._cut(golden)
        self.other = self._cut(other)
        self.same_shape = golden.shape == other.shape
        if self.same_shape:
            self.comparable = comparable_places(self.golden) & comparable_places(self.other)
            self.distance = self._rms(self.golden)

    def _cut(self, array: np.ndarray) -> np.ndarray:
        if self.rows != slice(None) and array.ndim > 1 and array.shape[0] == self.batch:
            array = array[self.rows]
        return array.astype(np.float64)

    def _rms(self, candidate: np.ndarray) -> float:
        """The root mean square by which the other side is off a candidate, hidden numbers left out."""
        d = self.other[self.comparable] - np.broadcast_to(candidate, self.other.shape)[self.comparable]
        with np.errstate(over="ignore"):  # a candidate with float64's mask in it is infinitely far off
            return float(np.sqrt(np.mean(d * d))) if d.size else 0.0

    def explains(self, candidate: np.ndarray) -> bool:
        """Whether the other side is this array, as far as noise lets one say."""
        try:
            candidate = np.broadcast_to(candidate, self.other.shape)
        except ValueError:
            return False
        if not np.isfinite(candidate[self.comparable]).all() or self.distance == 0.0:
            return False
        left = self._rms(candidate)
        return left <= 0.1 * self.distance or (left <= 2 * self.floor_rms and left <= self.distance / 3)

    def first_that_explains(self, mistakes: Mistakes) -> str:
        """The words of the first mistake that the other side is, to noise, or else of the nearest; "" if it is none."""
        nearest, found = math.inf, ""
        for words, candidate in mistakes:
            if candidate is None:
                return found or words
            if self.explains(candidate):
                left = self._rms(candidate)
                if left <= max(2 * self.floor_rms, 1e-3 * self.distance):
                    return words
                if left < nearest:
                    nearest, found = left, words
        return found

    def golden_value(self, name: str) -> np.ndarray | None:
        """A golden value, cut to the same texts; None if the pack does not hold it."""
        return self._cut(self.pack[name]) if name in self.pack else None

    def value_fed(self, name: str) -> np.ndarray | None:
        """What the other side fed its step with, as far as it is known; else the golden value."""
        if self.other_values is not None and name in self.other_values and name in self.pack:
            array = np.asarray(self.other_values[name])
            if array.shape == self.pack[name].shape:
                return self._cut(array)
        return self.golden_value(name)

    def weight(self, name: str) -> np.ndarray | None:
        """A parameter; None if it is not at hand."""
        if self.weights is None or name not in self.weights:
            return None
        return np.asarray(to_numpy(self.weights[name]), dtype=np.float64)

    @property
    def parent(self) -> str:
        """The path of the module that the value is in."""
        return self.name.rsplit(".", 1)[0] if "." in self.name else ""

    @property
    def heads(self) -> int:
        """N."""
        return int(self.config.get("num_attention_heads", 1))

    @property
    def prefix(self) -> str:
        """The encoder's name: "bert.", or "" for the bare model."""
        name = next((each for each in self.pack if each.endswith("embeddings.sum")), "embeddings.sum")
        return name[: -len("embeddings.sum")]

    def padding(self) -> np.ndarray | None:
        """(B, T), True at padding tokens; None if there is no two-dimensional mask with padding."""
        mask = self.golden_value("attention_mask")
        if mask is None:
            mask = self.golden_value("input/attention_mask")
        if mask is None or mask.ndim != 2 or (mask != 0).all():
            return None
        return mask == 0

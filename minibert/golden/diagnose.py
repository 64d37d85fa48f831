"""What a difference looks like, in words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.golden.metrics import HIDDEN, Difference
from minibert.golden.pack import Entry, Pack


@dataclass(frozen=True)
class Evidence:
    """All that a diagnosis may look at.

    Attributes:
        entry, golden, other: the tensor on both sides.
        tolerance: how far the worst number may be.
        pack: every golden value.
        theirs: the other side's values by golden name, or None where they are not at hand.
        weights: parameters by name, or None.
        found: the measures, None where the shapes differ.
    """

    entry: Entry
    golden: np.ndarray
    other: np.ndarray
    tolerance: float
    pack: Pack
    theirs: Mapping[str, np.ndarray] | None
    weights: Mapping[str, np.ndarray] | None
    multiple: float
    found: Difference | None


def diagnose(evidence: Evidence) -> str:
    return ""

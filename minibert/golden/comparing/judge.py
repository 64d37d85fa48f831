"""The judge: one golden tensor beside another array."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from minibert.golden.comparing.results import DAMAGED, DIFFERS, DTYPE, OK, SHAPE, TensorResult
from minibert.golden.diagnosis.diagnose import diagnose
from minibert.golden.diagnosis.tensor_pair import TensorPair
from minibert.golden.errors import GoldenError
from minibert.golden.metrics import Difference, coarser, difference
from minibert.golden.packs.pack import Entry, Pack

MULTIPLE = 16.0
PRECISIONS = {"float64": 2.0**-52, "float32": 2.0**-23, "tf32": 2.0**-10, "float16": 2.0**-10, "bfloat16": 2.0**-7}


class Judge:
    """Judges arrays against a pack's tensors, one at a time.

    Args:
        pack: the golden side.
        multiple: a tolerance is this many noise floors.
        precision: what the other side computes in, where its arrays do not tell ("bfloat16" handed out as float32).
        weights: parameters by name, for diagnoses that need them.
        other: the other side's arrays by golden name, where they can be looked up, for diagnoses.
        explain_all: diagnose every difference, not only the first.
    """

    def __init__(
        self,
        pack: Pack,
        multiple: float = MULTIPLE,
        precision: str | None = None,
        weights: Mapping[str, np.ndarray] | None = None,
        other: Mapping[str, np.ndarray] | None = None,
        explain_all: bool = False,
    ) -> None:
        if isinstance(multiple, bool) or not isinstance(multiple, int | float) or not 0 < multiple < math.inf:
            raise GoldenError(f"multiple is {multiple!r}: a positive number belongs there.")
        if precision is not None and precision not in PRECISIONS:
            raise GoldenError(f"precision {precision!r} is not known: choose one of {', '.join(PRECISIONS)}.")
        self.pack, self.multiple, self.precision = pack, float(multiple), precision
        self.weights, self.other, self.explain_all = weights, other, explain_all
        self._explained = False
        self._noise_eps = float(np.finfo(np.dtype(pack.manifest.get("noise_dtype", "float32"))).eps)

    def judge(self, entry: Entry, other: np.ndarray) -> TensorResult:
        """The verdict on one tensor."""
        result = TensorResult(entry.name, OK, entry.kind, entry.formula)
        if not self.pack.intact(entry.name):
            detail = "its sha256 is another than the manifest's: the file was changed after recording"
            return replace(result, verdict=DAMAGED, detail=detail)
        golden = self.pack[entry.name]
        if golden.shape != other.shape:
            detail = f"golden {golden.shape}, other {other.shape}"
            return replace(result, verdict=SHAPE, detail=detail, diagnosis=self._words(entry, golden, other, 0.0))
        if (golden.dtype.kind == "f") != (other.dtype.kind == "f"):
            return replace(result, verdict=DTYPE, detail=f"golden {golden.dtype}, other {other.dtype}")
        found = difference(golden, other)
        floor, worst, rms = self._tolerances(entry, golden, other)
        good = found.max_abs <= worst and found.rms <= rms and not found.hidden
        return replace(
            result,
            verdict=OK if good else DIFFERS,
            difference=found,
            tolerance=worst,
            rms_tolerance=rms,
            floor=floor,
            diagnosis="" if good else self._words(entry, golden, other, rms, found),
        )

    def _tolerances(self, entry: Entry, golden: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
        """The noise floor, and how far the worst number and the root mean square may be: both `multiple` floors."""
        if entry.floor is None:
            return 0.0, 0.0, 0.0
        eps = float(np.finfo(coarser(golden.dtype, other.dtype)).eps)
        if self.precision is not None:
            eps = max(eps, PRECISIONS[self.precision])
        ratio = eps / self._noise_eps
        floor = entry.floor["max_abs"] * ratio
        return floor, self.multiple * floor, self.multiple * entry.floor["rms"] * ratio

    def _words(
        self, entry: Entry, golden: np.ndarray, other: np.ndarray, rms_tolerance: float, found: Difference | None = None
    ) -> str:
        if self._explained and not self.explain_all:
            return ""
        self._explained = True
        floor = 0.0 if entry.floor is None else rms_tolerance / self.multiple
        worst = () if found is None else found.worst
        return diagnose(TensorPair(entry, golden, other, floor, self.pack, self.other, self.weights, worst))


def weights_of(weights: Any) -> Mapping[str, np.ndarray] | None:
    """Parameters by name, from a model or a mapping; None if there are none."""
    if weights is None or isinstance(weights, Mapping):
        return weights
    if hasattr(weights, "state_dict"):
        return weights.state_dict()
    raise GoldenError(f"weights is a {type(weights).__name__}: a model or a dict of arrays belongs there.")

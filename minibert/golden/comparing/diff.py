"""The judge: one golden tensor beside another array, and `diff`, which does so for whole packs."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from minibert.golden.comparing.report import DAMAGED, DIFFERS, DTYPE, EXTRA, MISSING, OK, SHAPE, Report, TensorResult
from minibert.golden.diagnosis.diagnose import diagnose
from minibert.golden.diagnosis.tensor_pair import TensorPair
from minibert.golden.errors import GoldenError
from minibert.golden.metrics import Difference, coarser, difference
from minibert.golden.packs.foreign_arrays import NameMap, Names, open_values
from minibert.golden.packs.pack import Entry, Pack, open_pack

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


class _ByGoldenName(Mapping[str, np.ndarray]):
    """The other side's arrays, looked up by golden names."""

    def __init__(self, values: Mapping[str, np.ndarray], names: NameMap) -> None:
        self._values, self._names = values, names

    def __getitem__(self, name: str) -> np.ndarray:
        return self._values[self._names.other(name)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._names.other(name) in self._values

    def __iter__(self) -> Any:
        raise TypeError("the other side's arrays are looked up, never listed")

    def __len__(self) -> int:
        return len(self._values)


def diff(
    golden: Any,
    other: Any,
    *,
    names: Names | None = None,
    partial: bool | None = None,
    only: str | Iterable[str] | None = None,
    multiple: float = MULTIPLE,
    precision: str | None = None,
    weights: Any = None,
) -> Report:
    """Compare arrays with a golden pack, tensor by tensor in execution order.

    Args:
        golden: a golden pack.
        other: another pack, a .safetensors or .npz file, or a dict of arrays.
        names: golden name -> other name, see `NameMap`; needed where they differ.
        partial: whether names may be missing on either side. By default yes, except between two golden packs.
        only: compare just the tensors that match this glob, or one of these.
        multiple: the tolerance, in noise floors. Of 9,684 tensors of all 23 classes, PyTorch's float32 run was off by
            6.1 floors at most, its float64 run by 11.2 of the floors scaled to float64; the default is 16.
        precision: what the other side computes in ("bfloat16", "float16", "tf32") where its arrays do not show it;
            tolerances grow with its rounding error.
        weights: a model or {parameter: array}: diagnoses then try other layers' weights, missing biases and so on.

    Returns:
        A Report: `.ok`, `.first`, one row a tensor.

    Raises:
        GoldenError, WeightFileError: a side cannot be read, or not one name is on both.
    """
    pack = open_pack(golden)
    values, what = open_values(other)
    mapping = NameMap(names)
    both_packs = isinstance(values, Pack) and names is None
    lenient = not both_packs if partial is None else partial
    judge = Judge(pack, multiple, precision, weights_of(weights), _ByGoldenName(values, mapping))
    report = Report(pack.path.name, what, "propagated", judge.multiple)
    if isinstance(values, Pack):
        report.notes += differing_rules(pack.manifest, values.manifest)
    patterns = patterns_of(pack, only)
    for entry in pack.results():
        if not chosen(entry, patterns):
            continue
        theirs = mapping.find((entry.name, *entry.aliases), values)
        if theirs is None:
            report.rows.append(missing_row(entry, counts=not lenient))
        elif isinstance(values, Pack) and not values.intact(values.resolve(theirs) or theirs):
            detail = f"in {what}: its sha256 is another than the manifest's"
            report.rows.append(TensorResult(entry.name, DAMAGED, entry.kind, entry.formula, detail=detail))
        else:
            report.rows.append(judge.judge(entry, as_floats(theirs, values[theirs])))
    if not report.compared:
        raise GoldenError(_nothing_compared(pack, values, what))
    if patterns is None:
        report.rows += [_extra_row(name, counts=not lenient) for name in _unused(values, mapping)]
    return report


def as_floats(name: str, array: np.ndarray) -> np.ndarray:
    """The array itself, if it holds numbers."""
    if array.dtype.kind not in "biuf":
        raise GoldenError(f"{name} holds {array.dtype}: an array of numbers belongs there.")
    return array


def patterns_of(pack: Pack, only: str | Iterable[str] | None) -> list[str] | None:
    """Globs as a list; None for all tensors. Raises GoldenError for one that fits nothing in the pack."""
    if only is None:
        return None
    patterns = [only] if isinstance(only, str) else list(only)
    for pattern in patterns:
        if not any(chosen(entry, [pattern]) for entry in pack.results()):
            raise GoldenError(f"only has {pattern!r}, which fits no tensor of {pack.path.name}.")
    return patterns


def chosen(entry: Entry, patterns: list[str] | None) -> bool:
    """Whether a tensor, by its name or an alias, is among those to compare."""
    if patterns is None:
        return True
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in (entry.name, *entry.aliases))


def missing_row(entry: Entry, counts: bool) -> TensorResult:
    """The verdict on a tensor that the other side lacks."""
    return TensorResult(entry.name, MISSING, entry.kind, entry.formula, counts=counts)


def _extra_row(name: str, counts: bool) -> TensorResult:
    return TensorResult(name, EXTRA, "", counts=counts)


def _unused(values: Mapping[str, np.ndarray], mapping: NameMap) -> list[str]:
    if isinstance(values, Pack):
        return [entry.name for entry in values.results() if entry.name not in mapping.used]
    return [name for name in values if name not in mapping.used]


def _nothing_compared(pack: Pack, values: Mapping[str, np.ndarray], what: str) -> str:
    mine = next((entry.name for entry in pack.results()), "nothing")
    theirs = next(iter(values), "nothing")
    return (
        f"no name of {what} ({theirs!r}, ...) is in {pack.path.name} ({mine!r}, ...): "
        "map them with names={golden name: other name}."
    )


def weights_of(weights: Any) -> Mapping[str, np.ndarray] | None:
    """Parameters by name, from a model or a mapping; None if there are none."""
    if weights is None or isinstance(weights, Mapping):
        return weights
    if hasattr(weights, "state_dict"):
        return weights.state_dict()
    raise GoldenError(f"weights is a {type(weights).__name__}: a model or a dict of arrays belongs there.")


def differing_rules(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """What two manifests say differently about semantics, configuration and weights, in sentences."""
    notes = []
    for section, what in (("semantics", "semantics"), ("model.config", "configuration")):
        left, right = _section(mine, section), _section(theirs, section)
        for key in left:
            if key in right and left[key] != right[key]:
                notes.append(f"{what}, {key}: golden {left[key]!r}, other {right[key]!r}")
    notes += differing_weights(mine["weights"], theirs["weights"])
    return notes


def differing_weights(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Which parameters are not the golden ones, and whether they are another parameter's."""
    if mine.get("sha256") == theirs.get("sha256"):
        return []
    golden, other = mine.get("parameters", {}), theirs.get("parameters", {})
    owners = {digest: name for name, digest in reversed(golden.items())}
    wrong = [name for name in golden if name in other and other[name] != golden[name]]
    absent = [name for name in golden if name not in other]
    notes = []
    if wrong:
        moved = [f"{name} holds {owners[other[name]]}" for name in wrong if other[name] in owners]
        listed = moved or wrong
        more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
        notes.append(f"weights: {len(wrong)} of {len(golden)} parameters differ: {', '.join(listed[:3])}{more}")
    if absent:
        notes.append(f"weights: {len(absent)} parameters of the golden model are not there: {', '.join(absent[:3])}")
    return notes or ["weights: they are not the golden model's"]


def _section(manifest: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    for key in path.split("."):
        manifest = manifest.get(key, {})
    return manifest

"""`diff`: arrays, of whatever made them, beside a golden pack."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from minibert.golden.comparing.differing_rules import differing_rules
from minibert.golden.comparing.judge import MULTIPLE, Judge, weights_of
from minibert.golden.comparing.name_map import NameMap, Names
from minibert.golden.comparing.report import Report
from minibert.golden.comparing.results import DAMAGED, EXTRA, MISSING, TensorResult
from minibert.golden.comparing.selection import Selection
from minibert.golden.comparing.unseen import unseen_epsilon
from minibert.golden.errors import GoldenError
from minibert.golden.packs.foreign_arrays import check_numbers, open_values
from minibert.golden.packs.pack import Entry, Pack, open_pack


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

    Example:
        >>> import tempfile, numpy as np, minibert as mb
        >>> model = mb.BertModel(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1,
        ...                                    num_attention_heads=2, intermediate_size=6))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pack = mb.golden.record(model, {"input_ids": [[1, 2]]}, f"{folder}/pack.safetensors")
        ...     mine = {"embeddings.position_ids": np.array([[2, 3]])}
        ...     mb.golden.diff(pack, mine).first.diagnosis
        "positions are off by 2 everywhere: they start at 0; RoBERTa's offset, padding_idx + 1, is for RoBERTa only"
    """
    pack = open_pack(golden)
    values, what = open_values(other)
    mapping = NameMap(names)
    if partial is None:
        partial = names is not None or not isinstance(values, Pack)
    judge = Judge(pack, multiple, precision, weights_of(weights), _ByGoldenName(values, mapping))
    report = Report(pack.path.name, what, "propagated", judge.multiple)
    if isinstance(values, Pack):
        report.notes += differing_rules(pack.manifest, values.manifest)
    selection = Selection(pack, only)
    for entry in selection.entries:
        theirs = mapping.find((entry.name, *entry.aliases), values)
        if theirs is None:
            report.rows.append(TensorResult.of(entry, MISSING, counts=not partial))
        else:
            report.rows.append(_judged(judge, entry, values, theirs, what))
    if not report.compared:
        raise GoldenError(_nothing_compared(pack, values, what))
    if selection.everything:
        report.rows += [TensorResult(name, EXTRA, "", counts=not partial) for name in _unused(values, mapping)]
    if report.ok and not isinstance(values, Pack):
        report.notes += unseen_epsilon(pack, judge.multiple)
    return report


def _judged(judge: Judge, entry: Entry, values: Mapping[str, np.ndarray], theirs: str, what: str) -> TensorResult:
    """The verdict on a tensor that goes by the name `theirs` on the other side, `what`."""
    if isinstance(values, Pack) and not values.intact(values.resolve(theirs) or theirs):
        return TensorResult.of(entry, DAMAGED, f"in {what}: its sha256 is another than the manifest's")
    return judge.judge(entry, check_numbers(theirs, values[theirs]))


class _ByGoldenName(Mapping[str, np.ndarray]):
    """The other side's arrays, looked up by golden names."""

    def __init__(self, values: Mapping[str, np.ndarray], names: NameMap) -> None:
        self._values, self._names = values, names

    def __getitem__(self, name: str) -> np.ndarray:
        return self._values[self._names.other(name)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._names.other(name) in self._values

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the other side's arrays are looked up, never listed")

    def __len__(self) -> int:
        return len(self._values)


def _unused(values: Mapping[str, np.ndarray], mapping: NameMap) -> list[str]:
    """The other side's names that stood for no golden one."""
    names = [entry.name for entry in values.results()] if isinstance(values, Pack) else list(values)
    return [name for name in names if name not in mapping.used]


def _nothing_compared(pack: Pack, values: Mapping[str, np.ndarray], what: str) -> str:
    mine = next((entry.name for entry in pack.results()), "nothing")
    theirs = next(iter(values), "nothing")
    return (
        f"no name of {what} ({theirs!r}, ...) is in {pack.path.name} ({mine!r}, ...): "
        "map them with names={golden name: other name}."
    )

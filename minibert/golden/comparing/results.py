"""What a comparison found, tensor by tensor."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from minibert.golden.metrics import Difference
from minibert.golden.packs.named_array import VALUE
from minibert.golden.packs.pack import Entry

OK, DIFFERS, SHAPE, DTYPE, MISSING, EXTRA, DAMAGED, FAILED, SKIPPED = (
    "ok", "differs", "shape", "dtype", "missing", "extra", "damaged", "failed", "skipped",
)  # fmt: skip
VERDICTS = {
    OK: "within its tolerance",
    DIFFERS: "beyond its tolerance",
    SHAPE: "another shape",
    DTYPE: "other kind of numbers",
    MISSING: "in the pack, not on the other side",
    EXTRA: "on the other side, not in the pack",
    DAMAGED: "the pack's own numbers do not fit their checksum",
    FAILED: "the port's function did not give an array",
    SKIPPED: "not compared",
}


@dataclass(frozen=True)
class TensorResult:
    """The verdict on one tensor.

    Attributes:
        name: in the golden pack (of an extra one: on the other side).
        verdict: one of `VERDICTS`.
        kind: value, gradient, parameter gradient, ...
        formula: of the value, as the pack has it.
        difference: the measures; None where there was nothing to measure.
        tolerance: how far `difference.max_abs` may be, `multiple` times the noise floor; 0 for integers.
        rms_tolerance: how far `difference.rms` may be, in the same way.
        floor: the noise floor that the tolerance is a multiple of.
        diagnosis: in words, where one fits.
        detail: what else there is to say: both shapes, an exception.
        counts: whether the verdict counts against the comparison as a whole.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> model = mb.BertModel(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1,
        ...                                    num_attention_heads=2, intermediate_size=6), seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pack = mb.golden.record(model, {"input_ids": [[2, 4, 3]]}, f"{folder}/pack.safetensors")
        ...     report = mb.golden.diff(pack, {"pooler": model(input_ids=[[2, 4, 3]]).pooler_output + 1})
        >>> row = report.first
        >>> row.name, row.verdict, row.difference.max_abs > row.tolerance
        ('pooler', 'differs', True)
    """

    name: str
    verdict: str
    kind: str = VALUE
    formula: str = ""
    difference: Difference | None = None
    tolerance: float | None = None
    rms_tolerance: float | None = None
    floor: float | None = None
    diagnosis: str = ""
    detail: str = ""
    counts: bool = True

    @classmethod
    def of(cls, entry: Entry, verdict: str, detail: str = "", counts: bool = True) -> "TensorResult":
        """A verdict on a tensor of a pack that needs no measuring."""
        return cls(entry.name, verdict, entry.kind, entry.formula, detail=detail, counts=counts)

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against this tensor."""
        return self.verdict in (OK, SKIPPED) or not self.counts

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        row: dict[str, Any] = {"name": self.name, "verdict": self.verdict, "kind": self.kind, "ok": self.ok}
        if self.difference is not None:
            d = self.difference
            row.update(
                max_abs=d.max_abs, rms=d.rms, max_rel=d.max_rel, ulp=d.ulp, cosine=d.cosine, nmse=d.nmse,
                worst_index=list(d.worst), golden=d.golden, other=d.other, hidden=d.hidden,
                tolerance=self.tolerance, rms_tolerance=self.rms_tolerance, floor=self.floor,
            )  # fmt: skip
        for key in ("formula", "diagnosis", "detail"):
            if getattr(self, key):
                row[key] = getattr(self, key)
        return row


@dataclass
class Results:
    """All verdicts, in the pack's execution order; extra names stand at the end.

    Attributes:
        golden, other: what was compared.
        mode: "propagated" or "isolated".
        multiple: tolerances are this many noise floors.
        rows: one TensorResult a tensor.
        notes: what is said of the whole: rules or weights that differ.
    """

    golden: str
    other: str
    mode: str
    multiple: float
    rows: list[TensorResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every tensor is within its tolerance, and at least one was compared."""
        return self.compared > 0 and all(row.ok for row in self.rows)

    @property
    def first(self) -> TensorResult | None:
        """The first divergence in execution order: look for the mistake in the step that makes this value."""
        ordered = [row for row in self.rows if not row.ok]
        numbers = [row for row in ordered if row.verdict not in (MISSING, EXTRA)]
        return next(iter([*numbers, *ordered]), None)

    @property
    def compared(self) -> int:
        """How many tensors were on both sides."""
        return sum(row.verdict not in (MISSING, EXTRA, SKIPPED) for row in self.rows)

    @property
    def failures(self) -> list[TensorResult]:
        """Every row that speaks against the comparison."""
        return [row for row in self.rows if not row.ok]

    def __iter__(self) -> Iterator[TensorResult]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> TensorResult:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"the report has no tensor {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        first = self.first
        return {
            "ok": self.ok,
            "golden": self.golden,
            "other": self.other,
            "mode": self.mode,
            "multiple": self.multiple,
            "compared": self.compared,
            "first": None if first is None else first.name,
            "notes": self.notes,
            "tensors": [row.to_dict() for row in self.rows],
        }

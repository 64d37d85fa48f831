"""Which tensor of a checkpoint belongs to which weight of a model: comparing names and shapes, nothing else.

A checkpoint rarely spells its names as the model does. Handled here:

* the family's prefix ("bert.", "roberta.", "rembert.") is there for one and missing for the other, because a
  bare encoder is loaded into a task class or the other way round;
* LayerNorm's weight and bias have their TensorFlow names, gamma and beta (by exact suffix: other models have
  parameters whose names merely contain these words);
* one tensor is stored twice under two tied names, or once under the copy's name;
* buffers are stored that are computed nowadays;
* heads of other tasks, or no head for this task yet.

Pure functions of names and shapes, without arrays or models. `loading.py` reads what a plan says.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from minibert.errors import WeightFileError
from minibert.messages import quoted
from minibert.weights.misfit import describe_misfit
from minibert.weights.report import LoadReport, Shape

_OLD_BUFFERS = {
    "embeddings.position_ids": "a buffer of old versions, computed here",
    "embeddings.token_type_ids": "a buffer of old versions, computed here",
}
_OLD_SUFFIXES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
_KNOWN_HEADS = frozenset({"cls", "classifier", "qa_outputs", "lm_head", "pooler"})


@dataclass
class LoadPlan:
    """What to read.

    `reads` is {name in the model: name in the checkpoint}; `copies` is {name in the checkpoint: name in the
    model} of stored copies that must equal the tensor they copy, bit for bit.
    """

    reads: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    report: LoadReport = field(default_factory=LoadReport)
    checkpoint_shapes: Mapping[str, Shape] = field(default_factory=dict)
    base_prefix: str = ""

    def check(self) -> None:
        """Raise one WeightFileError that names everything missing and misshapen, if there is any."""
        misshapen = {
            name: shapes
            for name, shapes in self.report.mismatched.items()
            if name not in self.report.initialised  # asked for by ignore_mismatched_sizes
        }
        if self.report.missing or misshapen:
            raise WeightFileError(
                describe_misfit(
                    self.report.source,
                    self.report.missing,
                    misshapen,
                    checkpoint_names=self.checkpoint_shapes,
                    base_prefix=self.base_prefix,
                )
            )


def plan_loading(
    model_shapes: Mapping[str, Shape],
    checkpoint_shapes: Mapping[str, Shape],
    tied: Mapping[str, str] | None = None,
    base_prefix: str = "bert",
    new_heads: Collection[str] | None = None,
    *,
    ignore_mismatched_sizes: bool = False,
    source: str = "checkpoint",
) -> LoadPlan:
    """Match the names of a checkpoint with those of a model.

    `model_shapes` is {name: shape} of the model's own weights, tied copies left out; `tied` is {copy:
    original} of those, in the model's names. `base_prefix` is the encoder's name in task classes ("bert").
    `new_heads` are the beginnings of names that may be absent, as a whole, from the checkpoint; by default
    every head, the pooler among them. `source` names the checkpoint in messages.

    Nothing is raised for missing or misshapen tensors: `plan.report` lists them and `plan.check()` raises.
    Raises WeightFileError when two tensors of the checkpoint claim the same place.
    """
    tied = tied or {}
    plan = LoadPlan(report=LoadReport(source), checkpoint_shapes=checkpoint_shapes, base_prefix=base_prefix)
    leftovers = _match_names(plan, model_shapes, tied)
    _promote_lonely_copies(plan)
    _compare_shapes(plan, model_shapes, ignore_mismatched_sizes)
    _sort_leftovers(plan, leftovers, model_shapes)
    _sort_absent(plan, model_shapes, new_heads)
    plan.report.loaded = list(plan.reads)
    plan.report.tied = dict(plan.copies)
    plan.report.renamed = {stored: name for name, stored in plan.reads.items() if stored != name}
    return plan


def modern_name(name: str) -> str:
    """LayerNorm's old names become the present ones.

    >>> modern_name("bert.embeddings.LayerNorm.gamma"), modern_name("encoder.gamma")
    ('bert.embeddings.LayerNorm.weight', 'encoder.gamma')
    """
    for old, new in _OLD_SUFFIXES.items():
        if name == old or name.endswith("." + old):
            return name.removesuffix(old) + new
    return name


def head_of(name: str, base_prefix: str) -> str:
    """The head that a weight belongs to, "" for the encoder.

    >>> head_of("bert.encoder.layer.0.output.dense.bias", "bert"), head_of("bert.pooler.dense.bias", "bert")
    ('', 'pooler')
    >>> head_of("cls.predictions.bias", "bert"), head_of("classifier.out_proj.weight", "roberta")
    ('cls.predictions', 'classifier')
    """
    parts = name.removeprefix(base_prefix + ".").split(".")
    if parts[0] in ("embeddings", "encoder"):
        return ""
    return ".".join(parts[:2]) if parts[0] == "cls" else parts[0]


def _match_names(plan: LoadPlan, model_shapes: Mapping[str, Shape], tied: Mapping[str, str]) -> list[str]:
    """Fill `reads` and `copies`; return the names that have no place in the model."""
    leftovers, claimed = [], dict[str, str]()
    for stored in plan.checkpoint_shapes:
        name = _name_in_model(stored, plan.base_prefix, model_shapes, tied)
        if name is None:
            leftovers.append(stored)
            continue
        if name in claimed:
            raise WeightFileError(
                f"{plan.report.source}: both {quoted(claimed[name])} and {quoted(stored)} would be the model's "
                f"{quoted(name)}. The checkpoint is a mixture of two; keep one of them."
            )
        claimed[name] = stored
        if name in tied:
            plan.copies[stored] = tied[name]
        else:
            plan.reads[name] = stored
    return leftovers


def _name_in_model(
    stored: str, base_prefix: str, model_shapes: Mapping[str, Shape], tied: Mapping[str, str]
) -> str | None:
    name = modern_name(stored)
    for candidate in (name, f"{base_prefix}.{name}", name.removeprefix(f"{base_prefix}.")):
        if candidate in model_shapes or candidate in tied:
            return candidate
    return None


def _promote_lonely_copies(plan: LoadPlan) -> None:
    """A copy whose original is not stored is read as the original."""
    for stored, original in list(plan.copies.items()):
        if original not in plan.reads:
            plan.reads[original] = stored
            del plan.copies[stored]


def _compare_shapes(plan: LoadPlan, model_shapes: Mapping[str, Shape], ignore: bool) -> None:
    """Note mismatches; with `ignore` the tensor is then not read, but initialised."""
    for name, stored in [*plan.reads.items(), *((original, copy) for copy, original in plan.copies.items())]:
        expected, found = tuple(model_shapes[name]), tuple(plan.checkpoint_shapes[stored])
        if expected != found:
            plan.report.mismatched.setdefault(name, (expected, found))
    for name in plan.report.mismatched if ignore else ():
        plan.reads.pop(name, None)
        plan.copies = {stored: original for stored, original in plan.copies.items() if original != name}
        plan.report.initialised.append(name)


def _sort_leftovers(plan: LoadPlan, leftovers: list[str], model_shapes: Mapping[str, Shape]) -> None:
    """Tensors without a place: harmless ones are ignored with a reason, the others are unexpected."""
    filled_heads = {head_of(name, plan.base_prefix) for name in plan.reads}
    has_pooler = any(head_of(name, plan.base_prefix) == "pooler" for name in model_shapes)
    for stored in leftovers:
        head = head_of(modern_name(stored), plan.base_prefix)
        if reason := _OLD_BUFFERS.get(stored.removeprefix(f"{plan.base_prefix}.")):
            plan.report.ignored[stored] = reason
        elif head == "pooler" and not has_pooler:
            plan.report.ignored[stored] = "this model has no pooler"
        elif head.split(".")[0] in _KNOWN_HEADS and head not in filled_heads:
            plan.report.ignored[stored] = "a head of another task"
        else:
            plan.report.unexpected.append(stored)


def _sort_absent(plan: LoadPlan, model_shapes: Mapping[str, Shape], new_heads: Collection[str] | None) -> None:
    """Weights without a tensor: a head that is absent as a whole is new, everything else is missing."""
    touched = {head_of(name, plan.base_prefix) for name in [*plan.reads, *plan.report.mismatched]}
    for name in model_shapes:
        if name in plan.reads or name in plan.report.initialised:
            continue
        head = head_of(name, plan.base_prefix)
        allowed = new_heads is None or name.startswith(tuple(new_heads))
        if head and head not in touched and allowed:
            plan.report.initialised.append(name)
        else:
            plan.report.missing.append(name)

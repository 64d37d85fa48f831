"""`check`: a model, or a port of one, against a golden pack; nothing of either side is kept."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minibert.golden.comparing.diff import (
    MULTIPLE,
    Judge,
    chosen,
    diff,
    differing_rules,
    missing_row,
    patterns_of,
    weights_of,
)
from minibert.golden.comparing.isolated import check_model_isolated, check_port_isolated
from minibert.golden.comparing.report import EXTRA, Report, TensorResult
from minibert.golden.errors import GoldenError
from minibert.golden.packs.foreign_arrays import Names
from minibert.golden.packs.manifest import model_section, semantics_card, weights_section
from minibert.golden.packs.named_array import NamedArray
from minibert.golden.packs.pack import Pack, open_pack
from minibert.golden.recording.streaming import run_streamed, twin_of
from minibert.golden.recording.training_steps import Training, run_training
from minibert.models.files import PreTrainedModel

_SIZES = (
    "model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "input_embedding_size", "output_embedding_size",
)  # fmt: skip
MODES = ("propagated", "isolated")


def check(
    path: str | os.PathLike[str] | Pack,
    model: Any,
    *,
    mode: str = "propagated",
    names: Names | None = None,
    partial: bool | None = None,
    only: str | Iterable[str] | None = None,
    multiple: float = MULTIPLE,
    precision: str | None = None,
    weights: Any = None,
) -> Report:
    """Run a model on a pack's inputs and compare every value as it is computed.

    Args:
        path: the golden pack; it also says whether there is a backward pass, and with which inputs.
        model: a model of minibert; or, of a port, its arrays by name (then this is `diff`) or with mode="isolated"
            {point name or glob: function of golden inputs}, see `minibert.golden.comparing.isolated`.
        mode: "propagated": the model runs as it is, so a mistake shows from the first divergence on. "isolated": each
            step is given golden inputs, so a mistake shows at its own step only.
        names, partial, only, multiple, precision, weights: as of `diff`; `weights` are by default the model's own.

    Returns:
        A Report: `.ok`, `.first`, one row a tensor.

    Raises:
        GoldenError, WeightFileError: the pack cannot be read, or is of a model with other sizes.
    """
    pack = open_pack(path)
    if mode not in MODES:
        raise GoldenError(f"mode {mode!r} is not known: choose one of {', '.join(MODES)}.")
    if not isinstance(model, PreTrainedModel):
        if mode == "isolated":
            judge = Judge(pack, multiple, precision, weights_of(weights), explain_all=True)
            return check_port_isolated(pack, model, judge, patterns_of(pack, only))
        options: dict[str, Any] = {"names": names, "partial": partial, "only": only, "multiple": multiple}
        return diff(pack, model, **options, precision=precision, weights=weights)
    if names is not None:
        raise GoldenError("names maps the arrays of a port; a model of minibert has the pack's own names.")
    _check_same_kind(pack, model)
    judge = Judge(
        pack, multiple, precision, weights_of(model if weights is None else weights), explain_all=mode == "isolated"
    )
    if mode == "isolated":
        report = check_model_isolated(pack, model, judge, patterns_of(pack, only))
    else:
        lenient = bool(pack.manifest.get("partial")) if partial is None else partial
        report = _check_pass(pack, model, judge, patterns_of(pack, only), lenient)
    section = {
        "model": model_section(model),
        "semantics": semantics_card(model.config, model.dtype, model.training),
        "weights": weights_section(model),
    }
    report.notes += differing_rules(pack.manifest, section)
    return report


def _check_same_kind(pack: Pack, model: PreTrainedModel) -> None:
    golden = pack.manifest["model"]
    name = type(model).__name__
    if golden.get("class") != name:
        raise GoldenError(f"{pack.path.name} is a pack of {golden.get('class')}, and the model is a {name}.")
    for field in _SIZES:
        size, own = golden.get("config", {}).get(field), getattr(model.config, field, None)
        if size != own:
            raise GoldenError(f"{pack.path.name} is of another model: its {field} is {size}, this model's is {own}.")


class _Judging:
    """A sink that judges each value as it comes."""

    def __init__(self, pack: Pack, judge: Judge, patterns: list[str] | None, lenient: bool) -> None:
        self.pack, self.judge, self.patterns, self.lenient = pack, judge, patterns, lenient
        self.found: dict[str, TensorResult] = {}
        self.extra: list[TensorResult] = []

    def __call__(self, value: NamedArray) -> None:
        name = next((each for each in (value.name, *value.aliases) if each in self.pack), None)
        resolved = None if name is None else self.pack.resolve(name)
        if resolved is None:
            self.extra.append(TensorResult(value.name, EXTRA, value.kind, value.formula, counts=not self.lenient))
        elif chosen(self.pack.entries[resolved], self.patterns):
            self.found[resolved] = self.judge.judge(self.pack.entries[resolved], np.asarray(value.array))

    def rows(self) -> list[TensorResult]:
        """In the pack's order, then what the pack does not have."""
        entries = [entry for entry in self.pack.results() if chosen(entry, self.patterns)]
        rows = [self.found.get(entry.name) or missing_row(entry, not self.lenient) for entry in entries]
        return rows + (self.extra if self.patterns is None else [])


def _check_pass(
    pack: Pack, model: PreTrainedModel, judge: Judge, patterns: list[str] | None, lenient: bool
) -> Report:
    sink = _Judging(pack, judge, patterns, lenient)
    twin = as_recorded(pack, model)
    steps = pack.manifest.get("training")
    if steps is not None:
        run_training(twin_of(model), pack.inputs(), Training.of(steps), sink)
    else:
        run_streamed(twin, pack.inputs(), sink, backward_of(pack))
    return Report(pack.path.name, type(model).__name__, "propagated", judge.multiple, sink.rows())


def as_recorded(pack: Pack, model: PreTrainedModel) -> PreTrainedModel:
    """A twin of the model, in training with the generator's recorded state if the pack was recorded so."""
    twin = twin_of(model)
    state = pack.manifest.get("dropout_state")
    if state is not None and twin.training:
        generator = np.random.PCG64()
        try:
            generator.state = state
        except (TypeError, ValueError, KeyError) as reason:
            raise GoldenError(f"{pack.path.name}: the recorded state of dropout cannot be used: {reason}.") from None
        twin.train(np.random.Generator(generator))
    return twin


def backward_of(pack: Pack) -> bool | Mapping[str, Any]:
    """Where the recorded backward pass started: False for none, True for the loss, or gradients by name."""
    return pack.seeds() or bool(pack.manifest.get("backward"))



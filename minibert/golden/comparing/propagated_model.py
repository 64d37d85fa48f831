"""A model of minibert run as it is: each value is judged as it comes, so that none is kept."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minibert.golden.comparing.judge import Judge
from minibert.golden.comparing.report import Report
from minibert.golden.comparing.results import EXTRA, MISSING, TensorResult
from minibert.golden.comparing.selection import Selection
from minibert.golden.errors import GoldenError
from minibert.golden.packs.named_array import NamedArray
from minibert.golden.packs.pack import Pack
from minibert.golden.recording.streaming import run_streamed, twin_of
from minibert.golden.recording.training_steps import Training, run_training
from minibert.models.files import PreTrainedModel


def check_model_propagated(
    pack: Pack, model: PreTrainedModel, judge: Judge, selection: Selection, partial: bool | None
) -> Report:
    """Judge every value of one run: a mistake shows from the first divergence on.

    Args:
        partial: whether names may be missing on either side; None for what the pack says.
    """
    partial = bool(pack.manifest.get("partial")) if partial is None else partial
    sink = _JudgingSink(pack, judge, selection, partial)
    steps = pack.manifest.get("training")
    if steps is not None:
        run_training(twin_of(model), pack.inputs(), Training.of(steps), sink)
    else:
        run_streamed(_as_recorded(pack, model), pack.inputs(), sink, _backward_of(pack))
    return Report(pack.path.name, type(model).__name__, "propagated", judge.multiple, sink.rows())


class _JudgingSink:
    """Takes the values of a run and judges each as it comes."""

    def __init__(self, pack: Pack, judge: Judge, selection: Selection, partial: bool) -> None:
        self.pack, self.judge, self.selection, self.partial = pack, judge, selection, partial
        self.found: dict[str, TensorResult] = {}
        self.extra: list[TensorResult] = []

    def __call__(self, value: NamedArray) -> None:
        known = (self.pack.resolve(name) for name in (value.name, *value.aliases))
        name = next((name for name in known if name is not None), None)
        if name is None:
            self.extra.append(TensorResult(value.name, EXTRA, value.kind, value.formula, counts=not self.partial))
        elif name in self.selection:
            self.found[name] = self.judge.judge(self.pack.entries[name], np.asarray(value.array))

    def rows(self) -> list[TensorResult]:
        """In the pack's order, then what the pack does not have."""
        rows = [
            self.found.get(entry.name) or TensorResult.of(entry, MISSING, counts=not self.partial)
            for entry in self.selection.entries
        ]
        return rows + (self.extra if self.selection.everything else [])


def _as_recorded(pack: Pack, model: PreTrainedModel) -> PreTrainedModel:
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


def _backward_of(pack: Pack) -> bool | Mapping[str, Any]:
    """Where the recorded backward pass started: False for none, True for the loss, or gradients by name."""
    return pack.seeds() or bool(pack.manifest.get("backward"))

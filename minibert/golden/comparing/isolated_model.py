"""Every step of a model of minibert on its own: each is fed golden inputs, so one mistake gives one red line."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.golden.comparing.judge import Judge
from minibert.golden.comparing.report import Report
from minibert.golden.comparing.results import SKIPPED, TensorResult
from minibert.golden.comparing.selection import Selection
from minibert.golden.errors import GoldenError
from minibert.golden.packs.named_array import VALUE, NamedArray
from minibert.golden.packs.pack import Entry, Pack
from minibert.golden.recording.streaming import run_streamed, twin_of
from minibert.models.files import PreTrainedModel


def check_model_isolated(pack: Pack, model: PreTrainedModel, judge: Judge, selection: Selection) -> Report:
    """Judge every step of a model of minibert: each value is compared, then replaced by the golden one.

    Values inside a LayerNorm (`rstd`, `normalized`) belong to its step and are not compared; nor are gradients.
    """
    if pack.manifest.get("training") is not None:
        raise GoldenError(f'{pack.path.name} holds whole training steps: check it in mode "propagated".')
    found = {entry.name: judge.judge(entry, ids) for entry, ids in _ids_of(pack, model)}
    inputs = _with_golden_positions(pack, found)
    run_streamed(twin_of(model), inputs, _ignore, edits=_replacements(pack, model, inputs, judge, found))
    rows = [found.get(entry.name) or TensorResult.of(entry, SKIPPED) for entry in selection.entries]
    return Report(pack.path.name, type(model).__name__, "isolated", judge.multiple, rows)


def _ignore(_value: NamedArray) -> None:
    """Edits see the values; what comes out of the run is not needed."""


def _replacements(
    pack: Pack, model: PreTrainedModel, inputs: Mapping[str, Any], judge: Judge, found: dict[str, TensorResult]
) -> dict[str, "_Replace"]:
    """Edits of all values that this model computes and the pack holds."""
    computed: set[str] = set()
    run_streamed(twin_of(model), inputs, lambda value: computed.add(value.name))
    return {
        entry.name: _Replace(pack, entry, judge, found)
        for entry in pack.results()
        if entry.kind == VALUE
        and entry.floor is not None
        and entry.name in computed
        and not entry.name.endswith((".rstd", ".normalized"))
    }


class _Replace:
    """An edit that judges what a step computed and goes on with the golden value."""

    def __init__(self, pack: Pack, entry: Entry, judge: Judge, found: dict[str, TensorResult]) -> None:
        self.pack, self.entry, self.judge, self.found = pack, entry, judge, found

    def __call__(self, value: Any) -> Any:
        self.found[self.entry.name] = self.judge.judge(self.entry, np.asarray(to_numpy(value)))
        golden = self.pack[self.entry.name]
        return golden if golden.shape == value.shape else value


class _PositionsSeen(Exception):
    """The run has come as far as it is needed."""


def _ids_of(pack: Pack, model: PreTrainedModel) -> list[tuple[Entry, np.ndarray]]:
    """The ids and positions that the model itself makes of the inputs."""
    seen: list[tuple[Entry, np.ndarray]] = []

    def look(value: NamedArray) -> None:
        if value.array.dtype.kind in "iub" and value.name in pack.entries:
            seen.append((pack.entries[value.name], np.array(value.array)))
        if value.name.endswith("embeddings.position_ids"):
            raise _PositionsSeen

    with suppress(_PositionsSeen):
        run_streamed(model, pack.inputs(), look)
    return seen


def _with_golden_positions(pack: Pack, found: Mapping[str, TensorResult]) -> dict[str, Any]:
    """The inputs; where the model counts positions otherwise, with the golden ones, so that what follows is right."""
    inputs = pack.inputs()
    name = next((name for name in pack if name.endswith("embeddings.position_ids")), None)
    ids = inputs.get("input_ids")
    if name is not None and name in found and not found[name].ok and ids is not None:
        rows = pack[name]
        if ids.ndim > 2:  # several choices a text
            rows = np.broadcast_to(rows, (ids.size // ids.shape[-1], ids.shape[-1])).reshape(ids.shape)
        inputs["position_ids"] = rows
    return inputs

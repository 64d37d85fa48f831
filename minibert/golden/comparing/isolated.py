"""Every step on its own: each is fed golden inputs, so one mistake gives one red line.

A port is given as a mapping from point names to functions:

    def scores(golden):
        query, key = golden.near("query"), golden.near("key")
        return my_scores(query, key, golden["bert.extended_attention_mask"], heads=golden.config["num_attention_heads"])

    mb.golden.check("pack.safetensors", {"bert.encoder.layer.*.attention.self.scores": scores}, mode="isolated")

A name may have `*` for any text. The function gets a `GoldenInputs` and returns the array that its step computes.
Whatever has no function is not compared.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import MinibertError
from minibert.golden.comparing.diff import Judge, chosen
from minibert.golden.comparing.report import FAILED, SKIPPED, Report, TensorResult
from minibert.golden.errors import GoldenError
from minibert.golden.packs.foreign_arrays import as_numbers
from minibert.golden.packs.named_array import VALUE, NamedArray
from minibert.golden.packs.pack import Entry, Pack
from minibert.golden.recording.streaming import run_streamed, twin_of
from minibert.models.files import PreTrainedModel

Port = Mapping[str, Callable[["GoldenInputs"], Any]]


class GoldenInputs(Mapping[str, np.ndarray]):
    """What a step of a port may use: every golden value before its own, and the call's inputs.

    Attributes:
        name: the point that is to be computed.
        layer: the number of the layer that it is in, or None.
        config: the model's configuration, as a dict.
    """

    def __init__(self, pack: Pack, entry: Entry, before: dict[str, int]) -> None:
        self._pack, self._before = pack, before
        self.name = entry.name
        parts = entry.name.split(".")
        numbers = [int(after) for part, after in pairwise(parts) if part == "layer" and after.isdigit()]
        self.layer = numbers[0] if numbers else None
        self.config: dict[str, Any] = dict(pack.manifest["model"]["config"])

    def __getitem__(self, name: str) -> np.ndarray:
        found = self._pack.resolve(name)
        if found is None:
            raise GoldenError(f"the pack holds no {name!r}, which the function for {self.name} asked for.")
        if self._before[found] >= self._before[self.name]:
            raise GoldenError(f"the function for {self.name} asked for {name}, which is not computed before it.")
        return self._pack[found]

    def near(self, quantity: str) -> np.ndarray:
        """The value of this last name in the same module, or in the nearest module around it."""
        path = self.name
        while "." in path:
            path = path.rsplit(".", 1)[0]
            if f"{path}.{quantity}" in self:
                return self[f"{path}.{quantity}"]
        return self[quantity]

    def __contains__(self, name: object) -> bool:
        found = self._pack.resolve(name) if isinstance(name, str) else None
        return found is not None and self._before[found] < self._before[self.name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, place in self._before.items() if place < self._before[self.name])

    def __len__(self) -> int:
        return self._before[self.name]


def check_port_isolated(pack: Pack, port: Any, judge: Judge, patterns: list[str] | None) -> Report:
    """Judge every step of a port, each fed with golden inputs.

    Raises:
        GoldenError: it is no mapping of functions, or a function is for no point of the pack.
    """
    if not isinstance(port, Mapping) or not port or not all(map(callable, port.values())):
        raise GoldenError('mode "isolated" takes a model, or a dict from point names to functions of golden inputs.')
    before = {name: place for place, name in enumerate(pack.entries)}
    rows, used = [], set()
    for entry in pack.results():
        key = _function_for(entry, port)
        if key is None or not chosen(entry, patterns):
            continue
        used.add(key)
        rows.append(_judge_step(pack, entry, port[key], judge, before))
    unused = [key for key in port if key not in used]
    if unused and patterns is None:
        raise GoldenError(f"{unused[0]!r} is no point of {pack.path.name}: minibert golden show lists them.")
    return Report(pack.path.name, "the port", "isolated", judge.multiple, rows)


def _function_for(entry: Entry, port: Mapping[str, Any]) -> str | None:
    names = (entry.name, *entry.aliases)
    exact = next((name for name in names if name in port), None)
    if exact is not None or entry.kind != VALUE:  # globs are for values: "*.probs" means no gradient
        return exact
    return next((key for key in port if "*" in key and any(fnmatchcase(name, key) for name in names)), None)


def _judge_step(pack: Pack, entry: Entry, function: Any, judge: Judge, before: dict[str, int]) -> TensorResult:
    try:
        array = as_numbers(entry.name, function(GoldenInputs(pack, entry, before)))
    except MinibertError as reason:
        detail = str(reason)
    except Exception as reason:  # whatever a port may raise is a verdict on its step
        detail = f"the port's function raised {type(reason).__name__}: {reason}"
    else:
        return judge.judge(entry, array)
    return TensorResult(entry.name, FAILED, entry.kind, entry.formula, detail=detail)


class _Enough(Exception):
    """The positions have been seen."""


def check_model_isolated(pack: Pack, model: PreTrainedModel, judge: Judge, patterns: list[str] | None) -> Report:
    """Judge every step of a model of minibert: each value is compared, then replaced by the golden one.

    Values inside a LayerNorm (`rstd`, `normalized`) belong to its step and are not compared; nor are gradients.
    """
    if pack.manifest.get("training") is not None:
        raise GoldenError(f'{pack.path.name} holds whole training steps: check it in mode "propagated".')
    found = {entry.name: judge.judge(entry, ids) for entry, ids in _ids_of(pack, model)}
    edits: dict[str, Any] = {}
    for entry in pack.results():
        if entry.kind == VALUE and entry.floor is not None and not entry.name.endswith((".rstd", ".normalized")):
            edits[entry.name] = _Replace(pack, entry, judge, found)
    met: set[str] = set()
    inputs = _with_golden_positions(pack, found)
    run_streamed(twin_of(model), inputs, lambda value: met.add(value.name))
    edits = {name: edit for name, edit in edits.items() if name in met}
    run_streamed(twin_of(model), inputs, lambda value: None, edits=edits)
    rows = []
    for entry in pack.results():
        if chosen(entry, patterns):
            skipped = TensorResult(entry.name, SKIPPED, entry.kind, entry.formula)
            rows.append(found.get(entry.name, skipped))
    return Report(pack.path.name, type(model).__name__, "isolated", judge.multiple, rows)


class _Replace:
    """An edit that judges what a step computed and goes on with the golden value."""

    def __init__(self, pack: Pack, entry: Entry, judge: Judge, found: dict[str, TensorResult]) -> None:
        self.pack, self.entry, self.judge, self.found = pack, entry, judge, found

    def __call__(self, value: Any) -> Any:
        self.found[self.entry.name] = self.judge.judge(self.entry, np.asarray(to_numpy(value)))
        golden = self.pack[self.entry.name]
        return golden if golden.shape == value.shape else value


def _ids_of(pack: Pack, model: PreTrainedModel) -> list[tuple[Entry, np.ndarray]]:
    """The ids and positions that the model itself makes of the inputs."""
    seen: list[tuple[Entry, np.ndarray]] = []

    def look(value: NamedArray) -> None:
        if value.array.dtype.kind in "iub" and value.name in pack.entries:
            seen.append((pack.entries[value.name], np.array(value.array)))
        if value.name.endswith("embeddings.position_ids"):
            raise _Enough

    with suppress(_Enough):
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

"""Reading golden packs: checked once, then tensor by tensor from the map of the file."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minibert.golden.errors import GoldenError
from minibert.golden.packs.manifest import DIGEST_KEY, FORMAT, KEY, array_digest, text_digest
from minibert.golden.packs.named_array import INPUT, INPUT_PREFIX, SEED_PREFIX
from minibert.weights.safetensors import SafetensorsFile, open_safetensors

_SECTIONS = {"model": dict, "semantics": dict, "weights": dict, "versions": dict, "command": str, "options": dict,
             "tensors": list}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """What a pack says of one tensor."""

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]
    formula: str
    sha256: str
    symbols: str = ""
    aliases: tuple[str, ...] = ()
    floor: Mapping[str, float] | None = None  # None: must be equal
    noise: Mapping[str, float] | None = None
    largest: float = 0.0
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def given(self) -> bool:
        """Whether it is an input of the call, not a result."""
        return self.kind == INPUT


class Pack(Mapping[str, np.ndarray]):
    """A golden pack: its tensors by name or alias, in execution order, each read when asked for, in its own dtype.

    Attributes:
        path: of the file.
        manifest: all that the pack says, as JSON has it.
        entries: {name: Entry} in execution order.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> model = mb.BertModel(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1,
        ...                                    num_attention_heads=2, intermediate_size=6), seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = mb.golden.record(model, {"input_ids": [[2, 4, 3]]}, f"{folder}/pack.safetensors")
        ...     pack = mb.golden.open_pack(path)
        ...     print(pack.inputs()["input_ids"].tolist(), pack["pooler"].shape, pack.entries["pooler"].formula)
        [[2, 4, 3]] (1, 4) tanh(dense)
    """

    def __init__(self, path: Path, file: SafetensorsFile, manifest: dict[str, Any], entries: dict[str, Entry]) -> None:
        """Not for users: `open_pack` checks first."""
        self.path, self.manifest, self.entries = path, manifest, entries
        self._file = file
        self._aliases = {alias: entry.name for entry in entries.values() for alias in entry.aliases}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._file.raw(self.resolve(name) or name)  # raw: float16 stays float16

    def resolve(self, name: str) -> str | None:
        """The name under which the pack holds this name or alias; None if it does not."""
        return name if name in self.entries else self._aliases.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self.entries or name in self._aliases

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        return f"<Pack {self.path.name}: {self.manifest['model'].get('class')}, {len(self)} tensors>"

    def intact(self, name: str) -> bool:
        """Whether the tensor's numbers are those that were recorded."""
        return array_digest(self._file.raw(name)) == self.entries[name].sha256

    def inputs(self) -> dict[str, Any]:
        """What the model was called with: arrays and other arguments."""
        arrays = {name.removeprefix(INPUT_PREFIX): self[name] for name in self.entries if name.startswith(INPUT_PREFIX)}
        return {**arrays, **self.manifest.get("options", {})}

    def seeds(self) -> dict[str, np.ndarray]:
        """The gradients that backward started from, where it was not the loss."""
        return {name.removeprefix(SEED_PREFIX): self[name] for name in self.entries if name.startswith(SEED_PREFIX)}

    def results(self) -> Iterator[Entry]:
        """Every tensor that is not an input, in execution order."""
        return (entry for entry in self.entries.values() if not entry.given)


def open_pack(path: str | os.PathLike[str] | Pack) -> Pack:
    """Open a golden pack and check all but the numbers, which `check` and `diff` check as they read them.

    Args:
        path: of the file; a `Pack` is given back as it is.

    Raises:
        WeightFileError: there is no such file, it was cut short, or its header is damaged.
        GoldenError: it is no golden pack, of a newer format, its manifest was changed, or the two disagree.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> model = mb.BertModel(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1,
        ...                                    num_attention_heads=2, intermediate_size=6), seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = mb.golden.record(model, {"input_ids": [[2, 4, 3]]}, f"{folder}/pack.safetensors")
        ...     pack = mb.golden.open_pack(path)
        ...     print(pack.manifest["model"]["class"], pack.manifest["command"])
        BertModel minibert.golden.record(BertModel, input_ids (1, 3))
    """
    if isinstance(path, Pack):
        return path
    file = open_safetensors(path)
    where = file.path
    if KEY not in file.metadata:
        raise GoldenError(f"{where} is a safetensors file but no golden pack: it has no manifest; see golden.record.")
    try:
        manifest = json.loads(file.metadata[KEY])
    except ValueError as reason:
        raise GoldenError(f"{where}: the pack's manifest is not JSON: {reason}.") from None
    if not isinstance(manifest, dict) or isinstance(manifest.get("format"), bool):
        raise GoldenError(f"{where}: the pack's manifest is not what golden.record writes.")
    number = manifest.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise GoldenError(
            f"{where} is a golden pack of format {number}, and this minibert reads formats up to {FORMAT}: "
            "install a newer minibert."
        )
    if file.metadata.get(DIGEST_KEY) != text_digest(file.metadata[KEY]):
        raise GoldenError(f"{where}: the pack's manifest does not fit its checksum: it was changed after recording.")
    if number != FORMAT:
        raise GoldenError(f"{where}: the pack's format is {number!r}, which is none that there has been.")
    return Pack(where, file, manifest, _entries(where, file, manifest))


def _entries(where: Path, file: SafetensorsFile, manifest: dict[str, Any]) -> dict[str, Entry]:
    for name, kind in _SECTIONS.items():
        if name not in manifest:
            raise GoldenError(f"{where}: the pack's manifest has no {name!r}.")
        if not isinstance(manifest[name], kind):
            raise GoldenError(f"{where}: {name!r} of the pack's manifest is not what golden.record writes.")
    if not isinstance(manifest["model"].get("config"), dict) or not isinstance(manifest["model"].get("class"), str):
        raise GoldenError(f"{where}: 'model' of the pack's manifest is not what golden.record writes.")
    try:
        entries = {each["name"]: _entry(each) for each in manifest["tensors"]}
    except (TypeError, KeyError, AttributeError, ValueError) as reason:
        raise GoldenError(f"{where}: the pack's manifest describes a tensor wrongly ({reason!r}).") from None
    for name, entry in entries.items():
        if name not in file:
            raise GoldenError(f"{where}: the manifest lists {name!r}, which the file does not hold.")
        found = file.raw(name).dtype.name
        if file.shape(name) != entry.shape or found != entry.dtype:
            raise GoldenError(
                f"{where}: {name!r} is {found} {file.shape(name)} in the file and {entry.dtype} {entry.shape} "
                "in the manifest."
            )
    extra = [name for name in file if name not in entries]
    if extra:
        raise GoldenError(f"{where}: the file holds {extra[0]!r}, which the manifest does not list.")
    return entries


def _entry(each: dict[str, Any]) -> Entry:
    return Entry(
        name=str(each["name"]),
        kind=str(each["kind"]),
        dtype=np.dtype(each["dtype"]).name,
        shape=tuple(int(size) for size in each["shape"]),
        formula=str(each.get("formula", "")),
        sha256=str(each["sha256"]),
        symbols=str(each.get("symbols", "")),
        aliases=tuple(each.get("aliases", ())),
        floor={key: float(each["floor"][key]) for key in ("max_abs", "rms")} if each.get("floor") else None,
        noise=each.get("noise"),
        largest=float(each.get("largest", 0.0)),
    )

"""Arrays of other frameworks: .npz, safetensors, a golden pack or a plain dict, and the map between names."""

import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.golden.errors import GoldenError
from minibert.golden.packs.manifest import KEY
from minibert.golden.packs.pack import Pack, open_pack
from minibert.weights.safetensors import open_safetensors

Names = Mapping[str, str] | Callable[[str], str | None] | Iterable[tuple[str, str]]


class _Npz(Mapping[str, np.ndarray]):
    """An .npz file, one array read at a time; pickled objects are refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = np.load(path, allow_pickle=False)
            self._names = list(self._file.files)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as reason:
            raise GoldenError(f"{path} cannot be read as an .npz file: {reason}.") from None

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        try:
            return self._file[name]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as reason:
            raise GoldenError(f"{self.path}: {name!r} cannot be read: {reason}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Plain(Mapping[str, np.ndarray]):
    """Arrays in memory; lists, CuPy arrays and tensors on the host are understood."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> np.ndarray:
        return as_numbers(name, self._arrays[name])

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def as_numbers(name: str, value: Any) -> np.ndarray:
    """An array of numbers from whatever a port gave; raises GoldenError if it is none."""
    if hasattr(value, "detach"):  # a tensor of PyTorch
        value = value.detach().cpu()
        value = value.float().numpy() if str(value.dtype) == "torch.bfloat16" else value.numpy()
    try:
        array = np.asarray(to_numpy(value))
    except (ValueError, TypeError) as reason:
        raise GoldenError(f"{name} is a {type(value).__name__} and cannot be read as an array: {reason}.") from None
    if array.dtype.kind not in "biuf":
        raise GoldenError(f"{name} is a {type(value).__name__} of {array.dtype}: an array of numbers belongs there.")
    return array


def open_values(values: Any) -> tuple[Mapping[str, np.ndarray], str]:
    """Arrays by name, and what to call them in a report.

    Args:
        values: a golden pack, a .safetensors or .npz file, or a mapping from names to arrays (a Trace is one).

    Raises:
        WeightFileError, GoldenError: the file cannot be read, or it is none of these.
    """
    if isinstance(values, Pack):
        return values, values.path.name
    if isinstance(values, Mapping):
        return _Plain(values), "the given arrays"
    if not isinstance(values, str | os.PathLike):
        raise GoldenError(f"a pack, a file or a dict of arrays belongs there, not a {type(values).__name__}.")
    path = Path(values)
    if path.suffix == ".npz":
        return _Npz(path), path.name
    file = open_safetensors(path)
    return (open_pack(path) if KEY in file.metadata else file), path.name


class NameMap:
    """From a golden name to the other side's.

    Args:
        names: {golden: other}, a function golden -> other (or None), or pairs (golden, other). In a dict and in pairs
            a `*` stands for any text without a slash, and comes back in the other name at the same place:
            ("bert.encoder.layer.*.attention.self.query", "blocks.*.attn.q"). A name that the map does not know is
            looked up as it is.
    """

    def __init__(self, names: Names | None) -> None:
        self._exact: dict[str, str] = {}
        self._globs: list[tuple[re.Pattern[str], str]] = []
        self._function = names if callable(names) else None
        self.used: set[str] = set()
        if names is None or callable(names):
            return
        pairs = names.items() if isinstance(names, Mapping) else names
        for pair in pairs:
            self._add(pair)

    def _add(self, pair: Any) -> None:
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
            raise GoldenError(f"names has {pair!r}: a pair of a golden name and the other name belongs there.")
        golden, other = pair
        if golden.count("*") != other.count("*"):
            raise GoldenError(f"names has {golden!r} for {other!r}: both need the same number of *.")
        if "*" in golden:
            parts = [re.escape(part) for part in golden.split("*")]
            self._globs.append((re.compile("([^/]*)".join(parts)), other))
        else:
            self._exact[golden] = other

    def other(self, golden: str) -> str:
        """The other side's name of a golden name."""
        if self._function is not None:
            mapped = self._function(golden)
            return golden if mapped is None else mapped
        if golden in self._exact:
            return self._exact[golden]
        for pattern, other in self._globs:
            found = pattern.fullmatch(golden)
            if found:
                parts = iter(found.groups())
                return "".join(next(parts) if piece == "*" else piece for piece in re.split(r"(\*)", other))
        return golden

    def find(self, names: Iterable[str], values: Mapping[str, Any]) -> str | None:
        """Which of the other side's names holds a value that goes by any of these golden names."""
        for each in names:
            other = self.other(each)
            if other in values:
                resolve = getattr(values, "resolve", None)
                self.used.add(other if resolve is None else resolve(other) or other)
                return other
        return None

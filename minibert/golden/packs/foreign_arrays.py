"""Arrays of other frameworks: .npz, safetensors, a golden pack or a plain dict."""

import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.golden.errors import GoldenError
from minibert.golden.packs.manifest import KEY
from minibert.golden.packs.pack import Pack, open_pack
from minibert.weights.safetensors import open_safetensors

_NUMBERS = "biuf"  # the kinds of NumPy's dtypes that a pack can hold: bool, integers, floats


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
    if array.dtype.kind not in _NUMBERS:
        raise GoldenError(f"{name} is a {type(value).__name__} of {array.dtype}: an array of numbers belongs there.")
    return array


def check_numbers(name: str, array: np.ndarray) -> np.ndarray:
    """The array itself; raises GoldenError if it holds no numbers."""
    if array.dtype.kind not in _NUMBERS:
        raise GoldenError(f"{name} holds {array.dtype}: an array of numbers belongs there.")
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

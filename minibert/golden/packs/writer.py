"""Writing a pack: each value is measured against the same value of the other precision, then waits on the disk."""

import math
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from minibert.golden.errors import GoldenError
from minibert.golden.metrics import Size, difference, size_of
from minibert.golden.packs.arrays_on_disk import ArraysOnDisk
from minibert.golden.packs.manifest import FORMAT, array_digest, metadata
from minibert.golden.packs.named_array import (
    GRADIENT,
    GRADIENT_PREFIX,
    INPUT,
    PARAMETER_GRADIENT,
    PARAMETER_GRADIENT_PREFIX,
    NamedArray,
)
from minibert.weights.save import save_safetensors

SMALL = 256  # a tensor with fewer numbers may have a small error by luck


class PackWriter:
    """Gathers the values of one run, then writes the file.

    Args:
        path: the pack to be.
        precise: the same values from the run in the other precision, or None where there is none.
        dtype: the less precise of the two dtypes: the noise floor is that dtype's.
        without: names, with *, of values to leave out.
    """

    def __init__(
        self, path: Path, precise: Mapping[str, np.ndarray] | None, dtype: Any, without: tuple[str, ...] = ()
    ) -> None:
        self.path = path
        self.precise = precise
        self.dtype = np.dtype(dtype)
        self.without = without
        self.waiting = ArraysOnDisk(check_folder(path))
        self.tensors: list[dict[str, Any]] = []
        self._added: dict[str, float] = {}  # gradient -> size of what its bias' gradient is the sum of
        self._relative: dict[str, tuple[float, float]] = {}  # kind -> relative noise of the last large tensor

    def put(self, value: NamedArray) -> None:
        """Take one value, in execution order."""
        array = np.asarray(value.array)
        entry: dict[str, Any] = {
            "name": value.name,
            "kind": value.kind,
            "dtype": array.dtype.name,
            "shape": list(array.shape),
            "symbols": value.shape,
            "formula": value.formula,
            "aliases": list(value.aliases),
            "sha256": array_digest(array),
        }
        if array.dtype.kind == "f" and value.kind != INPUT:
            entry.update(self._noise(value, array))
        if any(fnmatchcase(value.name, pattern) for pattern in self.without):
            return  # measured all the same: the floors of others follow from it
        self.waiting.put(value.name, array)
        self.tensors.append(entry)

    def _noise(self, value: NamedArray, array: np.ndarray) -> dict[str, Any]:
        """The measured error, and the floor made of it; see docs/golden.md for why each part is there."""
        name, kind = value.name, value.kind
        size, eps = size_of(array), float(np.finfo(self.dtype).eps)
        measured = None
        worst, rms = eps * size.largest, eps * size.rms
        if self.precise is not None:
            if name not in self.precise or self.precise[name].shape != array.shape:
                raise GoldenError(f"{name} came in one precision and not in the other: the pass is not deterministic.")
            found = difference(array, self.precise[name])
            measured = {"max_abs": found.max_abs, "rms": found.rms}
            worst, rms = max(worst, found.max_abs), max(rms, found.rms)
        worst = max(worst, eps * self._summed(value, array, size))
        worst, rms = self._against_luck(kind, array, size, worst, rms)
        return {"largest": size.largest, "noise": measured, "floor": {"max_abs": worst, "rms": rms}}

    def _summed(self, value: NamedArray, array: np.ndarray, size: Size) -> float:
        """How large the numbers were that a bias' gradient is the sum of: they may cancel, their rounding does not."""
        if value.kind == GRADIENT and array.ndim:
            added = size.largest * math.sqrt(array.size / max(array.shape[-1], 1))
            self._added.update(dict.fromkeys((value.name, *value.aliases), added))
        if value.kind != PARAMETER_GRADIENT or not value.name.endswith(".bias"):
            return 0.0
        path = value.name.removeprefix(PARAMETER_GRADIENT_PREFIX).removesuffix(".bias")
        return self._added.get(GRADIENT_PREFIX + path, 0.0)

    def _against_luck(
        self, kind: str, array: np.ndarray, size: Size, worst: float, rms: float
    ) -> tuple[float, float]:
        if array.size >= SMALL:
            if size.rms > 0 and size.largest > 0:
                self._relative[kind] = (worst / size.largest, rms / size.rms)
        elif kind in self._relative:
            by_largest, by_rms = self._relative[kind]
            worst, rms = max(worst, by_largest * size.largest), max(rms, by_rms * size.rms)
        return worst, max(rms, worst / math.sqrt(max(array.size, 1)))

    def write(self, sections: dict[str, Any]) -> dict[str, Any]:
        """Write the file; gives the manifest.

        Raises:
            WeightFileError: the file cannot be written; what stood there is unchanged.
        """
        manifest = {"format": FORMAT, **sections, "noise_dtype": self.dtype.name, "tensors": self.tensors}
        save_safetensors(self.path, self.waiting, metadata(manifest))
        return manifest

    def __enter__(self) -> "PackWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.waiting.close()


def check_folder(path: Path) -> Path:
    """The folder of the file to be written; raises GoldenError if there is none."""
    if not path.parent.is_dir():
        raise GoldenError(f"{path} cannot be written: there is no folder {path.parent}.")
    return path.parent

"""Arrays that wait on the disk until all that is said about them is known."""

import mmap
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np


class ArraysOnDisk(Mapping[str, np.ndarray]):
    """Arrays by name in one temporary file, read back as views of it; the file is gone when this object is.

    Args:
        folder: where the file is made: beside what is to be written, where there must be room anyway.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        # lives as long as this object
        self._file = tempfile.TemporaryFile(dir=Path(folder))  # noqa: SIM115
        self._places: dict[str, tuple[int, np.dtype, tuple[int, ...]]] = {}
        self._end = 0
        self._map: mmap.mmap | None = None

    def put(self, name: str, array: np.ndarray) -> None:
        """Write an array; names are written once."""
        if name in self._places:
            raise AssertionError(f"{name} was put twice")
        ordered = np.asarray(array, order="C")
        if ordered.size:
            self._file.write(ordered.reshape(-1).view(np.uint8).data)
        self._places[name] = (self._end, ordered.dtype, ordered.shape)
        padding = -ordered.nbytes % 16
        self._file.write(bytes(padding))
        self._end += ordered.nbytes + padding

    def __getitem__(self, name: str) -> np.ndarray:
        start, dtype, shape = self._places[name]
        count = int(np.prod(shape, dtype=np.int64))
        if count == 0:
            return np.empty(shape, dtype)
        if self._map is None or len(self._map) < self._end:
            self._file.flush()
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(self._map, dtype, count, start).reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def close(self) -> None:
        """Delete the file."""
        self._map = None  # views of it, if any, keep it alive
        self._file.close()

    def __enter__(self) -> "ArraysOnDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

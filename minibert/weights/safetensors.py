"""Reading one safetensors file: mapped, checked once, then lazy.

Why not simply the safetensors package's NumPy loader? It copies every tensor (a 440 MB file took it 1.2 s
where the map takes about a millisecond), its table of dtypes lacks bfloat16, and its errors name no file,
tensor or size. So the header is checked by `header.py`, arrays are views of the memory map, and the package
is used for what it is best at: its parser reads the same header once more, so that whatever is opened here is
a file that transformers opens too.

float32, float64, integers and bool come out as read-only views of the map, without a copy; where the file has
placed one at an address that does not suit its dtype (old writers did), it is copied once on reading, because
every later matrix product would copy it again. float16 and bfloat16 are widened exactly to float32, anew on
each reading.

A map shows the file as it is now. So reading first asks the system whether the file is the one that was opened:
one that was rewritten in place is an error, where its values would be mixed with old ones and its lost end would crash
Python. A file that was replaced (as `save_safetensors` does) or removed is another matter: the map keeps the old one.

Source: the section "Format" of the safetensors README.
"""

import contextlib
import mmap
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from stat import S_ISREG
from typing import Any

import numpy as np

from minibert.errors import WeightFileError
from minibert.weights.header import VIEWS, Header, TensorEntry, parse_header
from minibert.weights.widen import widen_bfloat16, widen_float16

Array = np.ndarray[Any, np.dtype[Any]]

PAUSE = 1_000_000  # nanoseconds until the system is asked again; file systems write times no finer than that

_WIDENED = {"F16": np.dtype(np.float32), "BF16": np.dtype(np.float32)}


class SafetensorsFile(Mapping[str, Array]):
    """The tensors of one file by name, in the order of their bytes; each is read when it is asked for.

    >>> import tempfile
    >>> import numpy as np
    >>> from minibert.weights import open_safetensors, save_safetensors
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_safetensors(f"{folder}/w.safetensors", {"w": np.ones((2, 3), dtype="float32")})
    ...     file = open_safetensors(f"{folder}/w.safetensors", mapped=False)
    >>> file.shape("w"), file.dtype("w").name, file["w"].sum().item()
    ((2, 3), 'float32', 6.0)
    """

    def __init__(self, path: Path, header: Header, content: Array, mapped: "MappedFile | None" = None):
        """Not for users: `open_safetensors` checks the file first. `content` (bytes,) is the whole file, in memory
        or `mapped`."""
        self.path = path
        self._mapped = mapped
        self.metadata: dict[str, str] = dict(header.metadata)
        self._content = content
        self._data_start = header.data_start
        self._tensors = dict(sorted(header.tensors.items(), key=lambda item: (item[1].start, item[1].stop)))

    def __getitem__(self, name: str) -> Array:
        """The tensor as an array; float16 and bfloat16 as float32. A name the file lacks is a KeyError."""
        tensor = self._entry(name)
        stored = self.raw(name)
        if tensor.dtype == "BF16":
            return widen_bfloat16(stored)
        if tensor.dtype == "F16":
            return widen_float16(stored)
        return stored

    def raw(self, name: str) -> Array:
        """The tensor as it is stored, read-only: float16 stays float16, bfloat16 comes as uint16 bits."""
        tensor = self._entry(name)
        self.check_unchanged()
        start, stop = self._data_start + tensor.start, self._data_start + tensor.stop
        array = self._content[start:stop].view(VIEWS[tensor.dtype]).reshape(tensor.shape)
        if not array.flags.aligned:
            array = array.copy()
            array.flags.writeable = False
        return array

    def shape(self, name: str) -> tuple[int, ...]:
        """The tensor's shape, without reading it."""
        return self._entry(name).shape

    def dtype(self, name: str) -> np.dtype[Any]:
        """The dtype that reading gives, without reading: float32 for float16 and bfloat16."""
        stored = self._entry(name).dtype
        return _WIDENED.get(stored, VIEWS[stored])

    def stored_dtype(self, name: str) -> str:
        """The dtype as the file spells it: "F32", "BF16", ..."""
        return self._entry(name).dtype

    def nbytes(self, name: str) -> int:
        """Bytes that the tensor takes in the file."""
        tensor = self._entry(name)
        return tensor.stop - tensor.start

    def check_unchanged(self) -> None:
        """Raise WeightFileError if the file is mapped and was rewritten in place since; takes microseconds."""
        if self._mapped is not None:
            self._mapped.check_unchanged()

    def holds(self, array: Any) -> bool:
        """Whether the array is a view of this file's bytes."""
        return isinstance(array, np.ndarray) and np.may_share_memory(array, self._content)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """{name: shape} of all tensors."""
        return {name: tensor.shape for name, tensor in self._tensors.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def __repr__(self) -> str:
        size = sum(tensor.stop - tensor.start for tensor in self._tensors.values())
        return f"SafetensorsFile({str(self.path)!r}, {len(self)} tensors, {size:,} bytes)"

    def _entry(self, name: str) -> TensorEntry:
        try:
            return self._tensors[name]
        except KeyError:
            raise KeyError(f"{self.path} has no tensor {name!r}") from None


def open_safetensors(path: str | os.PathLike[str], *, mapped: bool = True) -> SafetensorsFile:
    """Check the file's header and map the file; no tensor is read.

    Args:
        path: of a .safetensors file.
        mapped: False reads the whole file into memory instead, for file systems that cannot map or where the file may
            change.

    Raises:
        WeightFileError: one cause each, see `header.py`.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from minibert.weights import open_safetensors, save_safetensors
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_safetensors(f"{folder}/w.safetensors", {"w": np.ones((2, 3), dtype="float32")})
        ...     file = open_safetensors(f"{folder}/w.safetensors", mapped=False)
        >>> list(file), file["w"].shape
        (['w'], (2, 3))
    """
    path = Path(path)
    file = MappedFile(path) if mapped and _size_of_file(path) else None  # an empty file cannot be mapped
    content = file.content if file else _read(path)
    header = parse_header(path, content.data)
    _check_with_package(path)
    return SafetensorsFile(path, header, content, file)


class MappedFile:
    """The bytes of a file, read-only and not yet read; the map lives as long as arrays into it.

    `content` (size,) is the whole file as it is now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = os.path.abspath(path)  # also for a program that changes its folder
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self._opened = os.fstat(file.fileno())
        except (OSError, ValueError) as reason:
            raise WeightFileError(f"{path} cannot be read: {reason}.") from reason
        self.content: Array = np.frombuffer(self._map, np.uint8)
        self._asked = time.monotonic_ns()

    def check_unchanged(self) -> None:
        """Raise WeightFileError if the file was written to since it was mapped."""
        if time.monotonic_ns() - self._asked < PAUSE:
            return
        opened = self._opened
        size = self._map.size()  # of the file that is mapped, whatever has become of its name
        if size != opened.st_size:
            raise self._changed(f"its {opened.st_size:,} bytes have become {size:,}")
        with contextlib.suppress(FileNotFoundError):  # it was removed: the map keeps it
            now = os.stat(self._name)
            if os.path.samestat(now, opened) and now.st_mtime_ns != opened.st_mtime_ns:
                raise self._changed("its time of writing is another")
        self._asked = time.monotonic_ns()

    def _changed(self, how: str) -> WeightFileError:
        return WeightFileError(
            f"{self.path} was rewritten in place since it was opened ({how}), and the weights are read from it as they "
            f"are needed. Load it again; with mapped=False it is read whole at once."
        )


def _read(path: Path) -> Array:
    """The bytes of the file (size,), read-only, in memory."""
    _size_of_file(path)
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as reason:
        raise WeightFileError(f"{path} cannot be read: {reason}.") from reason
    content.flags.writeable = False
    return content


def _size_of_file(path: Path) -> int:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise WeightFileError(f"{path}: there is no such file.") from None
    except (OSError, ValueError) as reason:  # ValueError: a name with a zero byte
        raise WeightFileError(f"{path} cannot be read: {reason}.") from reason
    if not S_ISREG(status.st_mode):  # a pipe would block, a device never end
        raise WeightFileError(f"{path} is a folder or a special file, not a safetensors file.")
    return status.st_size


def _check_with_package(path: Path) -> None:
    """The safetensors package must be able to parse the header too; it reads no tensor for that."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np"):
            pass
    except SafetensorError as reason:
        raise WeightFileError(f"{path}: the safetensors package refuses the header: {reason}.") from None
    except (OSError, UnicodeError) as reason:
        raise WeightFileError(f"{path}: the safetensors package cannot open the file: {reason}.") from reason

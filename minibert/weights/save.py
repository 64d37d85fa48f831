"""Writing safetensors files, one or in shards.

Why not the safetensors package's NumPy writer? It hands raw memory on, so an array that is not C-ordered (a
transposed one, say) is written scrambled, and it writes in place: a full disk leaves half a file. Here each
array is brought into C order on its way out, one at a time, and a file replaces the old one in one step. For
the same arrays the bytes are those that the package writes: tensors with the widest dtype first, then by
name, so the file is aligned and depends on nothing but its content.

Arrays may be any that have `.get()` to bring them to the host (CuPy), or that `to_numpy` converts.
"""

import json
import math
import os
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from minibert.errors import WeightFileError
from minibert.files.output import output_file
from minibert.messages import quoted

Array = np.ndarray[Any, np.dtype[Any]]
ToNumpy = Callable[[Any], Array]

# NumPy dtype -> its name in the file, in the order in which the format's writer sorts: widest first
_DTYPES = {
    "uint64": "U64",
    "int64": "I64",
    "float64": "F64",
    "float32": "F32",
    "uint32": "U32",
    "int32": "I32",
    "float16": "F16",
    "uint16": "U16",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
_ORDER = {dtype: place for place, dtype in enumerate(_DTYPES.values())}


class _Plan(NamedTuple):
    """One tensor to be written; its array is fetched only then."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int  # bytes


def save_safetensors(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
    *,
    to_numpy: ToNumpy | None = None,
) -> None:
    """Write {name: array} to `path`, atomically and with the same bytes for the same content.

    Args:
        path: of the file; an old one stays whole until the new one is.
        arrays: {name: array}, written in their own dtypes.
        metadata: text to text; transformers asks for {"format": "pt"}.
        to_numpy: brings arrays that are not NumPy's to the host; without it, `minibert.backend.to_numpy` does.

    Raises:
        WeightFileError: the format cannot hold a name, a dtype or the metadata; nothing has been written then.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from minibert.weights import open_safetensors, save_safetensors
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_safetensors(f"{folder}/w.safetensors", {"w": np.ones((2, 3), dtype="float32")})
        ...     file = open_safetensors(f"{folder}/w.safetensors", mapped=False)
        >>> file["w"].tolist()
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    pending = prepare(path, arrays, metadata)
    with output_file(path, WeightFileError) as file:
        pending.write(file, to_numpy)


class PendingFile(NamedTuple):
    """A file that has been checked and laid out, but not written."""

    where: str
    header: bytes
    plans: list[_Plan]
    arrays: Mapping[str, Any]

    def write(self, file: BinaryIO, to_numpy: ToNumpy | None = None) -> None:
        """Write the header and the tensors, each fetched from its device when its turn comes."""
        file.write(self.header)
        for plan in self.plans:
            array = _on_host(self.arrays[plan.name], to_numpy)
            if (array.shape, _DTYPES.get(array.dtype.name)) != (plan.shape, plan.dtype):
                raise WeightFileError(
                    f"{self.where}: tensor {quoted(plan.name)} of shape {plan.shape} and dtype {plan.dtype} became "
                    f"{array.shape} and {array.dtype.name} on its way to the host."
                )
            _write_array(file, array)


def prepare(
    path: str | os.PathLike[str], arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> PendingFile:
    """Check names, dtypes and metadata, and lay the file out. Raises WeightFileError as
    `save_safetensors`."""
    where = str(path)
    plans = [_plan(where, name, array) for name, array in arrays.items()]
    plans.sort(key=lambda plan: (_ORDER[plan.dtype], plan.name))
    return PendingFile(where, _header(where, plans, metadata), plans, arrays)


def array_bytes(array: Any) -> int:
    """Bytes that the array takes in a file."""
    return math.prod(array.shape) * array.dtype.itemsize


def _plan(where: str, name: Any, array: Any) -> _Plan:
    if not isinstance(name, str) or name == "__metadata__":
        raise WeightFileError(f"{where}: {quoted(name)} cannot be the name of a tensor in a safetensors file.")
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        raise WeightFileError(f"{where}: tensor {quoted(name)} is a {type(array).__name__}, not an array.")
    dtype = _DTYPES.get(np.dtype(array.dtype).name)
    if dtype is None:
        raise WeightFileError(
            f"{where}: tensor {quoted(name)} has the dtype {np.dtype(array.dtype).name}, which safetensors files "
            f"cannot hold. They hold {', '.join(_DTYPES)}; convert the array first."
        )
    return _Plan(name, dtype, tuple(array.shape), array_bytes(array))


def _header(where: str, plans: list[_Plan], metadata: Mapping[str, str] | None) -> bytes:
    """The length and the header itself, padded with blanks so that the data begins at a multiple of 8."""
    header: dict[str, Any] = {}
    if metadata is not None:
        for key, value in metadata.items():
            if not isinstance(key, str) or not isinstance(value, str):
                raise WeightFileError(
                    f"{where}: metadata must be text to text, but has {quoted(key)}: {quoted(value)}."
                )
        header["__metadata__"] = dict(sorted(metadata.items()))
    position = 0
    for plan in plans:
        header[plan.name] = {
            "dtype": plan.dtype,
            "shape": list(plan.shape),
            "data_offsets": [position, position + plan.size],
        }
        position += plan.size
    try:
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError as reason:
        raise WeightFileError(f"{where}: a name or metadata is not valid text: {quoted(reason.object[:80])}.") from None
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _on_host(array: Any, to_numpy: ToNumpy | None) -> Array:
    if isinstance(array, np.ndarray):
        return array
    if to_numpy is None:
        from minibert.backend import to_numpy as backend_to_numpy

        to_numpy = backend_to_numpy
    return to_numpy(array)


def _write_array(file: BinaryIO, array: Array) -> None:
    """The values in C order, little-endian. Copies only an array that is not so already."""
    ordered = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    if ordered.size:
        file.write(ordered.reshape(-1).view(np.uint8).data)

"""Reading the tensors that a plan names, and checking what only their values can show."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from minibert.backend import upload
from minibert.errors import WeightFileError
from minibert.messages import quoted
from minibert.weights.names import LoadPlan

Array = np.ndarray[Any, np.dtype[Any]]

_CHUNK = 1 << 16  # values compared at a time, so that no temporary is as large as the tensor


class TensorSource(Protocol):
    """What `open_checkpoint` and `open_safetensors` return."""

    def __getitem__(self, name: str, /) -> Array: ...
    def raw(self, name: str, /) -> Array: ...
    def stored_dtype(self, name: str, /) -> str: ...


def read_to(
    plan: LoadPlan, checkpoint: TensorSource, xp: ModuleType, dtype: np.dtype[Any]
) -> Iterator[tuple[str, Any]]:
    """(name in the model, array in the library `xp` and of this dtype) of everything that the plan reads.

    For a GPU, each tensor goes there as it is stored, straight from the mapped file, and is converted there: the host
    never holds a copy. Raises what `read_planned` does, before anything is given.
    """
    if xp is np:
        for name, array in read_planned(plan, checkpoint).items():
            yield name, array.astype(dtype, copy=False)
        return
    check_plan(plan, checkpoint)
    for name, stored in plan.reads.items():
        array = upload(checkpoint.raw(stored), xp)
        if checkpoint.stored_dtype(stored) == "BF16":  # the upper half of a float32
            array = (array.astype("uint32") << 16).view("float32")
        yield name, array.astype(dtype, copy=False)


def read_planned(plan: LoadPlan, checkpoint: TensorSource) -> dict[str, Array]:
    """{name in the model: array} of everything that the plan reads, after `plan.check()`.

    float32 arrays are views of the file, read-only and not yet read from the disk. Raises WeightFileError
    when the plan does not fit, when a weight is stored as integers, or when a tied copy differs from its
    original.
    """
    check_plan(plan, checkpoint)
    return {name: checkpoint[stored] for name, stored in plan.reads.items()}


def check_plan(plan: LoadPlan, checkpoint: TensorSource) -> None:
    """What `read_planned` checks, and its errors."""
    plan.check()
    for name, stored in plan.reads.items():
        _require_floats(plan, name, stored, checkpoint)
    for copy, original in plan.copies.items():
        _require_equal(plan, copy, original, checkpoint)


def _require_floats(plan: LoadPlan, name: str, stored: str, checkpoint: TensorSource) -> None:
    dtype = checkpoint.stored_dtype(stored)
    if dtype not in ("F16", "BF16", "F32", "F64"):
        raise WeightFileError(
            f"{plan.report.source}: the weight {quoted(name)} is stored as {dtype}, not as floating-point numbers. "
            f"Quantised checkpoints are not read; use the original."
        )


def _require_equal(plan: LoadPlan, copy: str, original: str, checkpoint: TensorSource) -> None:
    """A stored copy must be its original bit for bit; otherwise tying would silently drop one of the two."""
    stored = plan.reads[original]
    alike = checkpoint.stored_dtype(copy) == checkpoint.stored_dtype(stored)
    one, two = (checkpoint.raw(copy), checkpoint.raw(stored)) if alike else (checkpoint[copy], checkpoint[stored])
    place = first_difference(one, two)
    if place is not None:
        raise WeightFileError(
            f"{plan.report.source}: the model ties {quoted(copy)} to {quoted(original)}, but in the checkpoint they "
            f"differ, first at {list(place)}: {checkpoint[copy][place]!s} and {checkpoint[stored][place]!s}. "
            f"If they are meant to differ, pass tie_word_embeddings=False; else the checkpoint is damaged."
        )


def first_difference(one: Array, two: Array) -> tuple[int, ...] | None:
    """The index of the first value whose bits differ (NaN equals itself, 0.0 and -0.0 differ), or None.

    Both have one shape; arrays of different dtypes are compared as float64, which holds all of them exactly.
    """
    if one.dtype != two.dtype:
        one, two = one.astype(np.float64), two.astype(np.float64)
    bits = np.dtype(f"u{one.dtype.itemsize}")
    flat_one, flat_two = one.reshape(-1).view(bits), two.reshape(-1).view(bits)
    for start in range(0, flat_one.size, _CHUNK):
        differ = flat_one[start : start + _CHUNK] != flat_two[start : start + _CHUNK]
        if differ.any():
            return tuple(int(axis) for axis in np.unravel_index(start + int(differ.argmax()), one.shape))
    return None

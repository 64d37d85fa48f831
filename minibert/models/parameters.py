"""The parameters of a model: one dictionary by full name, and what is true of all of them."""

import math
from types import ModuleType
from typing import Any

import numpy as np

from minibert.backend import Array, default_backend, load_backend, move
from minibert.backend.device import check_room
from minibert.errors import InputError, WeightFileError
from minibert.weights import SafetensorsFile

DTYPES = ("float32", "float64", "float16")


class Parameters(dict[str, Array]):
    """All parameters of one model by name, with what is true of all of them.

    First every module declares its parameters; then they are filled, by `initialise` or from a checkpoint.

    Attributes:
        shapes: name -> shape, of every declared parameter, in the order of the checkpoint.
        tied: other name -> the name of the one parameter that it stands for.
        dtype: the dtype of all parameters.
        xp: the array library that all live in.
        rng: the generator of dropout masks in training, None in evaluation.
        gradient_checkpointing: whether backward computes each layer again instead of keeping its values.
        files: the mapped files that parameters may be views of.
    """

    def __init__(self, dtype: Any = None, backend: str | None = None) -> None:
        super().__init__()
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.kinds: dict[str, str] = {}
        self.padding: dict[str, int] = {}
        self.tied: dict[str, str] = {}
        self.dtype = check_dtype(dtype)
        self.xp: ModuleType = load_backend(backend or default_backend())
        self.rng: np.random.Generator | None = None
        self.gradient_checkpointing = False
        self.files: list[SafetensorsFile] = []

    def declare(self, name: str, shape: tuple[int, ...], kind: str, padding_idx: int | None = None) -> None:
        """Say that a parameter exists. kind: how a new one begins, "normal", "zeros" or "ones"."""
        self.shapes[name] = shape
        self.kinds[name] = kind
        if padding_idx is not None:
            self.padding[name] = padding_idx

    def initialise(self, names: Any, seed: int, std: float) -> None:
        """Fill new parameters: weights from a normal with this deviation, the padding row and biases zero.

        Numbers are drawn in float32 on the host whatever the dtype and the backend, so that a seed means the
        same weights everywhere.
        """
        names = list(names)
        check_room(self.xp, self.bytes_of(names, self.dtype), f"the model in {self.dtype.name}")
        rng = np.random.default_rng(seed)
        for name in names:
            shape, kind = self.shapes[name], self.kinds[name]
            if kind == "normal":
                values = rng.standard_normal(shape, dtype=np.float32)
                values *= np.float32(std)
                if name in self.padding:
                    values[self.padding[name]] = 0.0
            else:
                values = np.full(shape, 1.0 if kind == "ones" else 0.0, dtype=np.float32)
            self[name] = move(values, self.xp, self.dtype)

    def check_files(self) -> None:
        """Raise WeightFileError if a file whose values are used as they stand there was rewritten in place."""
        for file in self.files:
            try:
                file.check_unchanged()
            except WeightFileError:
                if any(file.holds(array) for array in self.values()):
                    raise

    def move(self, xp: ModuleType, dtype: np.dtype) -> None:
        """Take every parameter to another library or dtype; into a GPU's memory only if all of them fit."""
        if xp is not np:
            there = 0 if self.xp is np else self.bytes_of(self, self.dtype)
            needed = self.bytes_of(self, dtype) if (xp, dtype) != (self.xp, self.dtype) else 0
            check_room(xp, max(0, needed - there), f"the model in {dtype.name}")
        for name, array in self.items():
            self[name] = move(array, xp, dtype)
        self.xp, self.dtype = xp, dtype

    def bytes_of(self, names: Any, dtype: np.dtype) -> int:
        """Bytes of these parameters in this dtype."""
        return sum(math.prod(self.shapes[name]) for name in names) * dtype.itemsize


def check_dtype(dtype: Any) -> np.dtype:
    """A dtype that models can compute in, also as PyTorch has or names it (torch.float16); None is float32.

    Raises:
        InputError: not float16, float32 or float64.
    """
    named = str(dtype)
    try:
        checked = np.dtype("float32" if dtype is None else named[6:] if named.startswith("torch.") else dtype)
    except TypeError:
        checked = None
    if checked is None or checked.name not in DTYPES:
        raise InputError(f"dtype {dtype!r} is not one that models compute in: choose one of {', '.join(DTYPES)}.")
    return checked


class Parameter:
    """A parameter as an attribute of its module: reads the shared `Parameters` under its full name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, module: Any, owner: type | None = None) -> Any:
        if module is None:
            return self
        name = module.names.get(self.name)
        return None if name is None else module.parameters[name]

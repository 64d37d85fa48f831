"""The device array: a NumPy array that can be reached only in the ways in which a CuPy array can."""

import itertools
from typing import Any

import numpy as np

from tests.strict_cupy import memory, rules
from tests.strict_cupy.rules import refuse, refuse_unless_lenient, transfers

Scalar = bool | int | float | complex | np.generic
SCALARS = (bool, int, float, complex, np.generic)


class ndarray:
    """What `cupy.ndarray` is on a GPU. Its methods are made in `functions.py` from CuPy's recorded namespace."""

    __slots__ = ("__weakref__", "_base", "_block", "_host")
    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 100

    def __init__(
        self, shape: Any, dtype: Any = float, memptr: Any = None, strides: Any = None, order: str = "C"
    ) -> None:
        self._base: ndarray | None = None
        dtype = np.dtype(dtype)
        if memptr is not None:
            size = int(np.prod(shape)) * dtype.itemsize
            raw = memptr._bytes(size)
            self._host = np.ndarray(shape, dtype, raw, 0, strides, order)
            self._block = memptr.mem
            return
        if strides is not None:
            refuse("ndarray(strides=...) without memory")
        self._block = memory.Block(int(np.prod(shape)) * dtype.itemsize)
        self._host = garbage(shape, dtype, order)

    # attributes

    @property
    def shape(self) -> tuple[int, ...]:
        return self._host.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        self._host = self._host.reshape(shape, copy=False)

    @property
    def dtype(self) -> np.dtype:
        return self._host.dtype

    @property
    def ndim(self) -> int:
        return self._host.ndim

    @property
    def size(self) -> int:
        return self._host.size

    @property
    def nbytes(self) -> int:
        return self._host.nbytes

    @property
    def itemsize(self) -> int:
        return self._host.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        return self._host.strides

    @property
    def base(self) -> "ndarray | None":
        return self._base

    @property
    def flags(self) -> "Flags":
        return Flags(self._host.flags, self._base is None)

    @property
    def data(self) -> memory.MemoryPointer:
        return memory.MemoryPointer((self._block, self._host), self._host.__array_interface__["data"][0])

    @property
    def device(self) -> Any:
        from tests.strict_cupy import cuda

        return cuda.Device(0)

    @property
    def T(self) -> "ndarray":
        return wrap(self._host.T, self)

    @property
    def mT(self) -> "ndarray":
        return wrap(self._host.mT, self)

    @property
    def real(self) -> "ndarray":
        return wrap(self._host.real, self)

    @property
    def imag(self) -> "ndarray":
        return wrap(self._host.imag, self)

    # the explicit ways to the host and back

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        transfers.happen("to host", "get()")
        if out is None:
            return np.array(self._host, order=order)  # type: ignore[call-overload]
        if not isinstance(out, np.ndarray) or out.dtype != self.dtype or out.shape != self.shape:
            refuse("get(out=) takes a NumPy array of the same shape and dtype")
        out[...] = self._host
        return out

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        if not isinstance(arr, np.ndarray):
            refuse(f"set() takes a NumPy array, not a {type(arr).__name__}")
        if arr.dtype != self.dtype or arr.shape != self.shape:
            raise ValueError(f"set(): {arr.dtype} {arr.shape} into {self.dtype} {self.shape}")
        transfers.happen("to device", "set()")
        self._host[...] = arr

    def item(self) -> Any:
        transfers.happen("to host", "item()")
        return self._host.item()

    def tolist(self) -> Any:
        transfers.happen("to host", "tolist()")
        return self._host.tolist()

    def tobytes(self, order: str = "C") -> bytes:
        transfers.happen("to host", "tobytes()")
        return self._host.tobytes(order)  # type: ignore[arg-type]

    def __reduce__(self) -> Any:
        from tests.strict_cupy import functions

        return functions.namespace["array"], (self.get(order="A"),)

    def __copy__(self) -> "ndarray":
        return wrap(self._host.copy())

    def __deepcopy__(self, memo: Any) -> "ndarray":
        return wrap(self._host.copy())

    # the silent ways

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        refuse_unless_lenient("implicit conversion to a NumPy array: call .get() or to_numpy()")
        return np.array(self._host, dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from tests.strict_cupy import functions

        if rules.caller_is_lenient():
            return getattr(ufunc, method)(*map(as_host, inputs), **{k: lenient_host(v) for k, v in kwargs.items()})
        if method == "__call__" and not kwargs and isinstance(inputs[0], np.generic) and inputs[-1] is self:
            return functions.namespace[ufunc.__name__](*inputs)  # a NumPy scalar on the left of an operator
        refuse(f"np.{ufunc.__name__} of a device array: take the function from array_module(x)")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        refuse_unless_lenient(f"np.{func.__name__} of a device array: take the function from array_module(x)")
        return func(*lenient_host(args), **lenient_host(kwargs))

    def __bool__(self) -> bool:
        return bool(self._python_scalar("bool"))

    def __int__(self) -> int:
        return int(self._python_scalar("int"))

    def __float__(self) -> float:
        return float(self._python_scalar("float"))

    def __complex__(self) -> complex:
        return complex(self._python_scalar("complex"))

    def _python_scalar(self, name: str) -> Any:
        if rules.caller_is_lenient():
            return self._host if name == "bool" else self._host.item()
        if name == "bool":
            refuse("the truth of a device array (an `if`, `and`, `not` or `in`): fetch it with .item() first")
        refuse(f"{name}() of a device array: fetch the number with .item() or to_numpy()")

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Any:
        if rules.caller_is_lenient():  # a 0-d array stands for a number, which pytest.approx looks into
            rows = self._host if self.ndim else ()
            return iter([wrap(row, self) if isinstance(row, np.ndarray) else row for row in rows])
        if self.ndim < 2:
            refuse("iteration over the numbers of a device array: fetch it with to_numpy() first")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<strict {self._host!r}>"

    def __str__(self) -> str:
        refuse_unless_lenient("str() of a device array: fetch it with to_numpy() first")
        return str(self._host)

    def __format__(self, spec: str) -> str:
        refuse_unless_lenient("format() of a device array: fetch it with to_numpy() first")
        return format(self._host, spec) if not spec else format(self._host.item(), spec)

    # indexing

    def __getitem__(self, key: Any) -> "ndarray":
        parts = as_index(key, self._host.shape)
        if any(isinstance(part, np.ndarray) and part.dtype == bool for part in parts):
            transfers.happen("wait", "a boolean index")
        return wrap(np.asarray(self._host[parts]), self)

    def __setitem__(self, key: Any, value: Any) -> None:
        parts = as_index(key, self._host.shape)
        host = self._value(value)
        advanced = [part for part in parts if isinstance(part, np.ndarray)]
        if any(part.dtype == bool for part in advanced) and isinstance(value, ndarray) and value.ndim:
            transfers.happen("wait", "writing an array through a boolean index")
        elif advanced and isinstance(value, ndarray) and value.size > 1:
            places = np.arange(self.size).reshape(self.shape)[parts]
            if np.unique(places).size != places.size:
                refuse("writing through an index that repeats: which value stays is undefined")
        self._host[parts] = host

    def _value(self, value: Any) -> Any:
        if isinstance(value, ndarray):
            return value._host
        if not isinstance(value, SCALARS):
            refuse_unless_lenient(f"assigning a {kind(value)} to a device array: move it there first")
        return value


class Flags:
    """`x.flags`, of which CuPy has these."""

    def __init__(self, flags: Any, owner: bool) -> None:
        self.c_contiguous = bool(flags.c_contiguous)
        self.f_contiguous = bool(flags.f_contiguous)
        self.owndata = owner
        self.fnc = self.f_contiguous and not self.c_contiguous
        self.forc = self.f_contiguous or self.c_contiguous

    def __getitem__(self, name: str) -> bool:
        if name not in ("C_CONTIGUOUS", "F_CONTIGUOUS", "OWNDATA"):
            raise KeyError(f"{name} is not defined for cupy.ndarray.flags")
        return bool(getattr(self, name.lower()))


def garbage(shape: Any, dtype: np.dtype, order: Any = "C") -> np.ndarray:
    """What `empty` gives: NaN, or numbers that no index and no count should have."""
    if dtype.kind in "fc":
        return np.full(shape, np.nan, dtype, order)
    if dtype.kind == "b":
        return np.ones(shape, dtype, order)
    return np.full(shape, np.iinfo(dtype).max // 3, dtype, order)


def wrap(host: Any, *sources: ndarray) -> ndarray:
    """A device array around a result; a view of a source array knows whose memory it shows."""
    host = np.asarray(host)
    made = ndarray.__new__(ndarray)
    made._base = None
    for source in sources:
        owner = source._host if source._host.base is None else source._host.base
        if host is source._host or host is owner or (host.base is not None and host.base is owner):
            made._host = host[...]
            made._base = source if source._base is None else source._base
            made._block = source._block
            return made
    if host.base is not None:
        host = host.copy(order="K")
    made._block = memory.Block(host.nbytes)
    made._host = host
    return made


def kind(value: Any) -> str:
    """What to call a value in a message."""
    if isinstance(value, np.ndarray):
        return "NumPy array"
    return type(value).__name__


def as_host(value: Any) -> Any:
    """The NumPy array inside a device array; anything else as it is."""
    return value._host if isinstance(value, ndarray) else value


def lenient_host(value: Any) -> Any:
    """`as_host` of all that a container holds."""
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return type(value)(map(lenient_host, value))
    if isinstance(value, dict):
        return {key: lenient_host(each) for key, each in value.items()}
    return as_host(value)


def operand(value: Any, what: str) -> Any:
    """An argument of arithmetic: a device array, or a Python or NumPy scalar."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, SCALARS):
        return value
    if isinstance(value, np.ndarray):
        refuse_unless_lenient(f"{what} of a device array and a NumPy array: move one of them first")
        return value
    refuse_unless_lenient(f"{what} of a device array and a {kind(value)}")
    return NotImplemented if not isinstance(value, list | tuple) else np.asarray(value)


def as_index(key: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """An index as NumPy takes it, with integer arrays wrapped around as CuPy does silently.

    Raises:
        Refused: it holds a list or NumPy array, which CuPy would copy to the device, or an array in a slice.
    """
    parts = key if isinstance(key, tuple) else (key,)
    used = sum(_axes_of(part) for part in parts)
    axis, found, masks = 0, [], 0
    for part in parts:
        if part is Ellipsis:
            axis += len(shape) - used
        elif isinstance(part, ndarray):
            host = part._host
            if host.dtype.kind == "b":
                masks += 1
            elif host.dtype.kind in "iu":
                host = host % shape[axis] if axis < len(shape) and shape[axis] else host
            else:
                raise IndexError(f"arrays used as indices must be of integer or boolean type (actual: {host.dtype})")
            axis += _axes_of(part)
            part = host
        elif isinstance(part, slice):
            if any(isinstance(each, ndarray | np.ndarray) for each in (part.start, part.stop, part.step)):
                refuse_unless_lenient("an array as the bound of a slice: fetch the number first")
                part = slice(*(each if each is None else int(each) for each in (part.start, part.stop, part.step)))
            axis += 1
        elif part is not None:
            if isinstance(part, bool | np.bool_) or not isinstance(part, int | np.integer):
                refuse_unless_lenient(f"a {kind(part)} as an index of a device array: move it there first")
                part = np.asarray(part)
            axis += _axes_of(part)
        found.append(part)
    if masks > 1:
        refuse("more than one boolean array in an index")
    return tuple(found)


def _axes_of(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    if isinstance(part, ndarray | np.ndarray) and part.dtype == bool:
        return part.ndim
    return 1


def deep_operand(value: Any, what: str) -> Any:
    """The arguments of a function: device arrays anywhere in lists, everything but NumPy arrays as it is."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, np.ndarray):
        refuse_unless_lenient(f"cupy.{what} of a NumPy array: move it first")
        return value
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(deep_operand(each, what) for each in value)
    return value


def device_arrays(values: Any) -> list[ndarray]:
    """The device arrays among arguments, also inside lists and tuples."""
    nested = (device_arrays(each) if isinstance(each, list | tuple) else [each] for each in values)
    return [each for each in itertools.chain.from_iterable(nested) if isinstance(each, ndarray)]

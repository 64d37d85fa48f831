"""CuPy's functions, ufuncs and array methods, made from the recorded namespace around NumPy's.

What CuPy lacks does not exist here; a keyword that CuPy's function does not take is refused; what CuPy has and NumPy
has not, and nobody has written here, says so when it is used.
"""

import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.strict_cupy import memory
from tests.strict_cupy.array import (
    SCALARS,
    as_host,
    as_index,
    deep_operand,
    device_arrays,
    garbage,
    kind,
    ndarray,
    operand,
    wrap,
)
from tests.strict_cupy.rules import Refused, refuse, refuse_unless_lenient, transfers

STORED: dict[str, Any] = json.loads(Path(__file__).with_name("namespace.json").read_text(encoding="utf-8"))
RECORDED: dict[str, dict[str, Any]] = STORED["modules"]
namespace: dict[str, Any] = {}  # the module `cupy`
special: dict[str, Any] = {}  # the module `cupyx.scipy.special`
_WAITS = ("nonzero", "flatnonzero", "argwhere", "unique", "array_equal", "extract", "setdiff1d", "union1d", "isin",
          "allclose", "bincount", "compress")  # fmt: skip


class Signature:
    """What a function takes, from its recorded form, "a, axis=, *, out="; a plain check, since it is made so often."""

    def __init__(self, recorded: str) -> None:
        self.recorded = recorded
        before, star, after = recorded.partition("*")
        names = [name.strip() for name in before.split(",") if name.strip()]
        self.any_number = star != "" and after[:1].isalpha()  # *args
        self.any_keyword = "**" in recorded
        self.positional = [name.rstrip("=") for name in names]
        self.required = [name for name in names if not name.endswith("=")]
        more = [name.strip(" *").rstrip("=") for name in after.split(",") if name.strip(" *")]
        self.names = {*self.positional, *more}

    def check(self, function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise Refused unless CuPy's function takes these arguments."""
        given = self.positional[: len(args)]
        if len(args) > len(self.positional) and not self.any_number:
            refuse(f"CuPy's {function} takes ({self.recorded}): not {len(args)} arguments without a name")
        for name in kwargs:
            if name in given or (name not in self.names and not self.any_keyword):
                refuse(f"CuPy's {function} takes ({self.recorded}): not {name}=")
        for name in self.required:
            if name not in given and name not in kwargs:
                refuse(f"CuPy's {function} takes ({self.recorded}): {name} is missing")


_ANYTHING = Signature("*args, **kwargs")


@functools.cache
def signature_of(recorded: str | None) -> Signature:
    """The signature of a recorded form; one that takes anything where nothing was recorded."""
    return _ANYTHING if recorded is None else Signature(recorded)


class ufunc:
    """A `cupy.ufunc`: no `where=`, and only those of `reduce`, `at`, ... that CuPy has."""

    def __init__(self, name: str, recorded: dict[str, Any], function: Callable[..., Any]) -> None:
        self.name, self.recorded, self.function = name, recorded, function
        self.__name__ = name
        self.nin, self.nout = recorded["inputs"], recorded["outputs"]
        self.types = recorded["types"]
        self._loops = [tuple(each.split("->")) for each in self.types]
        self._chosen: dict[Any, tuple[np.dtype, ...]] = {}

    def __call__(self, *args: Any, out: Any = None, dtype: Any = None, casting: str = "same_kind", **more: Any) -> Any:
        if more:
            refuse(f"CuPy's {self.name} takes no {', '.join(more)}=")
        if not self.nin <= len(args) <= self.nin + self.nout:
            refuse(f"CuPy's {self.name} takes {self.nin} arrays, not {len(args)}")
        if len(args) > self.nin:
            args, out = args[: self.nin], args[self.nin :]
        inputs = [operand(each, self.name) for each in args]
        if any(each is NotImplemented for each in inputs):
            return NotImplemented  # a test compares with pytest.approx
        results = self._loop(inputs, dtype)
        if out is not None:
            return self._into(out, inputs, dtype, casting)
        given = {} if dtype is None else {"dtype": dtype, "casting": "unsafe"}
        made = self.function(*inputs, **given)
        arrays = made if self.nout > 1 else (made,)
        wrapped = tuple(
            wrap(np.asarray(array).astype(result, copy=False)) for array, result in zip(arrays, results, strict=True)
        )
        return wrapped if self.nout > 1 else wrapped[0]

    def _into(self, out: Any, inputs: list[Any], dtype: Any, casting: str) -> Any:
        outs = out if isinstance(out, tuple) else (out,)
        if len(outs) != self.nout or not all(isinstance(each, ndarray) for each in outs):
            refuse(f"out= of {self.name} takes device arrays, not {', '.join(map(kind, outs))}")
        given = {} if dtype is None else {"dtype": dtype}
        try:
            self.function(*inputs, out=tuple(each._host for each in outs), casting=casting, **given)
        except np.exceptions.DTypePromotionError as error:
            raise Refused(str(error)) from error
        return out if isinstance(out, tuple) else outs[0]

    def _loop(self, inputs: list[Any], dtype: Any) -> tuple[np.dtype, ...]:
        """The result dtypes of the first of CuPy's loops that these inputs fit in."""
        key = (*(_weak(each) for each in inputs), None if dtype is None else np.dtype(dtype))
        if key not in self._chosen:
            self._chosen[key] = self._choose(key[:-1], key[-1])
        return self._chosen[key]

    def _choose(self, inputs: tuple[Any, ...], dtype: np.dtype | None) -> tuple[np.dtype, ...]:
        for takes, gives in self._loops:
            if dtype is not None and gives[0] != dtype.char and np.dtype(gives[0]) != dtype:
                continue
            if dtype is not None or all(_fits(each, loop) for each, loop in zip(inputs, takes, strict=True)):
                if dtype is None and all(isinstance(each, str) for each in inputs):
                    return tuple(np.dtype(_default(inputs, char)) for char in gives)
                return tuple(np.dtype(char) for char in gives)
        return refuse(f"CuPy's {self.name} has no loop for {', '.join(map(str, inputs))}")

    # the methods that CuPy has for some ufuncs

    def reduce(self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        self._has("reduce")
        return (array.sum if self.name == "add" else array.prod)(axis, dtype, out, keepdims)

    def accumulate(self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        self._has("accumulate")
        return (array.cumsum if self.name == "add" else array.cumprod)(axis, dtype, out)

    def reduceat(self, array: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        self._has("reduceat")
        if not isinstance(array, ndarray) or not isinstance(indices, ndarray):
            refuse(f"{self.name}.reduceat of a {kind(array)} at a {kind(indices)}")
        made = self.function.reduceat(array._host, indices._host, axis, dtype)  # type: ignore[attr-defined]
        if out is None:
            return wrap(made)
        out[...] = wrap(made)
        return out

    def outer(self, a: Any, b: Any, **kwargs: Any) -> Any:
        return self(a.reshape(a.shape + (1,) * b.ndim), b, **kwargs)

    def at(self, a: Any, indices: Any, b: Any = None) -> None:
        self._has("at")
        scatter(self.function, a, indices, b)

    def _has(self, method: str) -> None:
        if method not in self.recorded["methods"]:
            refuse(f"CuPy's {self.name}.{method} is not supported")


def _weak(value: Any) -> Any:
    """What counts of an input: its dtype, or of a Python number only its kind."""
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype
    return type(value).__name__


_KINDS = {"bool": "biufc", "int": "iufc", "float": "fc", "complex": "c"}


def _fits(given: Any, loop: str) -> bool:
    if isinstance(given, str):
        return np.dtype(loop).kind in _KINDS[given]
    return np.can_cast(given, np.dtype(loop), "safe")


def _default(inputs: tuple[Any, ...], char: str) -> str:
    """Python numbers alone count as bool, int64, float64 or complex128."""
    if char == "?" or "bool" in inputs:
        return char
    return {"i": "l", "u": "l", "f": "d", "c": "D"}.get(np.dtype(char).kind, char)


_draws = np.random.default_rng(0)


def scatter(function: Any, a: ndarray, indices: Any, values: Any) -> None:
    """Atomic operations in an order that differs at every call, as it does on a GPU."""
    key = as_index(indices, a.shape)
    places = np.arange(a.size).reshape(a.shape)[key]
    host = np.broadcast_to(operand(values, "scatter"), places.shape).reshape(-1)
    order = _draws.permutation(places.size)
    flat = a._host.reshape(-1)
    if not np.shares_memory(flat, a._host):
        refuse("scatter into an array that is not contiguous")
    function.at(flat, places.reshape(-1)[order], host[order].astype(a.dtype))


def function(name: str, recorded: dict[str, Any], numpy_function: Callable[..., Any]) -> Callable[..., Any]:
    """A CuPy function that does what NumPy's of the same name does."""
    signature = signature_of(recorded["parameters"])

    @functools.wraps(numpy_function)
    def call(*args: Any, **kwargs: Any) -> Any:
        signature.check(name, args, kwargs)
        sources = device_arrays([*args, *kwargs.values()])
        out = kwargs.pop("out", None)
        if out is not None and not isinstance(out, ndarray):
            refuse(f"out= of {name} takes a device array, not a {kind(out)}")
        if name in _WAITS:
            transfers.happen("wait", f"{name}()")
        host_args = [deep_operand(each, name) for each in args]
        host_kwargs = {key: deep_operand(each, name) for key, each in kwargs.items() if each is not None}
        if out is not None:
            host_kwargs["out"] = out._host
        try:
            made = numpy_function(*host_args, **host_kwargs)
        except TypeError as error:
            raise Refused(f"strict CuPy stand-in: {name}: {error}") from error
        if out is not None:
            return out
        return wrapped(made, sources)

    return call


def wrapped(made: Any, sources: list[ndarray]) -> Any:
    """NumPy results as device arrays; a shape, a dtype or a bool stays what it is."""
    if isinstance(made, np.ndarray | np.generic):
        return wrap(made, *sources)
    if isinstance(made, tuple) and hasattr(made, "_fields"):
        return type(made)(*(wrapped(each, sources) for each in made))
    if isinstance(made, tuple | list):
        return type(made)(wrapped(each, sources) for each in made)
    if isinstance(made, bool) and sources:
        return wrap(np.asarray(made))  # array_equal and its like give 0-d arrays
    return made


def method(name: str, recorded: dict[str, Any]) -> Callable[..., Any]:
    """An array method that does what NumPy's does, with CuPy's arguments."""
    signature = signature_of(recorded["parameters"])

    def call(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        signature.check(f"ndarray.{name}", args, kwargs)
        if name in _WAITS:
            transfers.happen("wait", f"{name}()")
        given = dict(zip(signature.positional, args, strict=False))
        if name not in ("reshape", "transpose", "swapaxes", "dot", "fill"):
            kwargs, args = {**given, **kwargs}, ()
        if name in ("sort", "argsort"):
            if kwargs.pop("kind", None) not in (None, "stable"):
                refuse(f"{name} takes no other kind than 'stable'")
            kwargs["kind"] = "stable"
        out = kwargs.pop("out", None)
        if out is not None and not isinstance(out, ndarray):
            refuse(f"out= of {name} takes a device array, not a {kind(out)}")
        host = {key: deep_operand(each, name) for key, each in kwargs.items() if each is not None}
        if out is not None:
            host["out"] = out._host
        made = getattr(self._host, name)(*(deep_operand(each, name) for each in args), **host)
        if out is not None:
            return out
        return self if made is self._host else wrapped(made, [self])

    call.__name__ = name
    return call


def absent(name: str) -> Any:
    """Something that CuPy has and the stand-in has not."""

    def call(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"CuPy has {name}, but the strict stand-in has not: write it there")

    return call


# what is written by hand


def array(
    obj: Any, dtype: Any = None, copy: Any = True, order: Any = "K", subok: bool = False, ndmin: int = 0, *,
    blocking: bool = False,
) -> ndarray:  # fmt: skip
    """The explicit way to the device."""
    if isinstance(obj, ndarray):
        same = (dtype is None or obj.dtype == np.dtype(dtype)) and ndmin <= obj.ndim
        if not copy and same and _in_order(obj, order):
            return obj
        return wrap(np.array(obj._host, dtype=dtype, order=order, ndmin=ndmin))
    if device_arrays([obj]):
        return wrap(np.array(deep_operand(obj, "array"), dtype=dtype, order=order, ndmin=ndmin))
    if isinstance(obj, np.ndarray):
        transfers.happen("to device", "array()")
        if obj.dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {obj.dtype}")
    elif not isinstance(obj, SCALARS):
        transfers.happen("to device", "array()")
    return wrap(np.array(obj, dtype=dtype, order=order, ndmin=ndmin))


def _in_order(x: ndarray, order: Any) -> bool:
    if order in ("K", "A", None):
        return True
    return bool(x.flags.c_contiguous if order == "C" else x.flags.f_contiguous)


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, blocking: bool = False) -> ndarray:
    return array(a, dtype, bool(copy), order or "K")


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    return array(a, dtype, False, "C", ndmin=1)


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> np.ndarray:
    return a.get(stream, order, out, blocking) if isinstance(a, ndarray) else np.asarray(a)


def get_array_module(*args: Any) -> Any:
    import sys

    return sys.modules["cupy"] if device_arrays(list(args)) else np


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return ndarray(shape, dtype, order=order)


def empty_like(
    prototype: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None
) -> ndarray:
    host = np.empty_like(_array_only(prototype, "empty_like"), dtype=dtype, order=order, shape=shape)  # type: ignore[call-overload]
    host[...] = garbage(host.shape, host.dtype)
    return wrap(host)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> ndarray:
    return wrap(np.full(shape, operand(fill_value, "full"), dtype, order))  # type: ignore[arg-type]


def may_share_memory(a: ndarray, b: ndarray, max_work: Any = None) -> bool:
    return np.may_share_memory(_array_only(a, "may_share_memory"), _array_only(b, "may_share_memory"))


def shares_memory(a: ndarray, b: ndarray, max_work: Any = None) -> bool:
    return np.shares_memory(_array_only(a, "shares_memory"), _array_only(b, "shares_memory"))


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return _array_only(condition, "where") is not None and condition.nonzero()
    mask = _array_only(condition, "where")
    return wrap(np.where(mask, operand(x, "where"), operand(y, "where")))


def _array_only(value: Any, name: str) -> Any:
    if not isinstance(value, ndarray):
        refuse_unless_lenient(f"cupy.{name} takes a device array, not a {kind(value)}")
    return as_host(value)


def matmul(*args: Any, out: Any = None, dtype: Any = None, **more: Any) -> ndarray:
    _MATMUL.check("matmul", args, more)
    if len(args) != 2 or not all(isinstance(each, ndarray) for each in args):
        refuse_unless_lenient(f"matmul of {' and '.join(map(kind, args))}: both must be device arrays")
    hosts = [as_host(each) for each in args]
    if out is None:
        return wrap(np.matmul(*hosts, dtype=dtype))
    if not isinstance(out, ndarray):
        refuse(f"out= of matmul takes a device array, not a {kind(out)}")
    np.matmul(*hosts, out=out._host)
    return out


_MATMUL = signature_of(RECORDED["cupy"]["matmul"]["parameters"])


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = None) -> None:
    if isinstance(src, np.ndarray) and src.size > 1:
        transfers.happen("to device", "copyto()")
        np.copyto(dst._host, src, casting=casting, where=True if where is None else where._host)  # type: ignore[arg-type]
        return
    value, mask = operand(src, "copyto"), True if where is None else _array_only(where, "copyto")
    np.copyto(_array_only(dst, "copyto"), value, casting=casting, where=mask)  # type: ignore[arg-type]


def scatter_add(a: ndarray, slices: Any, value: Any) -> None:
    """`cupyx.scatter_add`: atomic."""
    scatter(np.add, a, slices, value)


def rsqrt(x: Any, out: Any = None) -> ndarray:
    """`cupyx.rsqrt`: 1 / sqrt(x)."""
    made = wrap(np.reciprocal(np.sqrt(_array_only(x, "rsqrt"))))
    if out is None:
        return made
    out[...] = made
    return out


def from_dlpack(array: Any, *, device: Any = None, copy: Any = None) -> ndarray:
    if isinstance(array, ndarray):
        return wrap(array._host[...], array)
    transfers.happen("to device", "from_dlpack()")
    return wrap(np.from_dlpack(array).copy())


_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def _by_python(elementwise: Any) -> Callable[..., Any]:
    """A ufunc-like function that computes in float64 and rounds once."""

    def call(x: Any, out: Any = None, dtype: Any = None, casting: str = "same_kind") -> Any:
        host = np.asarray(x)
        made = elementwise(host.astype(np.float64))
        target = np.float64 if host.dtype.kind in "biu" else host.dtype
        made = np.asarray(made, dtype=np.float64).astype(dtype or target)
        if out is None:
            return made
        out[0][...] = made
        return out

    return call


HAND: dict[str, Any] = {
    "array": array, "asarray": asarray, "asanyarray": asarray, "ascontiguousarray": ascontiguousarray,
    "asnumpy": asnumpy, "copyto": copyto, "empty": empty, "empty_like": empty_like, "from_dlpack": from_dlpack,
    "full": full, "get_array_module": get_array_module, "matmul": matmul, "may_share_memory": may_share_memory,
    "shares_memory": shares_memory, "where": where, "ndarray": ndarray, "ufunc": ufunc,
    "is_available": lambda: True,
    "get_default_memory_pool": lambda: _pool, "get_default_pinned_memory_pool": lambda: _pinned_pool,
}  # fmt: skip
_pool, _pinned_pool = memory.MemoryPool(), memory.PinnedMemoryPool()
_HAND_SPECIAL = {"erf": _by_python(_erf), "erfc": _by_python(_erfc)}


def build_functions() -> None:
    """Fill `namespace`, `special` and the methods of `ndarray` from what was recorded of CuPy."""
    for name, recorded in RECORDED["cupy"].items():
        namespace[name] = _build("cupy." + name, name, recorded)
    for name, recorded in RECORDED["cupyx.scipy.special"].items():
        special[name] = absent("cupyx.scipy.special." + name)
        if name in _HAND_SPECIAL:
            special[name] = ufunc(name, recorded, _HAND_SPECIAL[name])
    recorded_array = STORED["classes"]["cupy.ndarray"]
    for name, recorded in recorded_array.items():
        if name in vars(ndarray) or name.startswith("__") or recorded["kind"] != "method":
            continue
        made = method(name, recorded) if hasattr(np.ndarray, name) else absent("ndarray." + name)
        setattr(ndarray, name, made)
    for name, operator in _OPERATORS.items():
        if name not in recorded_array:
            raise AssertionError(f"CuPy's ndarray has no {name}")
        setattr(ndarray, name, operator)


def _build(full_name: str, name: str, recorded: dict[str, Any]) -> Any:
    if name in HAND:
        return HAND[name]
    of_numpy = getattr(np, name, None)
    if recorded["kind"] == "ufunc":
        return ufunc(name, recorded, of_numpy) if of_numpy is not None else absent(full_name)
    if recorded["kind"] == "function":
        return function(name, recorded, of_numpy) if callable(of_numpy) else absent(full_name)
    return absent(full_name) if of_numpy is None else of_numpy


def _operators() -> dict[str, Any]:
    names = {
        "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
        "mod": "remainder", "pow": "power", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
        "lshift": "left_shift", "rshift": "right_shift",
    }  # fmt: skip
    made: dict[str, Any] = {}
    for short, name in names.items():
        made[f"__{short}__"] = lambda self, other, name=name: namespace[name](self, other)
        made[f"__r{short}__"] = lambda self, other, name=name: namespace[name](other, self)
        made[f"__i{short}__"] = lambda self, other, name=name: namespace[name](self, other, out=self)
    for short, name in {
        "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
    }.items():  # fmt: skip
        made[f"__{short}__"] = lambda self, other, name=name: namespace[name](self, other)
    for short, name in {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}.items():
        made[f"__{short}__"] = lambda self, name=name: namespace[name](self)
    made["__matmul__"] = lambda self, other: matmul(self, other)
    made["__rmatmul__"] = lambda self, other: matmul(other, self)
    return made


_OPERATORS = _operators()
build_functions()

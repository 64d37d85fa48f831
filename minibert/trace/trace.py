"""The trace: every intermediate value of a pass, by name, and the tape that backward walks."""

import difflib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from minibert.backend import Array, array_module
from minibert.errors import TraceError
from minibert.trace.points import BACKWARD, Edit, TracePoint
from minibert.trace.show import row_of, row_text


class _Values(Mapping[str, Array]):
    """Arrays by name, in the order they came; aliases are found too, but not listed."""

    def __init__(self, what: str, aliases: dict[str, str]) -> None:
        self._what = what
        self._arrays: dict[str, Array] = {}
        self._aliases = aliases

    def __getitem__(self, name: str) -> Array:
        array = self._arrays.get(name)
        if array is None:
            array = self._arrays.get(self._aliases.get(name, ""))
        if array is None:
            raise TraceKeyError(self._why_absent(name))
        return array

    def _why_absent(self, name: str) -> str:
        close = difflib.get_close_matches(str(name), [*self._arrays, *self._aliases], n=3, cutoff=0.5)
        hint = f"; close names: {', '.join(close)}" if close else ""
        return f"the trace holds no {self._what} named {name!r} (it holds {len(self._arrays)}{hint})."

    def __contains__(self, name: object) -> bool:
        return name in self._arrays or self._aliases.get(name, "") in self._arrays  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


class TraceKeyError(TraceError, KeyError):
    """A name that a trace does not hold."""

    def __str__(self) -> str:
        return str(self.args[0])


class Trace(_Values):
    """What one forward pass computed, by name and in order; then, after `model.backward`, its gradients.

    Args:
        keep: which values to keep. "*" (the default) is everything; other globs such as "*.probs", or a list
            of them, keep a part; "backward" keeps only what `model.backward` needs, under no name. A list may
            hold both: ["*.probs", "backward"]. Everything ("*") includes what backward needs.

    A trace is a mapping from names to arrays, which never change afterwards. `trace.points[name]` tells a
    value's symbolic shape and formula, and `trace.grad[name]` its gradient once backward has run.
    """

    def __init__(self, keep: str | Iterable[str] = "*") -> None:
        super().__init__("value", {})
        patterns = [keep] if isinstance(keep, str) else list(keep)
        self.points: dict[str, TracePoint] = {}
        self.grad = _Values("gradient", self._aliases)
        self._patterns = [pattern for pattern in patterns if pattern != BACKWARD]
        self._keeps_tape = BACKWARD in patterns or "*" in patterns
        self.before: dict[str, Array] = {}  # of every edited value, what it was
        self.seconds: dict[str, float] = {}  # since the value before it
        self._observer: Callable[[str, TracePoint, Array], None] | None = None  # sees values as they come
        self._clock = time.perf_counter()
        self._edits: dict[str, Edit] = {}
        self._tape: dict[str, Any] = {}
        self._held: set[int] = set()  # id of every array that must not be written over
        self._used = False
        self._backward_done = False
        self._model: Any = None  # the parameters of the model that filled it
        self._complete = False
        self._shapes: dict[str, tuple[int, ...]] = {}  # of every value that fired, kept or not
        self._outputs: dict[str, tuple[Any, Any]] = {}  # output field -> name(s) and shape of its value

    def __getitem__(self, name: str) -> Any:
        """The array of this name or alias; of a glob such as "*.probs", {name: array} of all that match."""
        if isinstance(name, str) and any(mark in name for mark in "*?["):
            found = {each: self._arrays[each] for each in self.names(name)}
            if not found:
                raise TraceKeyError(f"the trace holds no value that matches {name!r} (it holds {len(self)}).")
            return found
        return super().__getitem__(name)

    def names(self, pattern: str = "*") -> list[str]:
        """The names that match a glob, in the order of the pass; an alias that matches counts as its name."""
        return [
            name
            for name in self._arrays
            if any(fnmatchcase(each, pattern) for each in (name, *self.points[name].aliases))
        ]

    def stack(self, pattern: str) -> Array:
        """All values that match a glob in one array, the first axis counting them: of "*.probs" (L, B, N, T, S).

        Raises:
            TraceError: none matches, or their shapes differ.
        """
        found = self[pattern] if any(mark in pattern for mark in "*?[") else {pattern: self[pattern]}
        shapes = {array.shape for array in found.values()}
        if len(shapes) > 1:
            listed = ", ".join(map(str, sorted(shapes)))
            raise TraceError(f"the {len(found)} values that match {pattern!r} have different shapes: {listed}.")
        arrays = list(found.values())
        return array_module(*arrays).stack(arrays)

    def table(self, pattern: str = "*") -> list[dict[str, Any]]:
        """One row a kept value, as data: step, name, formula, symbolic and real shape, dtype, minimum, maximum, mean,
        standard deviation, the first values, seconds, whether it was edited, and the gradient's norm if there is one.
        The statistics leave out masked scores, whose huge negative numbers would drown the rest, and count them.
        """
        steps = {name: i for i, name in enumerate(self.points)}
        return [row_of(self, name, steps[name]) for name in self.names(pattern)]

    def show(self, pattern: str = "*") -> str:
        """The pass as a readable walk: a line with name, shape and time, then formula, statistics and first values."""
        return "\n".join(row_text(each) for each in self.table(pattern))

    def __str__(self) -> str:
        return self.show()

    def __repr__(self) -> str:
        size = sum(array.nbytes for array in self._arrays.values())
        gradients = f", {len(self.grad)} gradients" if self.grad else ""
        return f"<Trace: {len(self)} values{gradients}, {size / 2**20:.1f} MiB>"

    def _keeps(self, name: str, aliases: tuple[str, ...] = ()) -> bool:
        return any(
            pattern == "*" or fnmatchcase(each, pattern) for pattern in self._patterns for each in (name, *aliases)
        )

    def _begin(self, model: Any) -> None:
        if self._used:
            raise TraceError("this trace already holds a forward pass: give each pass a new minibert.Trace().")
        self._used, self._model = True, model
        self._clock = time.perf_counter()

    def _hold(self, value: Any) -> None:
        if isinstance(value, tuple):
            for each in value:
                self._hold(each)
        elif hasattr(value, "dtype"):
            self._held.add(id(owner(value)))

    def _record(self, point: TracePoint, value: Array) -> None:
        if point.name in self.points:
            raise AssertionError(f"trace point {point.name} fired twice")
        self.points[point.name] = point
        self._shapes[point.name] = value.shape
        now = time.perf_counter()
        self.seconds[point.name], self._clock = now - self._clock, now
        for alias in point.aliases:
            self._aliases[alias] = point.name
        if self._keeps(point.name, point.aliases):
            self._hold(value)
            self._arrays[point.name] = frozen(value)
        if self._observer is not None:
            self._observer("forward", point, value)

    def _skip(self, point: TracePoint, shape: tuple[int, ...]) -> None:
        """Note a value that a fused step did not make, so that it has its name, and a gradient may arrive there."""
        self.points[point.name] = point
        self._shapes[point.name] = shape
        self.seconds[point.name] = 0.0
        for alias in point.aliases:
            self._aliases[alias] = point.name

    def _record_grad(self, name: str, gradient: Array) -> None:
        if self._keeps(name, self.points[name].aliases):
            self.grad._arrays[name] = frozen(gradient)
        if self._observer is not None:
            self._observer("backward", self.points[name], gradient)


def owner(array: Array) -> Array:
    """The array that owns the memory of this view."""
    while getattr(array, "base", None) is not None and hasattr(array.base, "dtype"):
        array = array.base
    return array


def frozen(array: Array) -> Array:
    """A read-only view (CuPy has none: there the array itself)."""
    if array_module(array) is not np:
        return array
    view = np.asarray(array).view()  # a loss is a NumPy scalar
    view.flags.writeable = False
    return view

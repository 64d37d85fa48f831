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
from minibert.trace.tape import Tape

Observer = Callable[[str, TracePoint, Array], None]  # ("forward" or "backward", point, value or gradient)


class _Values(Mapping[str, Array]):
    """Arrays by name, in the order they came; aliases are found too, but not listed."""

    def __init__(self, what: str, aliases: dict[str, str]) -> None:
        self._what = what
        self._arrays: dict[str, Array] = {}
        self.aliases = aliases

    def __getitem__(self, name: str) -> Array:
        array = self._arrays.get(name)
        if array is None:
            array = self._arrays.get(self.aliases.get(name, ""))
        if array is None:
            raise TraceKeyError(self._why_absent(name))
        return array

    def _why_absent(self, name: str) -> str:
        close = difflib.get_close_matches(str(name), [*self._arrays, *self.aliases], n=3, cutoff=0.5)
        hint = f"; close names: {', '.join(close)}" if close else ""
        return f"the trace holds no {self._what} named {name!r} (it holds {len(self._arrays)}{hint})."

    def __contains__(self, name: object) -> bool:
        return name in self._arrays or self.aliases.get(name, "") in self._arrays  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def keep(self, name: str, array: Array) -> None:
        """Hold an array under this name, read-only from now on."""
        self._arrays[name] = frozen(array)


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

    Attributes:
        points: name -> TracePoint, of every value of the pass, kept or not.
        grad: name -> gradient, of the kept values, once backward has run.
        before: name -> what an edited value was.
        seconds: name -> time since the value before it.
        aliases: another name of a value -> its name.
        patterns: what is kept, as asked for.
        tape: what backward needs of the pass.
        observer: called as (direction, point, value) with every value, and in backward every gradient, as it comes.

    Raises:
        TraceKeyError: a name, or a glob, that it holds no value for.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model, trace = mb.BertForMaskedLM(config, seed=0), mb.Trace()
        >>> output = model(input_ids=[[2, 7, 3]], labels=[[-100, 8, -100]], trace=trace)
        >>> trace["bert.encoder.layer.0.attention.self.probs"].shape
        (1, 2, 3, 3)
        >>> trace.points["bert.encoder.layer.0.attention.self.probs"].formula
        'softmax(scores)'
        >>> gradients = model.backward(trace)
        >>> trace.grad["bert.encoder.layer.0.attention.self.probs"].shape
        (1, 2, 3, 3)
    """

    def __init__(self, keep: str | Iterable[str] = "*") -> None:
        super().__init__("value", {})
        patterns = [keep] if isinstance(keep, str) else list(keep)
        self.points: dict[str, TracePoint] = {}
        self.grad = _Values("gradient", self.aliases)
        self.patterns = [pattern for pattern in patterns if pattern != BACKWARD]
        self.before: dict[str, Array] = {}  # of every edited value, what it was
        self.seconds: dict[str, float] = {}  # since the value before it
        self.tape = Tape(wanted=BACKWARD in patterns or "*" in patterns)
        self.observer: Observer | None = None
        self._clock = time.perf_counter()
        self._protected: set[int] = set()  # id of every array that must not be written over

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

    # what a pass writes

    def begin(self, parameters: Any) -> None:
        """A forward pass begins, of the model with these parameters.

        Raises:
            TraceError: the trace holds a pass already.
        """
        self.tape.begin(parameters)
        self._clock = time.perf_counter()

    def keeps(self, name: str, aliases: tuple[str, ...] = ()) -> bool:
        """Whether a value of this name is to be kept, and its gradient."""
        return any(
            pattern == "*" or fnmatchcase(each, pattern) for pattern in self.patterns for each in (name, *aliases)
        )

    def record(self, point: TracePoint, value: Array) -> None:
        """A value of the forward pass has been computed."""
        if point.name in self.points:
            raise AssertionError(f"trace point {point.name} fired twice")
        now = time.perf_counter()
        self.note(point, value.shape, now - self._clock)
        self._clock = now
        if self.keeps(point.name, point.aliases):
            self.protect(value)
            self.keep(point.name, value)
        if self.observer is not None:
            self.observer("forward", point, value)

    def note(self, point: TracePoint, shape: tuple[int, ...], seconds: float = 0.0) -> None:
        """Note that the pass has this value, kept or not, so that a gradient may arrive there."""
        self.points[point.name] = point
        self.seconds[point.name] = seconds
        self.tape.shapes[point.name] = shape
        for alias in point.aliases:
            self.aliases[alias] = point.name

    def record_edit(self, name: str, before: Array, edit: Edit) -> None:
        """A value has been replaced: what it was, and the edit, which backward may need."""
        self.protect(before)
        self.before[name] = frozen(before)
        self.tape.edits[name] = edit

    def record_gradient(self, name: str, gradient: Array) -> None:
        """The whole gradient of a value has been computed."""
        point = self.points[name]
        if self.keeps(name, point.aliases):
            self.grad.keep(name, gradient)
        if self.observer is not None:
            self.observer("backward", point, gradient)

    def protect(self, value: Any) -> None:
        """Let nobody write over these arrays: an array, or nested tuples of arrays and other things."""
        if isinstance(value, tuple):
            for each in value:
                self.protect(each)
        elif hasattr(value, "dtype"):
            self._protected.add(id(owner(value)))

    def is_protected(self, array: Array) -> bool:
        """Whether the trace or the tape holds the memory of this array."""
        return id(owner(array)) in self._protected


def owner(array: Array) -> Array:
    """The array that owns the memory of this view."""
    base = getattr(array, "base", None)
    while base is not None and hasattr(base, "dtype"):
        array, base = base, getattr(base, "base", None)
    return array


def frozen(array: Array) -> Array:
    """A read-only view (CuPy has none: there the array itself)."""
    if array_module(array) is not np:
        return array
    view = np.asarray(array).view()  # a loss is a NumPy scalar
    view.flags.writeable = False
    return view

"""The trace: every intermediate value of a pass, by name, and the tape that backward walks.

A forward pass is given a `Run`, which knows the trace (or that there is none) and where dropout masks come
from; a backward pass is given a `Backward`, which reads the trace and gathers the gradients. Without a trace
nothing is kept: `Run.record` hands the value back and `Run.spare` lets the next step write over it.
"""

import copy
import difflib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from minibert.backend import Array, array_module, to_numpy
from minibert.errors import InputError, TraceError

BACKWARD = "backward"
_MASKED = 1e30  # a number this large is the mask's


@dataclass(frozen=True)
class TracePoint:
    """One named value of a pass: its symbolic shape and the formula that gives it.

    `shape` has one symbol an axis: B sentences, T tokens, S keys, D hidden width, N heads, K width of a head,
    F feed-forward width, E and O RemBERT's input and output embedding widths, V vocabulary, C classes, L layers.
    `aliases` are other names of the same value, such as those of the modules it passes through unchanged.
    """

    name: str
    shape: str
    formula: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edit:
    """A value replaced as a pass runs, and everything after follows.

    `forward(value)` gets a copy and gives an array of the same shape. Backward hands the gradient on unchanged, as
    is right for an edit that adds something; `backward(gradient, value)` says otherwise, with the value before the
    edit: `Edit(lambda p: p * m, lambda dp, p: dp * m)`, or `lambda dp, p: 0 * dp` for a constant put in its place.
    """

    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array], Array] | None = None


Edits = Mapping[str, Any]  # trace name -> a function, or an Edit


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
        return [self._row(name, steps[name]) for name in self.names(pattern)]

    def _row(self, name: str, step: int) -> dict[str, Any]:
        point, array = self.points[name], to_numpy(self._arrays[name])
        real = array.astype(np.float64)
        masked = (array.dtype.kind == "f") & (np.abs(real) > _MASKED)
        real = real[~masked] if not masked.all() else np.zeros(1)
        row = {
            "step": step,
            "name": name,
            "formula": point.formula,
            "symbols": point.shape,
            "shape": list(array.shape),
            "dtype": array.dtype.name,
            "min": float(real.min()),
            "max": float(real.max()),
            "mean": float(real.mean()),
            "std": float(real.std()),
            "masked": int(masked.sum()),
            "first": array.reshape(-1)[:4].tolist(),
            "seconds": self.seconds[name],
            "edited": name in self.before,
        }
        if name in self.grad:
            row["grad_norm"] = float(np.linalg.norm(to_numpy(self.grad[name]).astype(np.float64)))
        return row

    def show(self, pattern: str = "*") -> str:
        """The pass as a readable walk: a line with name, shape and time, then formula, statistics and first values."""
        return "\n".join(_row_text(row) for row in self.table(pattern))

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
            self._held.add(id(_owner(value)))

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
            self._arrays[point.name] = _frozen(value)
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
            self.grad._arrays[name] = _frozen(gradient)
        if self._observer is not None:
            self._observer("backward", self.points[name], gradient)


def _row_text(row: dict[str, Any]) -> str:
    """Two lines of a walk."""
    symbols = f"({', '.join(row['symbols'].split())})"
    shape = f"({', '.join(map(str, row['shape']))})"
    first = " ".join(f"{value:.4g}" for value in row["first"])
    more = " …" if math.prod(row["shape"]) > len(row["first"]) else ""
    edited = "  [edited]" if row["edited"] else ""
    masked = f", {row['masked']} masked" if row["masked"] else ""
    gradient = f"  |grad| {row['grad_norm']:.3g}" if "grad_norm" in row else ""
    return (
        f"{row['step']:4d}  {row['name']}  {symbols} = {shape} {row['dtype']}  {row['seconds'] * 1e3:.2f} ms{edited}\n"
        f"      = {row['formula']}\n"
        f"      {row['min']:.4g} .. {row['max']:.4g}, mean {row['mean']:.4g}, std {row['std']:.4g}"
        f"{masked}{gradient}: {first}{more}"
    )


def _owner(array: Array) -> Array:
    """The array that owns the memory of this view."""
    while getattr(array, "base", None) is not None and hasattr(array.base, "dtype"):
        array = array.base
    return array


def _frozen(array: Array) -> Array:
    """A read-only view (CuPy has none: there the array itself)."""
    if array_module(array) is not np:
        return array
    view = np.asarray(array).view()  # a loss is a NumPy scalar
    view.flags.writeable = False
    return view


class Run:
    """One forward pass: where its values go, and where its dropout masks come from.

    Args:
        trace: the trace to fill, or None to keep nothing.
        rng: the generator of dropout masks, or None for a pass without dropout.
        model: the parameters of the model, so that backward can tell a trace of another model.
        edits: trace name -> what replaces the value there.
    """

    def __init__(
        self,
        trace: Trace | None = None,
        rng: np.random.Generator | None = None,
        model: Any = None,
        edits: Edits | None = None,
    ) -> None:
        self.trace = trace
        self.edits = {name: edit if isinstance(edit, Edit) else Edit(edit) for name, edit in (edits or {}).items()}
        self._met: set[str] = set()  # names of edits that were applied
        self.rng = rng
        self.saving = trace is not None and trace._keeps_tape  # whether backward will need the pass
        self._naming = trace is not None  # whether values are to be recorded
        if trace is not None:
            trace._begin(model)

    def without_tape(self) -> "Run":
        """The same pass, keeping nothing for backward: a checkpointed layer is computed again then."""
        run = copy.copy(self)
        run.saving = False
        return run

    @classmethod
    def again(cls, trace: Trace, rng: np.random.Generator | None) -> "Run":
        """A part of a pass computed again for its backward: everything was named before, now the tape is filled."""
        run = cls(None, rng, edits=trace._edits)
        run.trace, run.saving = trace, True
        return run

    def keeps(self, *names: str) -> bool:
        """Whether the trace will hold any of these values, or the tape what backward needs to them."""
        return self.saving or (self._naming and self.trace is not None and any(map(self.trace._keeps, names)))

    def record(
        self,
        name: str,
        value: Array,
        shape: str,
        formula: str,
        also: tuple[str, ...] = (),
        editable: bool = True,
    ) -> Array:
        """Name a value of the pass; gives the value to go on with, which an edit may have replaced."""
        if self.edits:
            value = self._edited((name, *also), value, editable)
        if self._naming and self.trace is not None:
            self.trace._record(TracePoint(name, shape, formula, also), value)
        return value

    def fuses(self, *names: str) -> bool:
        """Whether nobody wants to see or change these values, so that a step may pass over them."""
        if self.trace is None:
            return not self.edits
        watched = self.trace._observer is not None or bool(self.edits)
        return not watched and not any(map(self.trace._keeps, names))  # again as at first, for the same bits

    def skip(self, name: str, dims: tuple[int, ...], shape: str, formula: str, also: tuple[str, ...] = ()) -> None:
        """Name a value that a fused step passes over: of `dims`, else as `record` has it."""
        if self._naming and self.trace is not None:
            self.trace._skip(TracePoint(name, shape, formula, also), dims)

    def _edited(self, names: tuple[str, ...], value: Array, editable: bool) -> Array:
        """What the edits make of a value, under whichever of its names they know it."""
        for asked in names:
            if asked not in self.edits:
                continue
            if not editable:
                raise InputError(f"{asked} cannot be edited: change the call's input, or edit the value that follows.")
            edit, before = self.edits[asked], value
            value = array_module(before).array(edit.forward(before.copy()), dtype=before.dtype)
            if value.shape != before.shape:
                raise InputError(f"the edit of {asked} gave shape {value.shape}: the value's is {before.shape}.")
            self._met.add(asked)
            if self._naming and self.trace is not None:
                self.trace.before[names[0]] = _frozen(before)
                self.trace._hold(before)
                self.trace._edits[names[0]] = edit
        return value

    def check_edits(self) -> None:
        """Raise InputError if an edit was asked for at a name that no value of the pass has."""
        for name in self.edits:
            if name not in self._met:
                known = [] if self.trace is None else [*self.trace.points, *self.trace._aliases]
                close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
                hint = f" (close names: {', '.join(close)})" if close else ""
                raise InputError(f"edits names {name!r}, which no value of this call has{hint}.")

    def save(self, path: str, cache: Any) -> None:
        """Keep for backward what the step at this path will need."""
        if self.saving:
            assert self.trace is not None
            self.trace._tape[path] = cache
            self.trace._hold(cache)

    def spare(self, array: Array) -> Array | None:
        """The array itself if nobody keeps it, so that the next step may write over it; else None.

        Only for an array that the caller has made in this pass.
        """
        if self.trace is None or id(_owner(array)) not in self.trace._held:
            return array
        return None

    def output(self, array: Array | None) -> Array | None:
        """An array to hand to the user: a copy where the trace keeps it, so that the trace never changes."""
        if array is None or self.trace is None or id(_owner(array)) not in self.trace._held:
            return array
        return array.copy()


class Backward:
    """One backward pass over a trace: gradients that arrive at names, and those of the parameters.

    Args:
        trace: a trace that holds a whole forward pass.
        seeds: trace name -> the gradient that enters there.
    """

    def __init__(self, trace: Trace, seeds: dict[str, Array]) -> None:
        self.trace = trace
        self.xp = trace._model.xp
        self.seeds = seeds
        self.grads: dict[str, Array] = {}
        self.head_mask_gradients: dict[str, Array] = {}  # path of an attention -> (N,)

    def arrive(self, name: str, gradient: Array | None) -> Any:
        """The whole gradient at a named value: what comes from the steps after it and what was asked for there.

        None if nothing arrives.
        """
        seed = self.seeds.pop(name, None)
        if seed is not None:
            gradient = seed if gradient is None else gradient + seed
        if gradient is not None:
            self.trace._record_grad(name, gradient)
            edit = self.trace._edits.get(name)
            if edit is not None and edit.backward is not None:
                gradient = edit.backward(gradient.copy(), self.trace.before[name])
        return gradient

    def keeps(self, name: str) -> bool:
        """Whether the gradient at this name is wanted: a step may then compute what it does not need itself."""
        return name in self.trace.points and self.trace._keeps(name, self.trace.points[name].aliases)

    def fuses(self, *names: str) -> bool:
        """Whether no gradient is asked for or enters at these values, so that a step may pass over them."""
        trace = self.trace
        if trace._observer is not None or trace._edits:
            return False
        return not any(name in self.seeds or self.keeps(name) for name in names)

    def saved(self, path: str) -> Any:
        """What the forward kept at this path; the tape gives it up."""
        return self.trace._tape.pop(path)

    def peek(self, path: str) -> Any:
        """What the forward kept at this path, left in place."""
        return self.trace._tape[path]

    def has(self, path: str) -> bool:
        """Whether the forward kept anything at this path."""
        return path in self.trace._tape

    def asked_within(self, path: str) -> bool:
        """Whether a gradient that still waits was asked for at this path or inside it."""
        return any(name == path or name.startswith(path + ".") for name in self.seeds)

    def add(self, name: str, gradient: Array) -> None:
        """Add to the gradient of the parameter of this name; a tied weight is used, and added to, twice."""
        if name in self.grads:
            self.grads[name] += gradient
        else:
            self.grads[name] = gradient



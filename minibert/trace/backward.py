"""One backward pass: where gradients enter, arrive and gather."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from minibert.backend import Array, array_module, move
from minibert.errors import InputError, TraceError
from minibert.trace.trace import Trace


class Backward:
    """One backward pass over a trace: gradients that arrive at names, and those of the parameters.

    Args:
        trace: a trace that holds a whole forward pass; it is used up.
        seeds: trace name -> the gradient that enters there.

    Attributes:
        grads: parameter name -> its gradient, as far as the pass has come.
        head_mask_gradients: path of an attention -> the gradient (N,) of its heads' mask.
    """

    def __init__(self, trace: Trace, seeds: dict[str, Array]) -> None:
        trace.tape.walked = True
        self.trace = trace
        self.xp = trace.tape.parameters.xp
        self.dtype: np.dtype = trace.tape.parameters.dtype
        self.seeds = seeds
        self.grads: dict[str, Array] = {}
        self.head_mask_gradients: dict[str, Array] = {}

    @classmethod
    def of(cls, trace: Trace, gradients: Mapping[str, Any] | None, parameters: Any, **options: Any) -> Self:
        """The backward of a call of the model with these parameters: see `PreTrainedModel.backward`.

        Raises:
            TraceError: the trace is empty, of another model, used up, or lacks what backward needs.
            InputError: a gradient's name or shape does not fit.
        """
        check_trace(trace, parameters)
        return cls(trace, seeds_of(trace, gradients), **options)

    # where gradients enter and arrive

    def arrive(self, name: str, gradient: Array | None) -> Any:
        """The whole gradient at a named value: what comes from the steps after it and what was asked for there.

        None if nothing arrives.
        """
        seed = self.seeds.pop(name, None)
        if seed is not None:
            gradient = seed if gradient is None else gradient + seed
        if gradient is not None:
            self.trace.record_gradient(name, gradient)
            edit = self.trace.tape.edits.get(name)
            if edit is not None and edit.backward is not None:
                gradient = edit.backward(gradient.copy(), self.trace.before[name])
        return gradient

    def asked_within(self, path: str) -> bool:
        """Whether a gradient that still waits was asked for at this path or inside it."""
        return any(name == path or name.startswith(path + ".") for name in self.seeds)

    def zeros(self, name: str) -> Array:
        """A gradient of nothing but zeros for the value of this name."""
        return self.xp.zeros(self.trace.tape.shapes[name], dtype=self.dtype)

    def keeps(self, name: str) -> bool:
        """Whether the gradient at this name is wanted: a step may then compute what it does not need itself."""
        return name in self.trace.points and self.trace.keeps(name, self.trace.points[name].aliases)

    def unwatched(self, *names: str) -> bool:
        """Whether no gradient is asked for or enters at these values, so that a step may pass over them."""
        trace = self.trace
        if trace.observer is not None or trace.tape.edits:
            return False
        return not any(name in self.seeds or self.keeps(name) for name in names)

    # what the forward kept

    def saved(self, path: str) -> Any:
        """What the forward kept at this path; the tape gives it up."""
        return self.trace.tape.pop(path)

    def peek(self, path: str) -> Any:
        """What the forward kept at this path, left in place."""
        return self.trace.tape[path]

    def has(self, path: str) -> bool:
        """Whether the forward kept anything at this path."""
        return path in self.trace.tape

    # where gradients gather

    def add(self, name: str, gradient: Array) -> None:
        """Add to the gradient of the parameter of this name; a tied weight is used, and added to, twice."""
        if name in self.grads:
            self.grads[name] += gradient
        else:
            self.grads[name] = gradient

    def check_entered(self) -> None:
        """Raise InputError if a gradient was asked for where the walk back never came."""
        if self.seeds:
            raise InputError(f"no gradient can enter at {', '.join(self.seeds)}: nothing learned leads there.")

    def in_order(self, names: Iterable[str]) -> dict[str, Array]:
        """The parameters' gradients, in the order of these names."""
        return {name: self.grads[name] for name in names if name in self.grads}


def check_trace(trace: Any, parameters: Any) -> None:
    """Raise TraceError unless this is the trace of one call of the model with these parameters, fit for backward."""
    if not isinstance(trace, Trace):
        raise TraceError(f"backward takes the minibert.Trace of a call, not a {type(trace).__name__}.")
    tape = trace.tape
    if not tape.begun:
        raise TraceError("the trace is empty: give it to a call first, model(..., trace=trace).")
    if not tape.finished:
        raise TraceError("the trace's forward pass did not finish: run it again with a new trace.")
    if tape.parameters is not parameters:
        raise TraceError("the trace is of another model: use the one whose call filled it.")
    if tape.walked:
        raise TraceError("the trace was already used by a backward: run the forward again with a new trace.")
    if not tape.wanted:
        kept = ", ".join(trace.patterns)
        raise TraceError(f"the trace kept only {kept}, not what backward needs: add 'backward' to what it keeps.")


def seeds_of(trace: Trace, gradients: Mapping[str, Any] | None) -> dict[str, Array]:
    """{output field or trace name: gradient} -> {trace name: gradient}, moved to where the model is.

    Without gradients the loss' own, which is 1.

    Raises:
        InputError: no such output or name, no loss, or a gradient that is no array of the value's shape.
    """
    tape = trace.tape
    if gradients is None:
        if "loss" not in tape.outputs:
            raise InputError("the call had no labels, so there is no loss: give backward a gradient, {'logits': ...}.")
        gradients = {"loss": 1.0}
    if not gradients:
        raise InputError("gradients is empty: name at least one output.")
    xp, own = tape.parameters.xp, tape.parameters.dtype
    seeds: dict[str, Array] = {}
    for field, gradient in gradients.items():
        for name, shape, part in _entries(trace, field, gradient):
            dtype = np.dtype("float32") if shape == () and own == np.float16 else own  # a loss is never float16
            array = move(_as_numbers(field, part).copy(), xp, dtype)
            if array.shape != shape:
                raise InputError(f"the gradient of {field!r} has shape {array.shape}: {shape} fits.")
            seeds[name] = seeds[name] + array if name in seeds else array
    return seeds


def _entries(trace: Trace, field: str, gradient: Any) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    """(trace name, shape of the value, its gradient) of what is asked for at an output field or a trace name."""
    outputs, shapes = trace.tape.outputs, trace.tape.shapes
    if field not in outputs:
        name = trace.aliases.get(field, field)
        if name not in trace.points:
            raise InputError(
                f"{field!r} is neither an output of the call ({', '.join(outputs)}) nor a name of its trace."
            )
        yield name, shapes[name], gradient
        return
    names, shape = outputs[field]
    if isinstance(names, str):
        yield names, shape, gradient
        return
    if not isinstance(gradient, list | tuple) or len(gradient) != len(names):
        raise InputError(f"the gradient of {field!r} must be a tuple of {len(names)} arrays (None for no gradient).")
    yield from ((name, shapes[name], part) for name, part in zip(names, gradient, strict=True) if part is not None)


def _as_numbers(field: str, value: Any) -> Array:
    array = value if array_module(value) is not np else np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise InputError(f"the gradient of {field!r} holds {array.dtype} values: numbers belong there.")
    return array

"""One pass of a model, handed on value by value as it is computed, and kept by nobody.

Memory is what the pass itself needs: going forward the values of one step, and for gradients the input of every layer
and the tape of one (each layer is computed again on the way back). So a pack of any size is written and checked
within little more than one layer's memory.
"""

import copy
from collections.abc import Mapping
from typing import Any

from minibert.backend import Array, to_numpy
from minibert.golden.packs.named_array import (
    GRADIENT,
    GRADIENT_PREFIX,
    PARAMETER_GRADIENT,
    PARAMETER_GRADIENT_PREFIX,
    VALUE,
    NamedArray,
    Sink,
)
from minibert.models.files import PreTrainedModel
from minibert.trace import Backward, Trace, TracePoint


class StreamTrace(Trace):
    """A trace that keeps no value, but hands each on; with `tape` it keeps what backward needs."""

    def __init__(self, sink: Sink, tape: bool) -> None:
        super().__init__("backward" if tape else [])
        self._sink = sink

    def keeps(self, name: str, aliases: tuple[str, ...] = ()) -> bool:
        del name, aliases
        return True  # so that steps compute what only a reader wants

    def record(self, point: TracePoint, value: Array) -> None:
        if point.name in self.points:
            raise AssertionError(f"trace point {point.name} fired twice")
        self.note(point, value.shape)
        self._sink(NamedArray(point.name, VALUE, to_numpy(value), point.shape, point.formula, point.aliases))

    def record_gradient(self, name: str, gradient: Array) -> None:
        point = self.points[name]
        aliases = tuple(GRADIENT_PREFIX + alias for alias in point.aliases)
        formula = f"d loss / d {name}"
        self._sink(NamedArray(GRADIENT_PREFIX + name, GRADIENT, to_numpy(gradient), point.shape, formula, aliases))


class _ParameterGradients(dict[str, Array]):
    """Where modules put the gradients of parameters: each goes on as soon as it is complete."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink
        self._sent: set[str] = set()

    def add_part(self, name: str, gradient: Array) -> None:
        """Keep a part of a gradient: the others are added to it, and `send_sums` hands the sum on."""
        if name in self:
            self[name].__iadd__(gradient)
        else:
            super().__setitem__(name, gradient)

    def __setitem__(self, name: str, gradient: Array) -> None:
        """Hand on the whole gradient."""
        self.pop(name, None)
        if name in self._sent:
            raise AssertionError(f"the gradient of {name} was complete, and got another part")
        self._sent.add(name)
        formula = f"d loss / d {name}"
        full = PARAMETER_GRADIENT_PREFIX + name
        self._sink(NamedArray(full, PARAMETER_GRADIENT, to_numpy(gradient), formula=formula))

    def send_sums(self) -> None:
        """Hand on the gradients that came in parts."""
        for name in list(self):
            self[name] = self[name]


class _StreamBackward(Backward):
    """A backward that hands the gradients of parameters on; a weight with two uses waits for the second."""

    grads: _ParameterGradients

    def __init__(self, trace: Trace, seeds: dict[str, Array], sink: Sink, used_twice: set[str]) -> None:
        super().__init__(trace, seeds)
        self.grads = _ParameterGradients(sink)
        self._used_twice = used_twice

    def add(self, name: str, gradient: Array) -> None:
        if name in self._used_twice or name.endswith("distance_embedding.weight"):
            self.grads.add_part(name, gradient)
        else:
            self.grads[name] = gradient


def twin_of(model: PreTrainedModel, dtype: Any = None) -> PreTrainedModel:
    """The same model with the same arrays, but its own switches: what is done to it, the given model never sees."""
    shared: dict[int, Any] = {id(array): array for array in model.parameters.values()}
    for each in (model.parameters.xp, model.parameters.files):
        shared[id(each)] = each
    twin = copy.deepcopy(model, shared)
    return twin if dtype is None else twin.to(dtype=dtype)


def run_streamed(
    model: PreTrainedModel,
    inputs: Mapping[str, Any],
    sink: Sink,
    backward: bool | Mapping[str, Any] = False,
    edits: Mapping[str, Any] | None = None,
) -> dict[str, tuple[Any, Any]]:
    """Run the model once; every value, and with `backward` every gradient, goes to the sink in execution order.

    Returns:
        output field -> (name or names in the trace, shape).

    Raises:
        InputError: the inputs do not fit, or there is no loss and `backward` is True.
    """
    model = twin_of(model)
    wanted = backward is not False
    model.parameters.gradient_checkpointing = wanted
    trace = StreamTrace(sink, tape=wanted)
    model(**inputs, trace=trace, edits=edits)
    if wanted:
        gradients = backward if isinstance(backward, Mapping) else None
        shared = {name for name in model.parameters.tied.values() if name.endswith("embeddings.weight")}
        back = _StreamBackward.of(trace, gradients, model.parameters, sink=sink, used_twice=shared)
        model.backward_from(back)
        back.check_entered()
        back.grads.send_sums()
    return trace.tape.outputs

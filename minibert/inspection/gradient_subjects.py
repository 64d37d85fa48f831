"""What a gradient check can check: a minibert model, or a user's own layer (the protocol is in `gradient_check.py`)."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from minibert.backend import Array, array_module, to_numpy
from minibert.errors import InputError
from minibert.models.files import PreTrainedModel
from minibert.trace import Trace


class Subject(Protocol):
    """What is checked: its numbers by name, its loss, and the gradients that its backward gives."""

    arrays: dict[str, Array]
    padding_rows: dict[str, int]  # name -> the row that learns nothing on purpose

    def loss(self) -> float:
        """Σ upstream · output, with the arrays as they are now."""

    def gradients(self) -> dict[str, Array]:
        """What backward gives for that loss."""


def find_subject(subject: Any, inputs: Any, upstream: Any, rng: np.random.Generator) -> Subject:
    """What gradcheck was given, as something to check: a model, a layer object, or a (forward, backward) pair.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(subject, PreTrainedModel):
        return _Model(subject, inputs, upstream, rng)
    if isinstance(subject, tuple | list) and len(subject) == 2 and all(callable(part) for part in subject):
        return _Layer(subject[0], subject[1], {}, inputs, upstream, rng)
    if callable(getattr(subject, "forward", None)) and callable(getattr(subject, "backward", None)):
        return _Layer(subject.forward, subject.backward, getattr(subject, "parameters", {}), inputs, upstream, rng)
    raise InputError(
        f"gradcheck takes a minibert model, an object with forward and backward, or the pair (forward, backward), "
        f"not a {type(subject).__name__}."
    )


def _double(name: str, array: Any) -> None:
    if array.dtype.kind == "f" and array.dtype.name != "float64":
        raise InputError(
            f"{name} is {array.dtype.name}, whose rounding would hide wrong gradients: gradcheck needs float64 "
            "(model.to('float64'), array.astype('float64'))."
        )


def _upstream(name: str, shape: tuple[int, ...], given: Any, rng: np.random.Generator) -> np.ndarray:
    """The gradient that enters at an output: random, or the caller's if it is fit to find mistakes."""
    if given is None:
        return np.asarray(rng.standard_normal(shape))
    array = np.asarray(to_numpy(given), dtype=np.float64)
    if array.shape != shape:
        raise InputError(f"the upstream gradient of {name} has shape {array.shape}: {shape} fits.")
    if (array.size > 1 and (array == array.flat[0]).all()) or (array.size == 1 and array.flat[0] in (0.0, 1.0)):
        raise InputError(
            f"the upstream gradient of {name} is {array.flat[0]:g} everywhere, which hides mistakes (softmax and "
            "LayerNorm then have the right gradient zero): leave it out, and random numbers are used."
        )
    return array


class _Layer:
    """A user's own layer."""

    def __init__(
        self, forward: Callable[..., Any], backward: Callable[..., Any], parameters: Any, inputs: Any, upstream: Any,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.forward, self.backward = forward, backward
        self.padding_rows: dict[str, int] = {}
        self.by_name = isinstance(inputs, Mapping)
        items = inputs.items() if isinstance(inputs, Mapping) else ((f"input {i}", x) for i, x in enumerate(inputs))
        self.inputs = {name: x.copy() if hasattr(x, "dtype") else x for name, x in items}
        checked = {name: x for name, x in self.inputs.items() if hasattr(x, "dtype") and x.dtype.kind == "f"}
        both = sorted(set(checked) & set(parameters))
        if both:
            raise InputError(f"{both[0]} is the name of an input and of a parameter: give them different names.")
        self.arrays = {**checked, **parameters}
        for name, array in self.arrays.items():
            _double(name, array)
        if not self.arrays:
            raise InputError("there is nothing to check: no input is a float64 array, and the layer has no parameters.")
        output, _ = self._run()
        names, arrays = _parts(output)
        given = dict(zip(*_parts(upstream), strict=True)) if upstream is not None else {}
        for name, array in zip(names, arrays, strict=True):
            _double(name, array)
        self.upstream = [
            _upstream(name, array.shape, given.get(name), rng) for name, array in zip(names, arrays, strict=True)
        ]

    def _run(self) -> tuple[Any, Any]:
        result = self.forward(**self.inputs) if self.by_name else self.forward(*self.inputs.values())
        if not isinstance(result, tuple) or len(result) != 2:
            raise InputError("forward must give two things, the output and what backward needs: (output, cache).")
        return result

    def loss(self) -> float:
        _, arrays = _parts(self._run()[0])
        return sum(float((to_numpy(array) * dy).sum()) for array, dy in zip(arrays, self.upstream, strict=True))

    def gradients(self) -> dict[str, Array]:
        output, cache = self._run()
        moved = [array_module(array).asarray(dy) for array, dy in zip(_parts(output)[1], self.upstream, strict=True)]
        given = self.backward(_like(output, moved), cache)
        if not isinstance(given, Mapping):
            values = given if isinstance(given, tuple | list) else (given,)
            if self.by_name or len(values) != len(self.inputs):
                raise InputError("backward must give {name: gradient}, or for listed inputs a tuple in their order.")
            given = dict(zip(self.inputs, values, strict=True))
        for name, array in self.arrays.items():
            if given.get(name) is None:
                raise InputError(f"backward gave no gradient for {name}: it gave {', '.join(map(str, given))}.")
            if given[name].shape != array.shape:
                raise InputError(
                    f"backward gave a gradient of shape {given[name].shape} for {name}, which has {array.shape}."
                )
        return {name: given[name] for name in self.arrays}


def _parts(output: Any) -> tuple[list[str], list[Any]]:
    """The names and arrays of an output."""
    if isinstance(output, Mapping):
        return list(output), list(output.values())
    if isinstance(output, tuple | list):
        return [f"output {i}" for i in range(len(output))], list(output)
    return ["output"], [output]


def _like(output: Any, values: list[Any]) -> Any:
    """The values in the form of the output."""
    if isinstance(output, Mapping):
        return dict(zip(output, values, strict=True))
    return tuple(values) if isinstance(output, tuple | list) else values[0]


class _Model:
    """A minibert model: every parameter, and the real-valued inputs that it knows gradients of."""

    def __init__(self, model: Any, inputs: Any, upstream: Any, rng: np.random.Generator) -> None:
        if not isinstance(inputs, Mapping):
            raise InputError(f"inputs is a {type(inputs).__name__}: a model takes a dict of its arguments.")
        self.model = model
        _double(type(model).__name__, next(iter(model.parameters.values())))
        self.parameters = model.parameters
        for name, array in list(self.parameters.items()):
            if not getattr(array.flags, "writeable", True):  # mapped from a file
                self.parameters[name] = array.copy()
        self.inputs = {name: _own(value) for name, value in inputs.items()}
        differentiable = ("inputs_embeds", "encoder_hidden_states", "head_mask")
        checked = {name: self.inputs[name] for name in differentiable if self.inputs.get(name) is not None}
        for name, array in checked.items():
            _double(name, array)
        self.arrays = {**checked, **self.parameters}
        self.state = None if model.parameters.rng is None else model.parameters.rng.bit_generator.state
        outputs, _ = self._run()
        self.upstream = self._upstreams(outputs, upstream, rng)
        self.padding_rows = dict(self.parameters.padding)

    def _run(self) -> tuple[Any, Any]:
        if self.state is not None:  # the same dropout masks every time
            self.parameters.rng.bit_generator.state = self.state
        trace = Trace(["backward", "inputs_embeds", "encoder_hidden_states", "head_mask"])
        return self.model(**self.inputs, return_dict=True, trace=trace), trace

    def _upstreams(self, outputs: Any, upstream: Any, rng: np.random.Generator) -> dict[str, Any]:
        known = [name for name, value in outputs.items() if hasattr(value, "dtype") or isinstance(value, tuple)]
        if upstream is not None and not isinstance(upstream, Mapping):
            upstream = {"loss" if "loss" in known else known[0]: upstream}
        for name in upstream or {}:
            if name not in known:
                raise InputError(f"upstream has {name!r}, which is no output of the call: it gave {', '.join(known)}.")
        chosen: dict[str, Any] = {}
        for name in upstream or known:
            given = None if upstream is None else upstream[name]
            value = outputs[name]
            if isinstance(value, tuple):
                parts = given or (None,) * len(value)
                chosen[name] = tuple(_upstream(name, x.shape, dy, rng) for x, dy in zip(value, parts, strict=True))
            else:
                chosen[name] = _upstream(name, value.shape, given, rng)
        return chosen

    def loss(self) -> float:
        if self.state is not None:
            self.parameters.rng.bit_generator.state = self.state
        outputs, total = self.model(**self.inputs, return_dict=True), 0.0
        for name, dy in self.upstream.items():
            values, parts = (outputs[name], dy) if isinstance(dy, tuple) else ((outputs[name],), (dy,))
            total += sum(float((to_numpy(x) * part).sum()) for x, part in zip(values, parts, strict=True))
        return total

    def gradients(self) -> dict[str, Array]:
        _, trace = self._run()
        grads = self.model.backward(trace, self.upstream)
        found: dict[str, Array] = {}
        for name, array in self.arrays.items():
            gradient = trace.grad[name] if name in trace.grad and name not in self.parameters else grads.get(name)
            # where nothing flows, the numbers will tell
            gradient = np.zeros(array.shape) if gradient is None else to_numpy(gradient)
            found[name] = gradient.reshape(array.shape) if gradient.size == array.size else gradient.sum(axis=0)
        return found


def _own(value: Any) -> Any:
    if isinstance(value, list) and np.asarray(value).dtype.kind == "f":
        value = np.asarray(value)
    return value.copy() if hasattr(value, "dtype") else value

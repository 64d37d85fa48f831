"""Checking gradients: what backward says beside what the forward does when one number is moved a little.

`gradcheck` takes a minibert model, or a layer of your own: an object with `forward` and `backward`, or the pair
of these two functions. The protocol of a layer:

    forward(**inputs) -> (output, cache)     output: an array, or a tuple or dict of arrays
    backward(doutput, cache) -> {name: gradient} of inputs and parameters; where the inputs were given as a
                                list, also a tuple in their order (or one array for one input)
    parameters                               of an object, if it has any: {name: array}, changed in place here

The upstream gradient (doutput) is always random. Ones would hide mistakes: the rows of softmax and of LayerNorm
without scale sum to a constant, so with ones upstream their right gradient is zero, and a backward that returns
zeros passes. Check with sizes that differ (B=2, T=3, N=4, K=5), a padded row and a repeated token.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from minibert.backend import Array, array_module, to_numpy
from minibert.errors import InputError
from minibert.training.optimizers import check_number

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)


@dataclass(frozen=True)
class GradCheckRow:
    """What was found for one parameter or input, at the index and the step that `relative_error` is of."""

    name: str
    shape: tuple[int, ...]
    analytic: float
    numeric: float
    relative_error: float  # the worst of the checked indices, at the best step
    index: tuple[int, ...]  # where it is
    step: float
    checked: int  # how many of its numbers were moved
    errors: dict[float, float] = field(default_factory=dict)  # step -> the worst error with it
    ok: bool = True


@dataclass(frozen=True)
class GradCheckReport:
    """Every row of a check; true if all are within the tolerance. `print(report)` shows the table."""

    rows: list[GradCheckRow]
    tolerance: float
    skipped: tuple[str, ...] = ()  # what was left out, and why

    @property
    def ok(self) -> bool:
        """Whether every row is within the tolerance."""
        return all(row.ok for row in self.rows)

    @property
    def worst(self) -> GradCheckRow:
        """The row with the largest error."""
        return max(self.rows, key=lambda row: row.relative_error)

    def __bool__(self) -> bool:
        return self.ok

    def __getitem__(self, name: str) -> GradCheckRow:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"nothing named {name!r} was checked: there are {', '.join(row.name for row in self.rows)}")

    def __str__(self) -> str:
        steps = list(self.rows[0].errors)
        width = max(len("name"), *(len(row.name) for row in self.rows))
        head = f"{'name':<{width}}  {'analytic':>13} {'numeric':>13} {'error':>8}  {'worst index':<14}"
        lines = [head + "".join(f" h={step:<7.0e}" for step in steps)]
        for row in self.rows:
            index = str(list(row.index))
            line = f"{row.name:<{width}}  {row.analytic:>13.6e} {row.numeric:>13.6e} {row.relative_error:>8.1e}  {index:<14}"
            lines.append(line + "".join(f" {row.errors[step]:<9.1e}" for step in steps) + ("" if row.ok else "  WRONG"))
        lines += [f"left out: {reason}" for reason in self.skipped]
        wrong = sum(not row.ok for row in self.rows)
        verdict = f"all {len(self.rows)} within" if not wrong else f"{wrong} of {len(self.rows)} beyond"
        return "\n".join([*lines, f"{verdict} the tolerance of {self.tolerance:g}"])


class _Subject(Protocol):
    """What is checked: its numbers by name, its loss, and the gradients that its backward gives."""

    arrays: dict[str, Array]
    skipped: tuple[str, ...]

    def loss(self) -> float:
        """Σ upstream · output, with the arrays as they are now."""

    def gradients(self) -> dict[str, Array]:
        """What backward gives for that loss."""

    def leaves_out(self, name: str, index: tuple[int, ...]) -> bool:
        """Whether a number gets no gradient on purpose."""


def gradcheck(
    model_or_function: Any,
    inputs: Mapping[str, Any] | Sequence[Any],
    *,
    upstream: Any = None,
    steps: Sequence[float] = STEPS,
    tolerance: float = 1e-7,
    elements: int | None = 8,
    seed: int = 0,
    verbose: bool = True,
) -> GradCheckReport:
    """Compare every gradient with central differences, (loss(x + h) - loss(x - h)) / 2h, at several steps h.

    The loss is the sum of random upstream gradients times the outputs. An error is relative to the largest
    gradient of its array (or to 1e-4 of the largest of all, where an array's own are zero); a row is within the
    tolerance if its worst error is so at the best step: large steps err by curvature, small ones by rounding.

    Args:
        model_or_function: a minibert model in float64, an object with forward and backward, or the pair
            (forward, backward); see the file's beginning.
        inputs: a dict of arguments, or a list of arrays for a layer. Real-valued arrays are checked too.
        upstream: instead of random numbers, gradients of the outputs: an array, a tuple, or a dict by field.
        steps: the step sizes of the sweep.
        tolerance: 1e-7 suits smooth functions in float64.
        elements: how many numbers of each array are moved, the largest gradient's among them; None is all.
        seed: of the upstream gradients and of the choice of elements.
        verbose: print the table too.

    Raises:
        InputError: not in float64, an upstream gradient of equal numbers, a gradient that is missing or of
            another shape.

    >>> import numpy as np
    >>> def forward(x, w):
    ...     return np.tanh(x @ w), (x, w)
    >>> def backward(dy, cache):
    ...     x, w = cache
    ...     dpre = dy * (1 - np.tanh(x @ w) ** 2)
    ...     return {"x": dpre @ w.T, "w": x.T @ dpre}
    >>> rng = np.random.default_rng(0)
    >>> inputs = {"x": rng.normal(size=(2, 3)), "w": rng.normal(size=(3, 4))}
    >>> gradcheck((forward, backward), inputs, verbose=False).ok
    True
    >>> def forgetful(dy, cache):
    ...     return backward(dy, cache) | {"w": cache[0].T @ dy}
    >>> gradcheck((forward, forgetful), inputs, verbose=False).worst.name
    'w'
    """
    for step in steps:
        check_number("a step", step, lower=1e-300)
    if not steps:
        raise InputError("steps is empty: give at least one step size, 1e-5.")
    rng = np.random.default_rng(seed)
    subject = _subject(model_or_function, inputs, upstream, rng)
    gradients = subject.gradients()
    scale = max((_largest(gradients[name]) for name in subject.arrays), default=0.0)
    rows = [
        _check_array(subject, name, to_numpy(gradients[name]), steps, tolerance, elements, scale, rng)
        for name in subject.arrays
    ]
    report = GradCheckReport(rows, tolerance, subject.skipped)
    if verbose:
        print(report)
    return report


def _largest(array: Array) -> float:
    return float(abs(array).max()) if array.size else 0.0


def _check_array(
    subject: _Subject,
    name: str,
    gradient: np.ndarray,
    steps: Sequence[float],
    tolerance: float,
    elements: int | None,
    scale: float,
    rng: np.random.Generator,
) -> GradCheckRow:
    """One row: the sweep over steps, at the chosen indices."""
    indices = [index for index in _choose(gradient, elements, rng) if not subject.leaves_out(name, index)]
    analytic = np.array([float(gradient[index]) for index in indices])
    best: tuple[float, int, float, float] = (np.inf, 0, 0.0, np.nan)  # error, place, step, numeric
    errors = {}
    for step in steps:
        numeric = np.array([_central_difference(subject, name, index, step) for index in indices])
        floor = max(_largest(gradient), _largest(numeric), 1e-4 * scale, 1e-12)
        relative = np.nan_to_num(np.abs(numeric - analytic) / floor, nan=np.inf)
        place = int(relative.argmax()) if relative.size else 0
        errors[step] = float(relative[place]) if relative.size else 0.0
        if errors[step] < best[0]:
            best = (errors[step], place, step, float(numeric[place]) if relative.size else 0.0)
    error, place, step, value = best
    index = indices[place] if indices else ()
    found = float(gradient[index]) if indices else 0.0
    return GradCheckRow(
        name, gradient.shape, found, value, error, index, step, len(indices), errors, bool(error <= tolerance)
    )


def _choose(gradient: np.ndarray, elements: int | None, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Indices to check: all, or the largest gradient's and random others."""
    if gradient.size == 0:
        return []
    if elements is None or elements >= gradient.size:
        flat = np.arange(gradient.size)
    else:
        largest = int(np.abs(gradient).argmax())
        flat = np.unique(np.append(rng.choice(gradient.size, size=max(elements, 1) - 1, replace=False), largest))
    return [tuple(int(i) for i in np.unravel_index(place, gradient.shape)) for place in flat]


def _central_difference(subject: _Subject, name: str, index: tuple[int, ...], step: float) -> float:
    array = subject.arrays[name]
    before = array[index].copy()
    try:
        array[index] = before + step
        up = subject.loss()
        array[index] = before - step
        down = subject.loss()
    finally:
        array[index] = before
    return (up - down) / (2.0 * step)


def _subject(subject: Any, inputs: Any, upstream: Any, rng: np.random.Generator) -> _Subject:
    from minibert.models.base import PreTrainedModel

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

    skipped: tuple[str, ...] = ()

    def __init__(
        self, forward: Callable[..., Any], backward: Callable[..., Any], parameters: Any, inputs: Any, upstream: Any,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.forward, self.backward = forward, backward
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
        self.upstream = [_upstream(name, array.shape, given.get(name), rng) for name, array in zip(names, arrays, strict=True)]

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
                raise InputError(f"backward gave a gradient of shape {given[name].shape} for {name}, which has {array.shape}.")
        return {name: given[name] for name in self.arrays}

    def leaves_out(self, name: str, index: tuple[int, ...]) -> bool:
        return False


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
        self.skipped = tuple(
            f"row {row} of {name}, the padding token's, which learns nothing from the input"
            for name, row in self.parameters.padding.items()
        )

    def _run(self) -> tuple[Any, Any]:
        from minibert.trace import Trace

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
            gradient = np.zeros(array.shape) if gradient is None else to_numpy(gradient)  # nothing flows: numbers will tell
            found[name] = gradient.reshape(array.shape) if gradient.size == array.size else gradient.sum(axis=0)
        return found

    def leaves_out(self, name: str, index: tuple[int, ...]) -> bool:
        return self.parameters.padding.get(name, -1) == index[0] if name in self.parameters.padding else False


def _own(value: Any) -> Any:
    if isinstance(value, list) and np.asarray(value).dtype.kind == "f":
        value = np.asarray(value)
    return value.copy() if hasattr(value, "dtype") else value

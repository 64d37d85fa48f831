"""One part of a model on its own: filled with numbers, run, and walked back."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from minibert.models.module import Module
from minibert.models.parameters import Parameters
from minibert.trace import Backward, Run, Trace
from tests.gradients import check_gradients, rng_of

Part = TypeVar("Part", bound=Module)


def filled(make: Callable[[Parameters], Part], seed: int = 0) -> Part:
    """A part in float64, of whose parameters none is at a special value."""
    parameters = Parameters("float64", "numpy")
    part, rng = make(parameters), rng_of(90, seed)
    for name, shape in parameters.shapes.items():
        parameters[name] = rng.normal(size=shape) * 0.5
    return part


def traced(part: Module, rng: np.random.Generator | None = None) -> tuple[Run, Trace]:
    """A pass of which everything is kept; with a generator it is a pass of training."""
    trace = Trace()
    return Run(trace, rng, part.parameters), trace


def check_part(
    part: Module,
    forward: Callable[..., np.ndarray],
    backward: Callable[[np.ndarray, Backward], tuple[Any, ...]],
    inputs: Mapping[str, np.ndarray],
    left_out: Mapping[str, int] | None = None,
) -> None:
    """backward(dy, back) gives the slopes of forward(run, **inputs) at its inputs, and gathers the parameters'."""
    dy = rng_of(91).normal(size=forward(Run(), **inputs).shape)
    run, trace = traced(part)
    forward(run, **{name: array.copy() for name, array in inputs.items()})
    back = Backward(trace, {})
    given = dict(zip(inputs, backward(dy, back), strict=True))
    check_gradients(
        lambda: float((forward(Run(), **inputs) * dy).sum()),
        {**inputs, **part.parameters}, {**given, **back.grads}, left_out=left_out,
    )  # fmt: skip

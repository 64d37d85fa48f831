"""One backward pass: where gradients enter, arrive and gather."""

from typing import Any

from minibert.backend import Array
from minibert.trace.trace import Trace


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

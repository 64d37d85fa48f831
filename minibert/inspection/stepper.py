"""Stepping through a pass: the forward runs to the next named value and waits, then the backward the same way.

The pass runs in a thread of its own, which stops inside `Trace` at every value until it is told to go on.
"""

import threading
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Self

from minibert.backend import Array, to_numpy
from minibert.errors import TraceError
from minibert.trace import Trace, TracePoint
from minibert.trace.trace import frozen


class Step(NamedTuple):
    """One value of a pass as it has just been computed."""

    direction: str  # "forward" or "backward"
    point: TracePoint
    value: Array  # the value, or in backward its gradient; read-only

    @property
    def name(self) -> str:
        """The value's name in the trace."""
        return self.point.name

    def __str__(self) -> str:
        shape = f"({', '.join(self.point.shape.split())}) = {self.value.shape}"
        what = "d " if self.direction == "backward" else ""
        formula = "" if self.direction == "backward" else f"\n    = {self.point.formula}"
        return f"{what}{self.name}  {shape} {self.value.dtype}{formula}\n{to_numpy(self.value)}"


class _StoppedError(BaseException):
    """Raised inside the pass to end it; no code of the model catches it."""


class Stepper:
    """Walk through one call of a model, value by value.

    A stepper is an iterator over `Step`s, and holds the growing `trace`. When the forward is through, `output` is what
    the call gave, and after the backward `gradients` what it gave. An error of the call is raised where the next step
    was asked for.

    Args:
        model: the model to call.
        inputs: the call's inputs.
        backward: whether the backward pass follows: True from the loss, or {output: gradient}.

    Raises:
        TraceError: raised by `to` where no value that is still to come matches.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=6)
        >>> with mb.Stepper(mb.BertModel(config), input_ids=[[1, 2]]) as stepper:
        ...     print(stepper.next().name, stepper.to("*.probs").value.shape)
        extended_attention_mask (1, 2, 2, 2)
    """

    def __init__(self, model: Any, *, backward: Any = False, **inputs: Any) -> None:
        self.trace = Trace()
        self.output: Any = None
        self.gradients: dict[str, Array] | None = None
        self._model, self._inputs, self._backward = model, inputs, backward
        self._step: Step | None = None
        self._error: BaseException | None = None
        self._go, self._ready = threading.Semaphore(0), threading.Semaphore(0)
        self._ended = self._stopping = False
        self._thread: threading.Thread | None = None

    def next(self) -> Step:
        """Run to the next named value.

        Raises:
            StopIteration: the pass is through.
        """
        if self._ended:
            raise StopIteration
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        self._go.release()
        self._ready.acquire()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._ended:
            raise StopIteration
        assert self._step is not None
        return self._step

    def to(self, pattern: str) -> Step:
        """Run to the next value whose name matches a glob.

        Raises:
            TraceError: none of the values that were still to come matches.
        """
        for step in self:
            if any(fnmatchcase(name, pattern) for name in (step.name, *step.point.aliases)):
                return step
        raise TraceError(f"no value that was still to come matches {pattern!r}.")

    def finish(self) -> Any:
        """Run to the end; gives the call's output."""
        for _ in self:
            pass
        return self.output

    def close(self) -> None:
        """End the pass where it stands."""
        if self._thread is not None and not self._ended:
            self._stopping = True
            self._go.release()
            self._thread.join()
        self._ended = True

    def _work(self) -> None:
        self.trace.observer = self._observe
        self._go.acquire()
        try:
            self.output = self._model(**self._inputs, trace=self.trace)
            if self._backward is not False:
                seeds = None if self._backward is True else self._backward
                self.gradients = self._model.backward(self.trace, seeds)
        except _StoppedError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self.trace.observer = None
            self._ended = True
            self._ready.release()

    def _observe(self, direction: str, point: TracePoint, value: Array) -> None:
        self._step = Step(direction, point, frozen(value))
        self._ready.release()
        self._go.acquire()
        if self._stopping:
            raise _StoppedError

    def __iter__(self) -> Iterator[Step]:
        return self

    __next__ = next

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

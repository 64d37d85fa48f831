"""The tape: what a forward pass leaves behind for its backward, and for nobody else."""

from typing import Any

from minibert.errors import TraceError
from minibert.trace.points import Edit

OutputName = str | tuple[str, ...]  # of an output field that holds one value, or one for each layer


class Tape(dict[str, Any]):
    """By path, what the step there needs in backward; and what is true of the whole pass.

    Attributes:
        wanted: whether backward is to follow; without it the steps put nothing here.
        parameters: those of the model that ran, None before the pass.
        shapes: of every named value, whether the trace keeps it or not.
        edits: of every edited value, the edit.
        outputs: output field -> the name of its value (names, where it is a tuple) and its shape.
        begun, finished: whether the forward pass has begun, and whether it came to its end.
        walked: whether a backward has used it up.
    """

    def __init__(self, wanted: bool) -> None:
        super().__init__()
        self.wanted = wanted
        self.parameters: Any = None
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.edits: dict[str, Edit] = {}
        self.outputs: dict[str, tuple[OutputName, Any]] = {}
        self.begun = self.finished = self.walked = False

    def begin(self, parameters: Any) -> None:
        """A forward pass begins.

        Raises:
            TraceError: there was one before.
        """
        if self.begun:
            raise TraceError("this trace already holds a forward pass: give each pass a new minibert.Trace().")
        self.begun, self.parameters = True, parameters

    def finish(self, names: dict[str, Any], shapes: dict[str, Any]) -> None:
        """The forward pass has ended; names and shapes of its outputs, by field."""
        self.outputs = {field: (name, shapes[field]) for field, name in names.items() if field in shapes}
        self.finished = True

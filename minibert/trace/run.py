"""One forward pass: where its values go, what replaces them, and where its dropout masks come from."""

import copy
import difflib
from typing import Any

import numpy as np

from minibert.backend import Array, array_module
from minibert.errors import InputError
from minibert.trace.points import Edit, Edits, TracePoint
from minibert.trace.trace import Trace


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
        self.saving = trace is not None and trace.tape.wanted  # whether backward will need the pass
        self._named = trace  # where values are recorded; None where they were recorded before
        if trace is not None:
            trace.begin(model)

    def without_tape(self) -> "Run":
        """The same pass, keeping nothing for backward: a checkpointed layer is computed again then."""
        run = copy.copy(self)
        run.saving = False
        return run

    @classmethod
    def recomputing(cls, trace: Trace, rng: np.random.Generator | None) -> "Run":
        """A part of a pass computed again for its backward: everything was named before, now the tape is filled."""
        run = cls(None, rng, edits=trace.tape.edits)
        run.trace, run.saving = trace, True
        return run

    def keeps(self, *names: str) -> bool:
        """Whether the trace will hold any of these values, or the tape what backward needs to them."""
        return self.saving or (self._named is not None and any(map(self._named.keeps, names)))

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
        if self._named is not None:
            self._named.record(TracePoint(name, shape, formula, also), value)
        return value

    def unwatched(self, *names: str) -> bool:
        """Whether nobody wants to see or change these values, so that a step may pass over them."""
        if self.trace is None:
            return not self.edits
        watched = self.trace.observer is not None or bool(self.edits)
        return not watched and not any(map(self.trace.keeps, names))  # again as at first, for the same bits

    def pass_over(self, name: str, dims: tuple[int, ...], shape: str, formula: str, also: tuple[str, ...] = ()) -> None:
        """Name a value that a step did not make, as `record` would: its shape would have been `dims`."""
        if self._named is not None:
            self._named.note(TracePoint(name, shape, formula, also), dims)

    def _edited(self, names: tuple[str, ...], value: Array, editable: bool) -> Array:
        """What the edits make of a value, under whichever of its names they know it."""
        for asked in names:
            if asked not in self.edits:
                continue
            if not editable:
                raise InputError(f"{asked} cannot be edited: change the call's input, or edit the value that follows.")
            edit, before = self.edits[asked], value
            changed = edit.forward(before.copy())
            if changed is None:
                raise InputError(f"the edit of {asked} gave None: it must return the new value.")
            value = array_module(before).array(changed, dtype=before.dtype)
            if value.shape != before.shape:
                raise InputError(f"the edit of {asked} gave shape {value.shape}: the value's is {before.shape}.")
            self._met.add(asked)
            if self._named is not None:
                self._named.record_edit(names[0], before, edit)
        return value

    def check_edits(self) -> None:
        """Raise InputError if an edit was asked for at a name that no value of the pass has."""
        for name in self.edits:
            if name not in self._met:
                known = [] if self.trace is None else [*self.trace.points, *self.trace.aliases]
                close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
                hint = f" (close names: {', '.join(close)})" if close else ""
                raise InputError(f"edits names {name!r}, which no value of this call has{hint}.")

    def save(self, path: str, cache: Any) -> None:
        """Keep for backward what the step at this path will need."""
        if self.saving:
            assert self.trace is not None
            self.trace.tape[path] = cache
            self.trace.protect(cache)

    def reusable(self, array: Array) -> Array | None:
        """The array itself if nobody keeps it, so that its memory may be written over; else None, as `out=` has it.

        Only for an array that the caller has made in this pass.
        """
        if self.trace is None or not self.trace.is_protected(array):
            return array
        return None

    def output(self, array: Array | None) -> Any:
        """An array to hand to the user: a copy where the trace keeps it, so that the trace never changes."""
        if array is None or self.trace is None or not self.trace.is_protected(array):
            return array
        return array.copy()

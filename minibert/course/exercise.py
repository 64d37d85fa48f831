"""An exercise as a learner meets it: what to write, the inputs, and the check."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from minibert.course.checking import check
from minibert.course.declaration import Declaration, Step
from minibert.course.inputs import Inputs
from minibert.course.verdict import Verdict


class Exercise(Declaration):
    """Something to write, and what checks it. `print(task)` says what; `task.check(f)` gives a `Verdict`.

    >>> import minibert as mb
    >>> task = mb.exercise("gelu")
    >>> task.check(lambda x: np.maximum(x, 0)).diagnosis
    "this is ReLU; BERT's GELU is x Φ(x), smooth at zero and a little negative below it"
    """

    @property
    def inputs(self) -> Inputs:
        """The inputs that are shown, by name: `f(**task.inputs)`. A fresh copy every time."""
        return Inputs(copy.deepcopy(self.cases[0].inputs), self.cases[0].sizes)

    def check(self, function: Callable[..., Any]) -> Verdict:
        """Run a learner's function on the inputs shown and on hidden ones of other sizes, and say what is wrong.

        The function may return a dict of steps by name, or the results alone (several of them as a tuple).
        """
        return check(self, function)

    def __repr__(self) -> str:
        rows = [f"  {line}" for line in str(self.inputs).splitlines()]
        shown = self.solve(self.cases[0].inputs)
        steps = [(step.name, _shape_text(step, shown[step.name]), step.meaning) for step in self.steps]
        wide = [max(len(row[column]) for row in steps) for column in (0, 1)]
        rows_of_steps = [f"  {name:<{wide[0]}}  {shape:<{wide[1]}}  {meaning}" for name, shape, meaning in steps]
        results = self.results[0] if len(self.results) == 1 else f"the tuple ({', '.join(self.results)})"
        ending = f"Give {results}, or a dict of steps by name. Then: minibert.exercise({self.name!r}).check(f)"
        return "\n".join([f"{self.name}: write {self.call}", "", self.task, "", "inputs", *rows, "", "steps",
                          *rows_of_steps, "", ending])  # fmt: skip


def _shape_text(step: Step, value: Any) -> str:
    if not step.shape:
        return type(value).__name__
    return f"({', '.join(step.shape.split())}) = {np.shape(value)}"

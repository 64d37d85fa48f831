"""What the checker found: right or not, the first wrong step, what it looks like, and hints one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from minibert.course.picture import picture

State = Literal["right", "wrong", "not given", "not reached"]
_SIGNS = {"right": "✓", "wrong": "✗", "not given": "·", "not reached": " "}


@dataclass(frozen=True)
class StepResult:
    """One step in a verdict, with the learner's shape beside the right one; "" where there is none."""

    name: str
    state: State
    shape: str
    wanted: str


class Hints(tuple[str, ...]):
    """Where, what, and the line of code. Shown one at a time: `hints[0]` first, and only then the next.

    >>> Hints(("look at scores", "√K is missing", "scores = ..."))
    look at scores  (2 more hints: hints[1], hints[2])
    """

    __slots__ = ()

    def __repr__(self) -> str:
        if not self:
            return "no hint is needed"
        later = ", ".join(f"hints[{i}]" for i in range(1, len(self)))
        return f"{self[0]}  ({len(self) - 1} more hints: {later})" if later else self[0]


@dataclass(frozen=True, repr=False)
class Verdict:
    """What `task.check(f)` found. True if all is right.

    Attributes:
        first: the first wrong step; None if all are right, or if there was nothing to compare.
        diagnosis: what it looks like, in words; "" if all is right or nothing known fits.
        mistake: the short name of the known mistake, where the numbers prove it to be one; else "".
        hints: where, what, and the line of code.
        steps: every step with its state.
        inputs: those with which it went wrong, or those that are shown.
        hidden: whether these are other inputs than the ones shown.
    """

    exercise: str
    ok: bool
    first: str | None
    diagnosis: str
    mistake: str
    hints: Hints
    steps: tuple[StepResult, ...]
    inputs: Mapping[str, Any]
    hidden: bool
    tried: int

    def __bool__(self) -> bool:
        return self.ok

    @property
    def headline(self) -> str:
        """One line: right, or where it first goes wrong."""
        if self.ok:
            return f"{self.exercise}: right, on {self.tried} sets of inputs"
        where = "on hidden inputs, not yet on those shown" if self.hidden else "on the inputs shown"
        if self.first is None:
            return f"{self.exercise}: not yet, {where}"
        return f"{self.exercise}: {self.first} is the first wrong step, {where}"

    @property
    def sentence(self) -> str:
        """The diagnosis with a capital and a full stop; "" if there is none."""
        words = self.diagnosis
        first = words.partition(" ")[0]
        names = {*self.inputs, *(step.name for step in self.steps)}  # gamma stays gamma
        if first.isalpha() and len(first) > 1 and first not in names:
            words = words[0].upper() + words[1:]
        return words if not words or words.endswith("?") else f"{words}."

    def __repr__(self) -> str:
        lines = [self.headline]
        wide = max((len(step.name) for step in self.steps), default=0)
        for step in self.steps:
            shape = step.shape if step.shape == step.wanted else f"{step.shape}, where {step.wanted} belongs"
            lines.append(f"  {_SIGNS[step.state]} {step.name:<{wide}}  {shape if step.shape else ''}".rstrip())
        if self.diagnosis:
            lines.append(self.sentence)
        if self.hints:
            lines.append(f"Hints, one after the other: verdict.hints[0] to verdict.hints[{len(self.hints) - 1}]")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return picture(self.headline, self.ok, self.steps, self.sentence, self.hints)

"""Checking a learner's function: run it on every set of inputs, find the first wrong step, and say what it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.course.comparing import as_numbers, differences, is_numeric, same
from minibert.course.declaration import Case, Declaration, Step, Values
from minibert.course.diagnosis import fact_words, find_mistake
from minibert.course.inputs import Inputs, value_text
from minibert.course.running import Outcome, run
from minibert.course.verdict import Hints, State, StepResult, Verdict


@dataclass(frozen=True)
class Trial:
    """A learner's function on one set of inputs, beside what is right there."""

    case: Case
    outcome: Outcome
    right: Values
    first: Step | None  # the first wrong step


def check(exercise: Declaration, function: Callable[..., Any]) -> Verdict:
    """The verdict on a function: of the first set of inputs with which something is wrong."""
    trials = [_try(exercise, function, case) for case in exercise.cases]
    for trial in trials:
        if trial.outcome.problem:
            return _problem(exercise, trial, trial is not trials[0])
        if trial.first is not None:
            return _wrong(exercise, trials, trial)
    for trial in trials:
        if trial.outcome.changed:
            return _changed(exercise, trial, trial is not trials[0])
    return _verdict(exercise, trials[0], ok=True, tried=len(trials))


def _try(exercise: Declaration, function: Callable[..., Any], case: Case) -> Trial:
    names = [step.name for step in exercise.steps]
    outcome = run(function, case.inputs, names, exercise.results)
    right = exercise.solve(case.inputs)
    for step in exercise.steps:
        if step.name in outcome.steps:
            value = outcome.steps[step.name]
            if not any(same(value, good) for good in exercise.accepted(step, case.inputs, right)):
                return Trial(case, outcome, right, step)
    return Trial(case, outcome, right, None)


def _problem(exercise: Declaration, trial: Trial, hidden: bool) -> Verdict:
    """The function raised, or its answer has no form that can be compared."""
    words = trial.outcome.problem
    if hidden:
        sizes = ", ".join(f"{name}={value!r}" for name, value in trial.case.sizes.items())
        words = f"it works on the inputs shown; with {sizes} {words}; is a size or a value written as a number?"
    shapes = "\n".join(f"{step.name}  {_shape(trial.right[step.name])}  {step.meaning}" for step in exercise.steps)
    first = exercise.steps[0]
    hints = (f"the inputs are\n{Inputs(trial.case.inputs, {})!r}", f"the steps are\n{shapes}", first.line)
    return _verdict(exercise, trial, diagnosis=words, hints=hints, hidden=hidden)


def _changed(exercise: Declaration, trial: Trial, hidden: bool) -> Verdict:
    name = trial.outcome.changed[0]
    words = (
        f"the numbers are right, but the function wrote into its input {name}: whoever called it still needs "
        f"{name} as it was; work on a copy, and beware of += and of [...] = on an input"
    )
    hints = (f"some line changes {name} in place", words, f"copy = {name}.copy()")
    return _verdict(exercise, trial, diagnosis=words, hints=hints, hidden=hidden)


def _wrong(exercise: Declaration, trials: list[Trial], trial: Trial) -> Verdict:
    step = trial.first
    assert step is not None
    value, right = trial.outcome.steps[step.name], trial.right[step.name]
    mistake = find_mistake(exercise, step, [(each.case, each.outcome) for each in trials])
    diagnosis = mistake.words if mistake is not None else fact_words(value, right, step.shape)
    numbers = as_numbers(value) if is_numeric(right) else None
    if mistake is not None and numbers is not None and np.isnan(numbers).any() and not np.isnan(right).any():
        diagnosis = f"{int(np.isnan(numbers).sum())} of {numbers.size} numbers are NaN: {diagnosis}"
    before = [each.name for each in exercise.steps[: exercise.steps.index(step)] if each.name in trial.outcome.steps]
    where = f"{_listed(before)} right; " if before else ""
    hints = (
        f"{where}look at {step.name}: {_worst_words(value, right, step.shape)}",
        f"{step.name} is {step.meaning}." + (f" Here {mistake.words}." if mistake is not None else ""),
        step.line,
    )
    return _verdict(exercise, trial, diagnosis=diagnosis, mistake="" if mistake is None else mistake.name,
                    hints=hints, hidden=trial is not trials[0])  # fmt: skip


def _listed(names: list[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} are"


def _worst_words(value: Any, right: Any, axes: str) -> str:
    """Where the largest difference is, both values beside each other."""
    if not is_numeric(right):
        return f"yours is {value_text(value)}, {value_text(right)} belongs there"
    numbers, wanted = as_numbers(value), np.asarray(right)
    if numbers is None:
        return f"yours is a {type(value).__name__}, an array of numbers belongs there"
    if numbers.shape != wanted.shape:
        return f"its shape is {numbers.shape}, and {wanted.shape} belongs there"
    place = tuple(int(i) for i in np.unravel_index(int(differences(numbers, wanted).argmax()), wanted.shape))
    letters = axes.split() if len(axes.split()) == len(place) else [""] * len(place)
    index = ", ".join(f"{letter.lower()}={i}" if letter else str(i) for letter, i in zip(letters, place, strict=True))
    yours, good = numbers[place].item(), wanted[place].item()
    return f"the largest difference is at [{index}], where yours is {yours:.6g} and {good:.6g} belongs"


def _verdict(
    exercise: Declaration,
    trial: Trial,
    *,
    ok: bool = False,
    diagnosis: str = "",
    mistake: str = "",
    hints: Sequence[str] = (),
    hidden: bool = False,
    tried: int = 0,
) -> Verdict:
    first = None if trial.first is None else trial.first.name
    inputs = Inputs(trial.case.inputs, trial.case.sizes)
    return Verdict(exercise.name, ok, first, diagnosis, mistake, Hints(hints), _step_results(exercise, trial), inputs,
                   hidden, tried)  # fmt: skip


def _step_results(exercise: Declaration, trial: Trial) -> tuple[StepResult, ...]:
    given, reached, results = trial.outcome.steps, not trial.outcome.problem, []
    for step in exercise.steps:
        state: State = "right" if step.name in given else "not given"
        if step is trial.first:
            state, reached = "wrong", False
        elif not reached:
            state = "not reached"
        shape = _shape(given[step.name]) if step.name in given else ""
        results.append(StepResult(step.name, state, shape, _shape(trial.right[step.name])))
    return tuple(results)


def _shape(value: Any) -> str:
    """The shape of an array, and in a word what anything else is."""
    if is_numeric(value):
        return str(np.shape(value))
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, list | tuple | str | dict) else repr(value)

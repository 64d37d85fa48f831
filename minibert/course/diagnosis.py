"""What a wrong step is: a known mistake, proven by equal numbers on every input, or else a fact about its numbers."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minibert.course.comparing import FLOAT32, as_numbers, distance, is_numeric, same, same_within_its_dtype
from minibert.course.declaration import Case, Declaration, Mistake, Step
from minibert.course.running import Outcome

_AXES = {
    "B": "texts", "T": "tokens", "S": "keys", "D": "hidden width", "N": "heads", "K": "width of a head",
    "F": "feed-forward width", "V": "vocabulary", "C": "classes",
}  # fmt: skip


def find_mistake(exercise: Declaration, wrong: Step, runs: Sequence[tuple[Case, Outcome]]) -> Mistake | None:
    """The known mistake that gives the learner's own numbers in every step up to the wrong one, on all inputs.

    Where several do, the one that also gives most of the later steps, then the one that changes the fewest steps; if
    two different ones are still left, none is proven.
    """
    steps = exercise.steps[: exercise.steps.index(wrong) + 1]
    later = exercise.steps[len(steps) :]
    found = []
    for mistake in exercise.mistakes:
        counts = [_explained(exercise, mistake, steps, later, case, outcome) for case, outcome in runs]
        if all(count is not None for count in counts):
            found.append((sum(count or 0 for count in counts), -len(mistake.replaces), mistake))
    best = max((rank for *rank, _ in found), default=None)
    names = {mistake.name: mistake for *rank, mistake in found if rank == best}
    return next(iter(names.values())) if len(names) == 1 else None


def _explained(
    exercise: Declaration, mistake: Mistake, steps: list[Step], later: list[Step], case: Case, outcome: Outcome
) -> int | None:
    """How many of the later steps a mistake gives as the learner has them; None if not every one of `steps`."""
    try:
        with np.errstate(all="ignore"):
            values = exercise.solve(case.inputs, mistake)
            good = {step.name: exercise.accepted(step, case.inputs, values) for step in [*steps, *later]}
    except (ValueError, IndexError, TypeError, KeyError):  # a wrong form need not fit every size
        return 0 if outcome.problem else None

    def fits(step: Step) -> bool:
        return any(same_within_its_dtype(outcome.steps[step.name], value) for value in good[step.name])

    if outcome.problem or not all(fits(step) for step in steps if step.name in outcome.steps):
        return None
    return sum(fits(step) for step in later if step.name in outcome.steps)


def fact_words(value: Any, right: Any, axes: str) -> str:
    """What can be said of numbers that no known mistake explains, shapes first; "" where nothing fits."""
    if not is_numeric(right):
        if isinstance(right, list | tuple) and isinstance(value, list | tuple) and len(value) != len(right):
            return f"it has {len(value)} entries, {len(right)} belong there"
        alike = isinstance(value, list | tuple if isinstance(right, list | tuple) else type(right))
        return "" if alike else f"it is a {type(value).__name__}, where a {type(right).__name__} belongs"
    numbers, wanted = as_numbers(value), np.asarray(right)
    if numbers is None:
        return f"it is a {type(value).__name__}, where an array of numbers belongs"
    if numbers.shape != wanted.shape:
        return _shape_words(numbers, wanted, axes.split())
    facts: list[Callable[[np.ndarray, np.ndarray], str]] = [_unfinished, _rounded, _scaled, _moved_axes]
    return next((words for fact in facts if (words := fact(numbers, wanted))), "")


def _shape_words(numbers: np.ndarray, wanted: np.ndarray, letters: list[str]) -> str:
    """A missing axis, an axis too many, axes in another order, or only the two shapes."""
    shapes = f"its shape is {numbers.shape}, and {wanted.shape} belongs there"
    if numbers.ndim == wanted.ndim - 1 and len(letters) == wanted.ndim:
        for axis, letter in enumerate(letters):
            if numbers.shape == wanted.shape[:axis] + wanted.shape[axis + 1 :]:
                return f"{shapes}: the axis {letter} ({_AXES.get(letter, 'of length 1')}) is missing"
    if numbers.ndim == wanted.ndim + 1 and numbers.size == wanted.size:
        return f"{shapes}: there is one axis too many"
    for order in itertools.permutations(range(wanted.ndim)) if len(letters) == wanted.ndim <= 4 else ():
        moved = wanted.transpose(order)
        if moved.shape == numbers.shape and same(numbers, moved):
            return f"{shapes}: the numbers are right, with the axes in the order {' '.join(letters[i] for i in order)}"
    return shapes


def _unfinished(numbers: np.ndarray, wanted: np.ndarray) -> str:
    nan = int((np.isnan(numbers) & ~np.isnan(wanted)).sum()) if numbers.dtype.kind == "f" else 0
    if nan:
        return f"{nan} of {numbers.size} numbers are NaN: look for 0 / 0, infinity minus infinity, or 0 times infinity"
    infinite = int((np.isposinf(numbers) & ~np.isposinf(wanted)).sum()) if numbers.dtype.kind == "f" else 0
    if infinite:
        return f"{infinite} of {numbers.size} numbers are infinite: look for exp of something large, or 1 / 0"
    return "all numbers are zero" if not numbers.any() and wanted.any() else ""


def _rounded(numbers: np.ndarray, wanted: np.ndarray) -> str:
    if wanted.dtype.kind != "f" or not distance(numbers, wanted) <= FLOAT32:
        return ""
    off = distance(numbers, wanted)
    if numbers.dtype.name == "float32" or np.array_equal(numbers.astype(np.float32), numbers):
        return (
            f"the numbers are right to {off:.0e} only, because they are float32: "
            "the inputs are float64, and a small mistake could hide in that rounding"
        )
    return f"the numbers are right to {off:.0e} only: is a constant shortened, or a step in float32?"


def _scaled(numbers: np.ndarray, wanted: np.ndarray) -> str:
    if wanted.size < 3 or not np.isfinite(numbers).all() or not np.isfinite(wanted).all() or not wanted.any():
        return ""
    factor = float((numbers * wanted).sum() / (wanted * wanted).sum())
    if factor == 0.0 or not same(numbers, wanted * factor):
        return ""
    return "the sign is flipped" if abs(factor + 1) < 1e-9 else f"every number is {factor:.6g} times the right one"


def _moved_axes(numbers: np.ndarray, wanted: np.ndarray) -> str:
    for first, second in itertools.combinations(range(wanted.ndim), 2):
        moved = wanted.swapaxes(first, second)
        if moved.shape == numbers.shape and wanted.shape[first] > 1 and same(numbers, moved):
            return f"the numbers are right, but axes {first} and {second} are exchanged"
    return ""

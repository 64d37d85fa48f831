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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import Array, to_numpy
from minibert.checks import check_number
from minibert.errors import InputError
from minibert.inspection.gradient_subjects import Subject, find_subject
from minibert.inspection.gradient_words import gradient_words

_MOST_EXPLAINED = 512  # numbers of a wrong gradient that are all moved, to say what it looks like

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)

# Beside the seed, so that a caller's default_rng(seed) does not give inputs that equal the upstream gradients:
# those of a LayerNorm would have the right gradient zero.
_STREAM = 0x6772


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
    diagnosis: str = ""  # what a wrong gradient looks like beside the right one, where a fact holds


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
            values = f"{row.analytic:>13.6e} {row.numeric:>13.6e} {row.relative_error:>8.1e}"
            line = f"{row.name:<{width}}  {values}  {index:<14}"
            lines.append(line + "".join(f" {row.errors[step]:<9.1e}" for step in steps) + ("" if row.ok else "  WRONG"))
        lines += [f"{row.name}: {row.diagnosis}" for row in self.rows if row.diagnosis]
        lines += [f"left out: {reason}" for reason in self.skipped]
        wrong = sum(not row.ok for row in self.rows)
        verdict = f"all {len(self.rows)} within" if not wrong else f"{wrong} of {len(self.rows)} beyond"
        return "\n".join([*lines, f"{verdict} the tolerance of {self.tolerance:g}"])


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
    rng = np.random.default_rng([seed, _STREAM])
    subject = find_subject(model_or_function, inputs, upstream, rng)
    gradients = subject.gradients()
    scale = max((_largest(gradients[name]) for name in subject.arrays), default=0.0)
    rows = [
        _check_array(subject, name, to_numpy(gradients[name]), steps, tolerance, elements, scale, rng)
        for name in subject.arrays
    ]
    skipped = tuple(
        f"row {row} of {name}, the padding token's, which learns nothing from the input"
        for name, row in subject.padding_rows.items()
    )
    report = GradCheckReport(rows, tolerance, skipped)
    if verbose:
        print(report)
    return report


def _largest(array: Array) -> float:
    return float(abs(array).max()) if array.size else 0.0


class _Worst(NamedTuple):
    """The worst of the checked indices with one step: the relative error, which index it is, the central difference."""

    error: float
    place: int
    numeric: float
    step: float


def _check_array(
    subject: Subject,
    name: str,
    gradient: np.ndarray,
    steps: Sequence[float],
    tolerance: float,
    elements: int | None,
    scale: float,
    rng: np.random.Generator,
) -> GradCheckRow:
    """One row: the sweep over steps, at the chosen indices."""
    indices = _choose(gradient, elements, rng)
    if name in subject.padding_rows:
        indices = [index for index in indices if index[0] != subject.padding_rows[name]]
    analytic = np.array([float(gradient[index]) for index in indices])
    least = max(_largest(gradient), 1e-4 * scale, 1e-12)
    sweep = [_worst(subject, name, indices, analytic, step, least) for step in steps]
    # where no step gives a number, none is the best
    best = min([_Worst(np.inf, 0, np.nan, 0.0), *sweep], key=lambda worst: worst.error)
    index = indices[best.place] if indices else ()
    ok, words = bool(best.error <= tolerance), ""
    if not ok:
        words = gradient_words(gradient, _numeric_gradient(subject, name, gradient, indices, best.step))
    return GradCheckRow(
        name,
        gradient.shape,
        analytic=float(gradient[index]) if indices else 0.0,
        numeric=best.numeric,
        relative_error=best.error,
        index=index,
        step=best.step,
        checked=len(indices),
        errors={worst.step: worst.error for worst in sweep},
        ok=ok,
        diagnosis=words,
    )


def _numeric_gradient(
    subject: Subject, name: str, gradient: np.ndarray, indices: list[tuple[int, ...]], step: float
) -> np.ndarray:
    """Central differences of all numbers, or of a large array those of the indices; NaN elsewhere."""
    right = np.full(gradient.shape, np.nan)
    if gradient.size <= _MOST_EXPLAINED:
        padding = subject.padding_rows.get(name)
        indices = [index for index in np.ndindex(*gradient.shape) if not index or index[0] != padding]
    for index in indices if step else ():
        right[index] = _central_difference(subject, name, index, step)
    return right


def _worst(
    subject: Subject, name: str, indices: list[tuple[int, ...]], analytic: np.ndarray, step: float, least: float
) -> _Worst:
    """The largest error of central differences with this step, relative to `least` or the largest of them."""
    if not indices:
        return _Worst(0.0, 0, 0.0, step)
    numeric = np.array([_central_difference(subject, name, index, step) for index in indices])
    relative = np.nan_to_num(np.abs(numeric - analytic) / max(least, _largest(numeric)), nan=np.inf)
    place = int(relative.argmax())
    return _Worst(float(relative[place]), place, float(numeric[place]), step)


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


def _central_difference(subject: Subject, name: str, index: tuple[int, ...], step: float) -> float:
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

"""Running a learner's function on one set of inputs, and reading what it gave as steps by name."""

import copy
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minibert.course.comparing import same_input


@dataclass(frozen=True)
class Outcome:
    """What one run gave: steps by name, or `problem`, the sentence that says why there are none."""

    steps: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    changed: tuple[str, ...] = ()  # the inputs that the function wrote into


def run(
    function: Callable[..., Any], inputs: Mapping[str, Any], names: Sequence[str], results: Sequence[str]
) -> Outcome:
    """Call with copies of the inputs, by name or else in their order, and read the answer as steps by name.

    names: of all steps; results: those that must be there.
    """
    given = copy.deepcopy(dict(inputs))
    try:
        with np.errstate(all="ignore"):
            answer = function(**given) if _takes_names(function, given) else function(*given.values())
    except Exception as error:  # whatever a learner's function raises becomes a sentence
        return Outcome(problem=_exception_words(error, len(given)))
    steps, problem = _read(answer, names, results)
    changed = tuple(name for name in inputs if not same_input(given[name], inputs[name]))
    return Outcome(steps, problem, changed)


def _takes_names(function: Callable[..., Any], given: Mapping[str, Any]) -> bool:
    """Whether the function's arguments have the exercise's names."""
    try:
        inspect.signature(function).bind(**given)
    except (TypeError, ValueError):  # other names, or a function that does not tell
        return False
    return True


def _exception_words(error: Exception, count: int) -> str:
    message = str(error).strip().rstrip(".")
    words = f"the function raised {type(error).__name__}: {message}" if message else f"it raised {type(error).__name__}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    own = [frame for frame in frames if frames and frame.filename == frames[0].filename]
    if own and own[-1].line:
        words += f"; in line {own[-1].lineno}: {own[-1].line.strip()}"
    if isinstance(error, TypeError) and not frames:  # the call itself did not fit
        words += f"; it is called with {count} arguments, in the order that the exercise gives"
    return words


def _read(answer: Any, names: Sequence[str], results: Sequence[str]) -> tuple[dict[str, Any], str]:
    """The steps that an answer holds, and what is wrong with its form."""
    if answer is None:
        return {}, "the function gave None: does it end with return?"
    if isinstance(answer, dict):
        return _read_dict(answer, names, results)
    if len(results) == 1:
        return {results[0]: answer}, ""
    if not isinstance(answer, tuple | list) or len(answer) != len(results):
        found = f"{len(answer)} values" if isinstance(answer, tuple | list) else "one value"
        return {}, f"the function gave {found}: {len(results)} belong there, ({', '.join(results)})"
    return dict(zip(results, answer, strict=True)), ""


def _read_dict(answer: dict[Any, Any], names: Sequence[str], results: Sequence[str]) -> tuple[dict[str, Any], str]:
    unknown = [name for name in answer if name not in names]
    if unknown:
        return {}, f"the dict has {unknown[0]!r}, which is no step: the steps are {', '.join(names)}"
    missing = [name for name in results if name not in answer]
    if missing:
        return {}, f"the dict has no {missing[0]!r}, which is what the function is for"
    return {name: answer[name] for name in names if name in answer}, ""

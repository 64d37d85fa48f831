"""What learners hand in: two right ways for each exercise, and mistakes as edits of them.

`RIGHT[exercise]` holds functions. `WRONG[exercise]` holds (function, old text, new text, name): the function with the
old text replaced is wrong, and the checker must name it so. The name "" stands for a mistake that no exercise knows:
it must be found and not be named.
"""

import inspect
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

CHAPTERS = ("tokenizers", "embeddings", "layer", "attention", "backward", "training")


def right() -> Iterator[tuple[str, Callable[..., Any]]]:
    """(exercise, a right function), all of them."""
    for chapter in CHAPTERS:
        for exercise, functions in import_module(f"tests.course.learners.{chapter}").RIGHT.items():
            yield from ((exercise, function) for function in functions)


def wrong() -> Iterator[tuple[str, Callable[..., Any], str, str, str]]:
    """(exercise, function, old text, new text, name of the mistake), all of them."""
    for chapter in CHAPTERS:
        for exercise, edits in import_module(f"tests.course.learners.{chapter}").WRONG.items():
            yield from ((exercise, *edit) for edit in edits)


def edited(function: Callable[..., Any], old: str, new: str) -> Callable[..., Any]:
    """The function with a piece of its text replaced everywhere, as a learner would have written it."""
    source = textwrap.dedent(inspect.getsource(function))
    assert old in source, f"{old!r} is not in {function.__name__}"
    source = source.replace(old, new)
    scope = dict(vars(sys.modules[function.__module__]))
    name = f"<{function.__name__} with {new!r}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), scope)
    return scope[function.__name__]

"""What an exercise declares: inputs, steps, and the mistakes that are known of each step."""

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Values = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One named value on the way. Its function takes inputs and earlier steps, by the names of its arguments.

    Attributes:
        shape: the axes by letter, "B N T K"; "" for what is not an array.
        also: other right forms, such as the same before the mask is added.
    """

    name: str
    shape: str
    function: Callable[..., Any]
    also: tuple[Callable[..., Any], ...] = ()

    @property
    def meaning(self) -> str:
        """What the step is, in words."""
        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def line(self) -> str:
        """The code of the step, as an assignment to its name."""
        source = textwrap.dedent(inspect.getsource(self.function))
        function = ast.parse(source).body[0]
        assert isinstance(function, ast.FunctionDef)
        body = function.body[1:] if ast.get_docstring(function) else function.body
        lines = source.splitlines()[body[0].lineno - 1 : body[-1].end_lineno]
        code = textwrap.dedent("\n".join(lines))
        before, _, last = code.rpartition("return ")
        return before.rstrip() if last == self.name else f"{before}{self.name} = {last}"


@dataclass(frozen=True)
class Mistake:
    """A known mistake: wrong forms of some steps, and the words for it.

    Attributes:
        name: a few words, unique within the exercise.
        words: a sentence without its full stop: what was done, and what belongs there.
    """

    name: str
    words: str
    replaces: Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Case:
    """One set of inputs: the first of an exercise is shown, the others are tried too."""

    sizes: Mapping[str, Any]
    inputs: Values


class Declaration:
    """Inputs, steps and mistakes of an exercise, and the values that follow from them.

    Args:
        name: how `minibert.exercise` finds it.
        call: how the function to write is called, `"f(x, gamma, beta, eps)"`.
        task: what to write, for somebody who knows NumPy.
        draw: (rng, **sizes) -> the inputs by name, in the call's order.
        cases: the sizes of each set of inputs; the first is shown.
        results: the steps that the function must give at least; by default the last one.
    """

    def __init__(
        self,
        name: str,
        call: str,
        task: str,
        draw: Callable[..., Values],
        cases: Sequence[Mapping[str, Any]],
        results: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.call = call
        self.task = inspect.cleandoc(task)
        self.steps: list[Step] = []
        self.mistakes: list[Mistake] = []
        self._draw = draw
        self._sizes = cases
        self._results = tuple(results)

    # declaring

    def step(self, shape: str = "", also: Sequence[Callable[..., Any]] = ()) -> Callable[[Callable], Callable]:
        """Decorate the function of the next step; the function's name is the step's."""

        def declare(function: Callable) -> Callable:
            self.steps.append(Step(function.__name__, shape, function, tuple(also)))
            return function

        return declare

    def mistake(self, name: str, words: str, /, **replaces: Callable[..., Any]) -> None:
        """Declare wrong forms of one step or of several that go wrong together, by the steps' names."""
        self.mistakes.append(Mistake(name, words, replaces))

    def mistake_in_each(self, steps: Sequence[str], name: str, words: str, wrong: Callable[..., Any]) -> None:
        """Declare one wrong form for several steps: in all of them at once, or in any one alone.

        The form may take an argument `step_name`, of the step that it stands for.
        """
        self.mistake(name, words, **dict.fromkeys(steps, wrong))
        for step in steps:
            self.mistake(name, words, **{step: wrong})

    @property
    def results(self) -> tuple[str, ...]:
        """The names of what the function must give."""
        return self._results or (self.steps[-1].name,)

    @cached_property
    def cases(self) -> list[Case]:
        """Every set of inputs, drawn once."""
        seed = [ord(letter) for letter in self.name]
        return [
            Case(sizes, self._draw(np.random.default_rng([*seed, number]), **sizes))
            for number, sizes in enumerate(self._sizes)
        ]

    def solve(self, inputs: Mapping[str, Any], mistake: Mistake | None = None) -> Values:
        """The value of every step, by name; with a mistake, as somebody who makes it would compute them."""
        replaced = mistake.replaces if mistake is not None else {}
        values = dict(inputs)
        for step in self.steps:
            values[step.name] = call_by_name(replaced.get(step.name, step.function), {**values, "step_name": step.name})
        return {step.name: values[step.name] for step in self.steps}

    def accepted(self, step: Step, inputs: Mapping[str, Any], values: Values) -> list[Any]:
        """The right values of a step: its own first, then those of its other forms."""
        return [values[step.name], *(call_by_name(form, {**inputs, **values}) for form in step.also)]


def call_by_name(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call a step's function with the values that its arguments name; it gets copies. Defaults stay as they are."""
    names = [each.name for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    return function(**{name: copy.deepcopy(values[name]) for name in names})

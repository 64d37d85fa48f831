"""Running a learner's function: how it is called, what its answer may be, and what is said where it is none."""

import numpy as np
import pytest

import minibert as mb
from minibert.course.running import Outcome, run
from minibert.course.verdict import Verdict
from tests.course.learners.layer import layer_norm_by_loop as norm


def check(exercise: str, function) -> Verdict:
    return mb.exercise(exercise).check(function)


def test_an_exception_names_the_learners_line() -> None:
    def f(x, gamma, beta, eps):
        y = x @ gamma[:3]
        return y

    verdict = check("layer_norm", f)
    assert verdict.first is None
    assert verdict.diagnosis.startswith("the function raised ValueError: ")
    assert verdict.diagnosis.endswith("y = x @ gamma[:3]")
    assert "x      (2, 4, 6) float64" in verdict.hints[0]
    too_few = check("layer_norm", lambda x, gamma: x)
    assert too_few.diagnosis.endswith("it is called with 4 arguments, in the order that the exercise gives")


def test_arguments_may_have_other_names() -> None:
    assert check("layer_norm", lambda a, b, c, d: norm(a, b, c, d)).ok


@pytest.mark.parametrize(
    ("exercise", "answer", "words"),
    [
        ("gelu", None, "the function gave None: does it end with return?"),
        ("gelu", {"y": 1}, "the dict has 'y', which is no step: the steps are cdf, output"),
        ("gelu", {"cdf": 1}, "the dict has no 'output', which is what the function is for"),
        ("linear_backward", (1, 2), "the function gave 2 values: 3 belong there, (dx, dweight, dbias)"),
        ("linear_backward", np.ones(3), "the function gave one value: 3 belong there, (dx, dweight, dbias)"),
    ],
)
def test_answers_without_form(exercise: str, answer, words: str) -> None:
    task = mb.exercise(exercise)

    def f(**inputs):
        return answer

    assert task.check(f).diagnosis == words


def outcome(function, **inputs) -> Outcome:
    return run(function, inputs, ["half", "double"], ["double"])


def test_an_answer_is_a_dict_of_steps_or_the_results_alone() -> None:
    assert outcome(lambda x: 2 * x, x=3).steps == {"double": 6}
    steps = outcome(lambda x: {"double": 2 * x, "half": x / 2}, x=3).steps
    assert list(steps.items()) == [("half", 1.5), ("double", 6)]  # in the exercise's order
    pair = run(lambda x: [x / 2, 2 * x], {"x": 3}, ["half", "double"], ["half", "double"])
    assert pair.steps == {"half": 1.5, "double": 6}


def test_names_come_before_the_order() -> None:
    inputs = {"a": 10, "b": 4}
    assert run(lambda b, a: a - b, inputs, ["y"], ["y"]).steps == {"y": 6}
    assert run(lambda p, q: p - q, inputs, ["y"], ["y"]).steps == {"y": 6}


def test_the_function_gets_copies_and_what_it_wrote_into_is_told() -> None:
    x = np.arange(3.0)

    def f(x, y):
        x += 1
        return x + y

    found = outcome(f, x=x, y=np.ones(3))
    assert found.changed == ("x",)
    assert x.tolist() == [0, 1, 2]


def test_an_exception_without_a_message() -> None:
    def f(x):
        raise NotImplementedError

    assert outcome(f, x=1).problem.startswith("it raised NotImplementedError; in line ")
    assert outcome(f, x=1).steps == {}

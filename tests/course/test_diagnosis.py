"""What is said of wrong numbers: shapes first, then NaN and infinity, rounding, a factor; and no guess."""

import numpy as np
import pytest

import minibert as mb
from minibert.course.diagnosis import fact_words, find_mistake
from minibert.course.running import run
from minibert.course.verdict import Verdict
from minibert.plain import erf


def check(exercise: str, function) -> Verdict:
    return mb.exercise(exercise).check(function)


def test_shapes_come_first() -> None:
    x = mb.exercise("gelu").inputs["x"]
    right = x * (1 + erf(x / 2**0.5)) / 2
    belongs = "and (2, 3, 5) belongs there"
    for answer, words in (
        (right[0], f"its shape is (3, 5), {belongs}: the axis B (texts) is missing"),
        (right[:, 0], f"its shape is (2, 5), {belongs}: the axis T (tokens) is missing"),
        (right[None], f"its shape is (1, 2, 3, 5), {belongs}: there is one axis too many"),
        (right.transpose(1, 0, 2), f"its shape is (3, 2, 5), {belongs}: the numbers are right, with the axes in the "
                                   "order T B F"),
        (right[:, :, :2], f"its shape is (2, 3, 2), {belongs}"),
    ):  # fmt: skip
        verdict = check("gelu", lambda x, answer=answer: answer)
        assert verdict.first == "output"
        assert verdict.diagnosis == words
        assert "where (2, 3, 5) belongs" in repr(verdict)


def test_nan_infinity_and_float32() -> None:
    nan = check("gelu", lambda x: np.where(x > 2, np.nan, x * (1 + erf(x / 2**0.5)) / 2))
    assert nan.diagnosis.endswith("of 30 numbers are NaN: look for 0 / 0, infinity minus infinity, or 0 times infinity")
    infinite = check("gelu", lambda x: np.where(x > 2, np.inf, x))
    assert infinite.diagnosis.endswith("numbers are infinite: look for exp of something large, or 1 / 0")
    for back in (np.float32, np.float64):
        narrow = check("gelu", lambda x, back=back: (x * (1 + erf(x / 2**0.5)) / 2).astype(np.float32).astype(back))
        assert "because they are float32: the inputs are float64" in narrow.diagnosis
        assert narrow.mistake == ""
    assert check("gelu", lambda x: x.astype(np.float32).clip(0)).mistake == "ReLU"
    shortened = check("gelu", lambda x: x * (1 + erf(x / 1.41421)) / 2)
    assert shortened.diagnosis.endswith("only: is a constant shortened, or a step in float32?")


def test_facts_about_unknown_mistakes() -> None:
    third = check("gelu", lambda x: x * (1 + erf(x / 2**0.5)) / 6)
    assert third.diagnosis == "every number is 0.333333 times the right one"
    assert check("gelu", lambda x: -x * (1 + erf(x / 2**0.5)) / 2).diagnosis == "the sign is flipped"
    unknown = check("gelu", lambda x: np.sin(x))
    assert unknown.first == "output"
    assert unknown.diagnosis == unknown.mistake == ""
    assert unknown.hints[0].startswith("look at output: the largest difference is at [b=")


@pytest.mark.parametrize(
    ("value", "right", "words"),
    [
        (["un"], ["un", "##a"], "it has 1 entries, 2 belong there"),
        ("un", ["un"], "it is a str, where a list belongs"),
        (("un",), ["un"], ""),
        (["x"], ["y"], ""),
        ("text", np.zeros(2), "it is a str, where an array of numbers belongs"),
        ([[1.0], [1.0, 2.0]], np.zeros(2), "it is a list, where an array of numbers belongs"),
        (np.zeros((2, 2)), np.ones((2, 2)), "all numbers are zero"),
        (np.array([[1.0, 3.0], [2.0, 5.0]]), np.array([[1.0, 2.0], [3.0, 5.0]]),
         "the numbers are right, but axes 0 and 1 are exchanged"),
    ],
)  # fmt: skip
def test_facts(value: object, right: object, words: str) -> None:
    assert fact_words(value, right, "") == words


def test_a_mistake_is_named_only_where_the_numbers_prove_it_on_every_input() -> None:
    task = mb.exercise("gelu")

    def found(*functions):
        """The mistake of a learner who uses another function for each set of inputs."""
        runs = [
            (case, run(function, case.inputs, [step.name for step in task.steps], task.results))
            for case, function in zip(task.cases, functions, strict=True)
        ]
        return find_mistake(task, task.steps[-1], runs)

    relu, other = (lambda x: np.maximum(x, 0)), (lambda x: np.maximum(x, 0.1))
    named = found(*[relu] * len(task.cases))
    assert named is not None
    assert named.name == "ReLU"
    assert found(relu, *[other] * (len(task.cases) - 1)) is None

"""Declaring an exercise: steps in order, mistakes that replace them, inputs that are drawn once."""

import numpy as np
import pytest

from minibert.course.declaration import Declaration, call_by_name


@pytest.fixture
def task() -> Declaration:
    """The mean and the centred values of x."""
    made = Declaration(
        "centre", "f(x)", """
            Centre x.
        """, lambda rng, T: {"x": rng.normal(size=T)}, [{"T": 3}, {"T": 5}],
    )  # fmt: skip

    @made.step("1")
    def mean(x):
        """the mean of x"""
        return x.mean()

    @made.step("T", also=[lambda x: x - x.mean() + 0.0])
    def centred(x, mean):
        """x without its mean"""
        shifted = x - mean
        return shifted

    made.mistake("median", "this is the median", mean=lambda x: np.median(x))
    return made


def test_steps_have_words_and_code(task: Declaration) -> None:
    mean, centred = task.steps
    assert (mean.name, mean.shape, mean.meaning) == ("mean", "1", "the mean of x")
    assert mean.line == "mean = x.mean()"
    assert centred.line == "shifted = x - mean\ncentred = shifted"
    assert task.task == "Centre x."


def test_a_step_that_returns_its_own_name_is_no_assignment_to_itself(task: Declaration) -> None:
    @task.step("T")
    def scaled(centred):
        """twice as far"""
        scaled = 2 * centred
        return scaled

    assert task.steps[-1].line == "scaled = 2 * centred"


def test_results_are_the_last_step_unless_said(task: Declaration) -> None:
    assert task.results == ("centred",)
    assert Declaration("n", "f()", "", dict, [{}], results=["a", "b"]).results == ("a", "b")


def test_inputs_are_drawn_once_and_follow_from_the_name(task: Declaration) -> None:
    assert [case.inputs["x"].shape for case in task.cases] == [(3,), (5,)]
    assert task.cases is task.cases
    again = Declaration("centre", "f(x)", "", lambda rng, T: {"x": rng.normal(size=T)}, [{"T": 3}])
    other = Declaration("other", "f(x)", "", lambda rng, T: {"x": rng.normal(size=T)}, [{"T": 3}])
    assert np.array_equal(again.cases[0].inputs["x"], task.cases[0].inputs["x"])
    assert not np.array_equal(other.cases[0].inputs["x"], task.cases[0].inputs["x"])


def test_a_mistake_runs_through_the_later_steps(task: Declaration) -> None:
    x = np.array([0.0, 1.0, 8.0])
    assert task.solve({"x": x})["centred"].tolist() == [-3, -2, 5]
    wrong = task.solve({"x": x}, task.mistakes[0])
    assert list(wrong) == ["mean", "centred"]
    assert wrong["centred"].tolist() == [-1, 0, 7]


def test_other_right_forms_are_accepted_after_the_steps_own(task: Declaration) -> None:
    inputs = {"x": np.array([0.0, 2.0])}
    values = task.solve(inputs)
    assert [each.tolist() for each in task.accepted(task.steps[1], inputs, values)] == [[-1, 1], [-1, 1]]
    assert task.accepted(task.steps[0], inputs, values) == [1.0]


def test_a_mistake_may_be_made_in_all_steps_or_in_one(task: Declaration) -> None:
    task.mistake_in_each(["mean", "centred"], "zero", "it is zero", lambda step_name: f"no {step_name}")
    made = [mistake for mistake in task.mistakes if mistake.name == "zero"]
    assert [sorted(mistake.replaces) for mistake in made] == [["centred", "mean"], ["mean"], ["centred"]]
    assert task.solve({"x": np.ones(2)}, made[0]) == {"mean": "no mean", "centred": "no centred"}


def test_forms_get_copies_of_what_they_name() -> None:
    x = np.zeros(2)

    def spoil(x, offset=3):
        x += offset
        return x

    assert call_by_name(spoil, {"x": x, "unused": 1, "offset": 9}).tolist() == [3, 3]  # defaults stay as they are
    assert not x.any()

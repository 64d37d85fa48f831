"""What learners hand in: right ways pass, planted mistakes get their names, unknown ones are found and not named."""

from collections import Counter

import pytest

import minibert as mb
from tests.course import learners

RIGHT = list(learners.right())
WRONG = list(learners.wrong())


def test_every_exercise_has_two_right_ways_and_six_mistakes() -> None:
    assert min(Counter(exercise for exercise, _ in RIGHT).values()) >= 2
    planned = Counter(exercise for exercise, *_, name in WRONG if name)
    unplanned = Counter(exercise for exercise, *_, name in WRONG if not name)
    assert set(planned) == set(unplanned) == {exercise for exercise, _ in RIGHT} == set(mb.exercises())
    assert min(planned.values()) >= 6


@pytest.mark.parametrize(("exercise", "function"), RIGHT, ids=lambda each: getattr(each, "__name__", each))
def test_right_ways_pass(exercise, function) -> None:
    verdict = mb.exercise(exercise).check(function)
    assert verdict.ok, verdict
    assert verdict.first is None
    assert verdict.diagnosis == verdict.mistake == ""
    assert not verdict.hints


@pytest.mark.parametrize("exercise", mb.exercises())
def test_mistakes_are_named_and_none_wrongly(exercise) -> None:
    task = mb.exercise(exercise)
    for function, old, new, name in ((f, o, n, name) for each, f, o, n, name in WRONG if each == exercise):
        verdict = task.check(learners.edited(function, old, new))
        assert not verdict.ok, (old, new)
        assert verdict.mistake == name, (old, new, verdict)
        if not verdict.diagnosis.startswith("the function raised"):
            assert verdict.first in [step.name for step in task.steps], (old, new, verdict)
        assert len(verdict.hints) == 3
        if name:
            assert verdict.diagnosis.endswith(next(each.words for each in task.mistakes if each.name == name))

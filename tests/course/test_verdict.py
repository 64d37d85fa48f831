"""How a verdict shows itself: a headline, a sentence, the steps, and one hint at a time."""

from dataclasses import replace

import pytest

import minibert as mb
from minibert.course.verdict import Hints, Verdict
from tests.course.learners.layer import layer_norm_by_loop as norm


def check(exercise: str, function) -> Verdict:
    return mb.exercise(exercise).check(function)


def test_the_headline_says_where_it_first_goes_wrong() -> None:
    right = check("layer_norm", norm)
    assert right.headline == "layer_norm: right, on 2 sets of inputs"
    assert repr(right).splitlines()[0] == right.headline
    hidden = check("layer_norm", lambda x, gamma, beta, eps: norm(x, gamma, beta, 0))
    assert hidden.headline == "layer_norm: output is the first wrong step, on hidden inputs, not yet on those shown"
    assert check("gelu", lambda x: None).headline == "gelu: not yet, on the inputs shown"


def test_hints_are_shown_one_at_a_time() -> None:
    hints = Hints(("where", "what", "the line"))
    assert repr(hints) == "where  (2 more hints: hints[1], hints[2])"
    assert repr(Hints(hints[2:])) == "the line"
    assert repr(Hints()) == "no hint is needed"


def test_the_text_of_a_verdict() -> None:
    def f(x, gamma, beta, eps):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        n = (x - mean) / (variance + eps)
        return {"mean": mean, "variance": variance, "normalized": n, "output": n * gamma + beta}

    verdict = check("layer_norm", f)
    assert repr(verdict.hints) == f"{verdict.hints[0]}  (2 more hints: hints[1], hints[2])"
    assert repr(verdict).splitlines() == [
        "layer_norm: normalized is the first wrong step, on the inputs shown",
        "  ✓ mean        (2, 4, 1)",
        "  ✓ variance    (2, 4, 1)",
        "  ✗ normalized  (2, 4, 6)",
        "    output      (2, 4, 6)",
        "It is divided by variance + eps, without the root.",
        "Hints, one after the other: verdict.hints[0] to verdict.hints[2]",
    ]


@pytest.mark.parametrize(
    ("diagnosis", "sentence"),
    [
        ("", ""),
        ("the sign is flipped", "The sign is flipped."),
        ("is a constant shortened?", "Is a constant shortened?"),
        ("gamma is left out", "gamma is left out."),  # an input's name
        ("variance is biased", "variance is biased."),  # a step's name
        ("3 of 9 numbers are NaN", "3 of 9 numbers are NaN."),
    ],
)
def test_a_diagnosis_becomes_a_sentence(diagnosis: str, sentence: str) -> None:
    assert replace(check("layer_norm", norm), diagnosis=diagnosis).sentence == sentence


def test_a_verdict_is_true_where_all_is_right() -> None:
    assert check("layer_norm", norm)
    assert not check("layer_norm", lambda x, gamma, beta, eps: x)


def test_a_wrong_shape_stands_beside_the_right_one() -> None:
    verdict = check("gelu", lambda x: x[0])
    assert "  ✗ output  (3, 5), where (2, 3, 5) belongs" in repr(verdict).splitlines()

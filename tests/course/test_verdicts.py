"""The checker's own sentences, and how a verdict shows itself."""

import html.parser

import numpy as np
import pytest

import minibert as mb
from minibert.course.verdict import Verdict
from minibert.plain import erf


def check(exercise: str, function) -> Verdict:
    return mb.exercise(exercise).check(function)


def norm(x, gamma, beta, eps):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps) * gamma + beta


def test_right() -> None:
    verdict = check("layer_norm", norm)
    assert verdict
    assert verdict.headline == "layer_norm: right, on 2 sets of inputs"
    assert [step.state for step in verdict.steps] == ["not given", "not given", "not given", "right"]
    assert repr(verdict.hints) == "no hint is needed"


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


def test_sizes_written_as_numbers() -> None:
    def f(x, heads):
        return x.reshape(2, 5, 2, 3).transpose(0, 2, 1, 3)

    verdict = check("split_heads", f)
    assert verdict.hidden
    assert verdict.diagnosis.startswith("it works on the inputs shown; with B=3, T=4, N=3, K=2 the function raised ")
    assert verdict.diagnosis.endswith("is a size or a value written as a number?")
    assert verdict.inputs["heads"] == 3


@pytest.mark.parametrize(
    ("exercise", "answer", "words"),
    [
        ("gelu", None, "the function gave None: does it end with return?"),
        ("gelu", {"y": 1}, "the dict has 'y', which is no step: the steps are cdf, output"),
        ("gelu", {"cdf": 1}, "the dict has no 'output', which is what the function is for"),
        ("gelu", "text", "it is a str, where an array of numbers belongs"),
        ("gelu", [[1.0], [1.0, 2.0]], "it is a list, where an array of numbers belongs"),
        ("gelu", np.zeros((2, 3, 5)), "all numbers are zero"),
        ("linear_backward", (1, 2), "the function gave 2 values: 3 belong there, (dx, dweight, dbias)"),
        ("linear_backward", np.ones(3), "the function gave one value: 3 belong there, (dx, dweight, dbias)"),
        ("wordpiece", "un", "it is a str, where a list belongs"),
        ("wordpiece", ["un"], "it has 1 entries, 3 belong there"),
    ],
)
def test_answers_without_form(exercise: str, answer, words: str) -> None:
    task = mb.exercise(exercise)

    def f(**inputs):
        return answer

    assert task.check(f).diagnosis == words


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
    mask = check("mask", lambda scores, attention_mask: scores + ((1 - attention_mask) * -np.inf)[:, None, None])
    assert mask.diagnosis.endswith("numbers are NaN: (1 - mask) times minus infinity: where 1 - mask is 0, that is NaN")


def test_facts_about_unknown_mistakes() -> None:
    third = check("gelu", lambda x: x * (1 + erf(x / 2**0.5)) / 6)
    assert third.diagnosis == "every number is 0.333333 times the right one"
    assert check("gelu", lambda x: -x * (1 + erf(x / 2**0.5)) / 2).diagnosis == "the sign is flipped"
    unknown = check("gelu", lambda x: np.sin(x))
    assert unknown.first == "output"
    assert unknown.diagnosis == unknown.mistake == ""
    assert unknown.hints[0].startswith("look at output: the largest difference is at [b=")


def test_changed_inputs() -> None:
    def f(x, gamma, beta, eps):
        x -= x.mean(-1, keepdims=True)
        return norm(x, gamma, beta, eps)

    verdict = check("layer_norm", f)
    assert not verdict.ok
    assert verdict.first is None
    assert verdict.diagnosis.startswith("the numbers are right, but the function wrote into its input x: ")
    assert verdict.hints[2] == "copy = x.copy()"

    def g(word, vocab):
        vocab["new"] = 1
        return mb.exercise("wordpiece").solve({"word": word, "vocab": vocab})["pieces"]

    assert "wrote into its input vocab" in check("wordpiece", g).diagnosis


def test_a_mistake_that_only_hidden_inputs_show() -> None:
    verdict = check("layer_norm", lambda x, gamma, beta, eps: norm(x, gamma, beta, 0))
    assert verdict.hidden
    assert verdict.mistake == "no eps"
    assert verdict.headline == "layer_norm: output is the first wrong step, on hidden inputs, not yet on those shown"
    assert verdict.inputs["eps"] == 0.3


def test_steps_hints_and_text() -> None:
    def f(x, gamma, beta, eps):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        n = (x - mean) / (variance + eps)
        return {"mean": mean, "variance": variance, "normalized": n, "output": n * gamma + beta}

    verdict = check("layer_norm", f)
    assert (verdict.first, verdict.mistake) == ("normalized", "root forgotten")
    assert [step.state for step in verdict.steps] == ["right", "right", "wrong", "not reached"]
    assert verdict.hints[0].startswith("mean and variance are right; look at normalized: the largest difference is at")
    assert verdict.hints[1].endswith("Here it is divided by variance + eps, without the root.")
    assert verdict.hints[2] == "normalized = (x - mean) / np.sqrt(variance + eps)"
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


class Boxes(html.parser.HTMLParser):
    """The states of the boxes and the text of a picture; every tag must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.states: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        if tag != "br":
            self.open.append(tag)
        self.states += [value for name, value in attrs if name == "data-state"]

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data


def test_the_picture() -> None:
    verdict = check("layer_norm", lambda x, gamma, beta, eps: {"mean": x.mean(-1), "output": x})
    picture = Boxes(verdict._repr_html_())
    assert picture.states == ["right", "not given", "not given", "wrong"]
    assert "(2, 4)" in picture.text
    assert picture.text.count("Hint: ") == 3

    def f(x):
        raise ValueError("<script>alert(1)</script> & more")

    hostile = check("gelu", f)._repr_html_()
    assert "<script>" not in hostile
    assert "<script>alert(1)</script> & more" in Boxes(hostile).text
    assert Boxes(mb.exercise("gelu").inputs._repr_html_()).text == "x(2, 3, 5) float64"


def test_a_wrong_shape_in_the_picture() -> None:
    picture = Boxes(check("gelu", lambda x: x[0])._repr_html_())
    assert "(3, 5)not (2, 3, 5)" in picture.text

"""A verdict as a picture: boxes, shapes, hints folded away, and nothing of a learner's text as markup."""

import minibert as mb
from minibert.course.verdict import Verdict
from tests.course.learners.layer import layer_norm
from tests.course.pictures import Boxes


def check(exercise: str, function) -> Verdict:
    return mb.exercise(exercise).check(function)


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


def test_a_wrong_shape_in_the_picture() -> None:
    picture = Boxes(check("gelu", lambda x: x[0])._repr_html_())
    assert "(3, 5)not (2, 3, 5)" in picture.text


def test_what_is_right_has_no_hint() -> None:
    picture = Boxes(check("layer_norm", layer_norm)._repr_html_())
    assert picture.states == ["right"] * 4
    assert picture.text.startswith("✓ layer_norm: right, on 2 sets of inputs")
    assert "Hint" not in picture.text

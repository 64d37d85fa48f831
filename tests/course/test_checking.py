"""What a check finds: right, the first wrong step, inputs that were changed, and what only hidden inputs show."""

import minibert as mb
from minibert.course.verdict import Verdict
from tests.course.learners.layer import layer_norm_by_loop as norm


def check(exercise: str, function) -> Verdict:
    return mb.exercise(exercise).check(function)


def test_right() -> None:
    verdict = check("layer_norm", norm)
    assert verdict
    assert (verdict.tried, verdict.first, verdict.mistake) == (2, None, "")
    assert [step.state for step in verdict.steps] == ["not given", "not given", "not given", "right"]
    assert not verdict.hints


def test_the_first_wrong_step_and_its_hints() -> None:
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


def test_sizes_written_as_numbers() -> None:
    def f(x, heads):
        return x.reshape(2, 5, 2, 3).transpose(0, 2, 1, 3)

    verdict = check("split_heads", f)
    assert verdict.hidden
    assert verdict.diagnosis.startswith("it works on the inputs shown; with B=3, T=4, N=3, K=2 the function raised ")
    assert verdict.diagnosis.endswith("is a size or a value written as a number?")
    assert verdict.inputs["heads"] == 3


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
    assert verdict.first == "output"
    assert verdict.inputs["eps"] == 0.3


def test_where_values_are_not_numbers_both_are_shown() -> None:
    verdict = check("wordpiece", lambda word, vocab: ["un"])
    assert verdict.hints[0].startswith("look at pieces: yours is ['un'], [")
    assert verdict.hints[0].endswith("] belongs there")


def test_nan_is_said_before_the_mistake_that_made_it() -> None:
    verdict = check(
        "mask", lambda scores, attention_mask: scores + ((1 - attention_mask) * -float("inf"))[:, None, None]
    )
    words = "numbers are NaN: (1 - mask) times minus infinity: where 1 - mask is 0, that is NaN"
    assert verdict.diagnosis.endswith(words)

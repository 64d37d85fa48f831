"""Infinity and NaN are found, wherever they stand, and named."""

import numpy as np
import pytest

import minibert as mb
from minibert.errors import NotFiniteError
from minibert.finite import check_outputs, check_weights, find_not_finite
from tests import small_checkpoints


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0), (2, 300, 100), (1, 17, 99), (0, 327, 68), (0, 327, 69)])
def test_one_value_among_many(dtype, value, place):
    array = np.zeros((3, 301, 200), dtype)
    place = (place[0], place[1] % 301, place[2])
    array[place] = value
    found = find_not_finite({"a": np.ones(3, dtype), "b": array})
    assert (found.name, found.place) == ("b", place)
    assert found.value == value or np.isnan(found.value)


def test_the_first_is_named():
    array = np.zeros((2, 3), np.float32)
    array[1] = [1, np.inf, np.nan]
    assert str(find_not_finite({"w": array})) == "'w' holds inf at [1, 1]"


def test_what_is_finite():
    largest = np.finfo(np.float32).max
    arrays = {
        "extremes": np.array([largest, -largest], np.float32),
        "empty": np.zeros((0, 3)),
        "whole numbers": np.arange(5),
        "truth": np.array([True]),
        "one": np.float32(3),
        "strided": np.zeros((4, 6))[::2, ::3],
    }
    assert find_not_finite(arrays) is None
    assert find_not_finite({}) is None


def test_arrays_that_are_not_in_one_piece():
    array = np.zeros((4, 6))
    array[2, 3] = np.nan
    assert find_not_finite({"t": array.T}).place == (3, 2)


def test_weights():
    check_weights({"w": np.ones(3)}, "nothing was saved")
    with pytest.raises(NotFiniteError) as caught:
        check_weights({"w": np.array([1, np.nan])}, "nothing was saved")
    assert str(caught.value) == "the weight 'w' holds nan at [1]: nothing was saved; allow_nonfinite=True lets it."
    assert isinstance(caught.value, ArithmeticError)


def test_outputs_name_the_weight_that_they_come_from():
    good, bad = {"w": np.ones(3)}, {"v": np.ones(2), "w": np.array([[np.inf]])}
    check_outputs({"logits": np.ones(3)}, bad)
    with pytest.raises(NotFiniteError) as caught:
        check_outputs({"loss": np.float32(1), "logits": np.array([0, np.nan])}, bad)
    assert str(caught.value) == (
        "the output 'logits' holds nan at [1]: the weight 'w' holds inf at [0, 0]; allow_nonfinite=True lets it pass."
    )
    with pytest.raises(NotFiniteError) as caught:
        check_outputs({"logits": np.array([0, np.nan])}, good)
    assert str(caught.value) == (
        "the output 'logits' holds nan at [1]: all weights are finite, so it arises on the way: a trace shows where; "
        "allow_nonfinite=True lets it pass."
    )


TASKS = {
    "fill-mask": ("ForMaskedLM", "The quick brown [MASK] jumps.", "logits"),
    "text-classification": ("ForSequenceClassification", "The quick brown fox.", "logits"),
    "token-classification": ("ForTokenClassification", "The quick brown fox.", "logits"),
    "question-answering": ("ForQuestionAnswering", {"question": "Who?", "context": "The quick fox."}, "start_logits"),
    "next-sentence-prediction": ("ForNextSentencePrediction", {"text": "The fox.", "text_pair": "The dog."}, "logits"),
    "feature-extraction": ("Model", "The quick brown fox.", "features"),
}


def broken(head):
    """A model with NaN in the last layer."""
    model = small_checkpoints.model("bert", head)
    weights = model.state_dict()
    name = next(name for name in weights if name.endswith("encoder.layer.1.output.dense.bias"))
    weights[name] = np.full_like(weights[name], np.nan)
    model.load_state_dict(weights)
    return model, name


@pytest.mark.parametrize("task", TASKS)
def test_a_pipeline_does_not_answer_from_what_is_no_number(task):
    head, text, output = TASKS[task]
    model, name = broken(head)
    tokenizer = small_checkpoints.tokenizer("bert")
    with pytest.raises(NotFiniteError) as caught:
        mb.pipeline(task, model=model, tokenizer=tokenizer)(text)
    assert str(caught.value).startswith(f"the output '{output}' holds nan at [0")
    assert f"]: the weight '{name}' holds nan at [0]; allow_nonfinite=True lets it pass." in str(caught.value)


def test_a_pipeline_answers_if_asked_to():
    model, _ = broken("ForSequenceClassification")
    tokenizer = small_checkpoints.tokenizer("bert")
    answer = mb.pipeline("text-classification", model=model, tokenizer=tokenizer, allow_nonfinite=True)("The fox.")
    assert np.isnan(answer[0]["score"] if isinstance(answer, list) else answer["score"])


def test_no_page_of_what_is_no_number():
    model, name = broken("ForMaskedLM")
    with pytest.raises(NotFiniteError) as caught:
        mb.explore(model, small_checkpoints.tokenizer("bert"), "The quick brown [MASK].", gradients=True)
    assert str(caught.value) == f"the weight '{name}' holds nan at [0]: no page was made."


def test_no_golden_values_of_what_is_no_number(tmp_path):
    model, name = broken("Model")
    with pytest.raises(NotFiniteError) as caught:
        mb.golden.record(model, {"input_ids": [[1, 2]]}, tmp_path / "pack.safetensors", command="test")
    assert str(caught.value) == (
        f"the weight '{name}' holds nan at [0]: nothing was recorded; allow_nonfinite=True lets it."
    )
    assert list(tmp_path.iterdir()) == []

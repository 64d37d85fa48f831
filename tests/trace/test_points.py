"""Named values and edits: a point is equal to another of the same words, an edit keeps its two functions."""

import dataclasses
from fnmatch import fnmatchcase

import numpy as np
import pytest

import minibert as mb
from minibert.trace.points import Edit, TracePoint
from tests.small_models import small_inputs, small_model

SYMBOLS = set("BTSDNKFEOVCL1")


def test_points_of_equal_words_are_equal() -> None:
    point = TracePoint("pooler", "B D", "tanh(dense)", ("pooler.activation",))
    assert point == TracePoint("pooler", "B D", "tanh(dense)", ("pooler.activation",))
    assert point != TracePoint("pooler", "B D", "tanh(dense)")
    assert len({point, TracePoint("pooler", "B D", "tanh(dense)", ("pooler.activation",))}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("class_name", ["BertForPreTraining", "RobertaForSequenceClassification", "RemBertForMaskedLM"])
def test_a_shape_has_a_letter_an_axis_and_a_letter_one_size(class_name: str) -> None:
    model = small_model(class_name)
    _, trace = model.run_with_cache(**small_inputs(model))
    sizes: dict[str, set[int]] = {}
    for name, point in trace.points.items():
        letters = point.shape.split()
        assert set(letters) <= SYMBOLS, name
        assert len(letters) == trace[name].ndim, name
        for letter, size in zip(letters, trace[name].shape, strict=True):
            sizes.setdefault(letter, set()).add(size)
    assert {letter: len(found) for letter, found in sizes.items() if letter not in "SC1"} == dict.fromkeys(
        sizes.keys() - set("SC1"), 1
    )
    assert sizes["1"] == {1}


def test_an_alias_is_the_same_value() -> None:
    model = small_model("BertModel")
    _, trace = model.run_with_cache(**small_inputs(model))
    aliased = [point for point in trace.points.values() if point.aliases]
    assert any(fnmatchcase(point.name, "encoder.layer.*") for point in aliased)
    for point in aliased:
        for alias in point.aliases:
            assert trace[alias] is trace[point.name]


def test_an_edit_hands_gradients_on_unless_told_otherwise() -> None:
    model = small_model("BertModel")
    inputs = small_inputs(model)
    shift = model(**inputs, edits={"pooler": lambda pooled: pooled + 1.0}).pooler_output
    np.testing.assert_allclose(mb.to_numpy(shift), mb.to_numpy(model(**inputs).pooler_output) + 1.0)

    def slope(edit: Edit) -> np.ndarray:
        trace = mb.Trace()
        model(**inputs, trace=trace, edits={"pooler.dense": edit})
        seed = np.ones(trace["pooler"].shape)
        return mb.to_numpy(model.backward(trace, {"pooler": seed})["pooler.dense.bias"])

    handed_on = slope(Edit(lambda x: 0.0 * x))
    np.testing.assert_allclose(handed_on, np.full_like(handed_on, len(inputs["input_ids"])))  # tanh'(0) is 1
    assert not slope(Edit(lambda x: 0.0 * x, lambda dx, x: 0.0 * dx)).any()

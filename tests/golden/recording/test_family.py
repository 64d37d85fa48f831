"""A model of another class of the family shares the encoder, and the rest is always the same."""

import numpy as np
import pytest

import minibert as mb
from minibert.backend import to_numpy
from minibert.golden.recording.family import bare_class, head_classes, sibling
from tests.small_models import small_model


@pytest.mark.parametrize("class_name", ["BertForMaskedLM", "RobertaModel", "RemBertForMultipleChoice"])
def test_a_sibling_has_the_same_encoder(class_name: str) -> None:
    model = small_model(class_name, dtype="float32")
    ids = [[5, 6, 7]]
    expected = getattr(model, "base_model", model)(input_ids=ids).last_hidden_state
    for made in (bare_class(model), *head_classes(model)):
        other = sibling(model, made)
        assert type(other) is made
        found = getattr(other, "base_model", other)
        if not other.config.is_decoder:
            np.testing.assert_array_equal(to_numpy(found(input_ids=ids).last_hidden_state), to_numpy(expected))


def test_what_the_head_lacks_is_always_the_same() -> None:
    model = small_model("BertModel")
    one, two = (sibling(model, mb.BertForTokenClassification).state_dict() for _ in range(2))
    for name, array in one.items():
        np.testing.assert_array_equal(to_numpy(array), to_numpy(two[name]))
    assert to_numpy(one["classifier.weight"]).any()


def test_every_head_class_of_the_package_is_known() -> None:
    for class_name in ("BertModel", "RobertaModel", "RemBertModel"):
        model = small_model(class_name)
        family = class_name.removesuffix("Model")
        assert bare_class(model).__name__ == class_name
        every = {name for name in mb.__all__ if name.startswith(f"{family}For") or name == f"{family}LMHeadModel"}
        assert {made.__name__ for made in head_classes(model)} == every

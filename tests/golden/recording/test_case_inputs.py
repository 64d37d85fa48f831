"""The ladder's inputs fit the model that they are drawn for, and are the same each time."""

import numpy as np

from minibert.golden.recording.case_inputs import CaseInputs, as_choices
from tests.golden.models import bert
from tests.small_models import small_model


def test_the_same_inputs_each_time() -> None:
    first, second = CaseInputs(bert(), None), CaseInputs(bert(), None)
    for draw in ("sentence", "pair", "batch", "masked_row"):
        made, again = getattr(first, draw)(), getattr(second, draw)()
        inputs = made if isinstance(made, dict) else made[0]
        for name, array in (again if isinstance(again, dict) else again[0]).items():
            np.testing.assert_array_equal(inputs[name], array)


def test_padding_stands_only_where_the_mask_says_so() -> None:
    model = bert()
    inputs = CaseInputs(model, None).padded([3, 20, 5])
    np.testing.assert_array_equal(inputs["attention_mask"].sum(axis=1), [3, 16, 5])  # the model has 16 positions
    np.testing.assert_array_equal(inputs["input_ids"] != model.config.pad_token_id, inputs["attention_mask"] == 1)


def test_the_longest_text_has_a_position_for_every_token() -> None:
    model = small_model("RobertaModel")
    inputs = CaseInputs(model, None)
    assert inputs.longest == model.config.max_position_embeddings - model.config.pad_token_id - 1
    model(**inputs.one_text(inputs.longest))


def test_choices_are_two_different_texts() -> None:
    inputs = as_choices(CaseInputs(bert(), None).padded([6, 4]))
    assert inputs["input_ids"].shape == (2, 2, 6)
    np.testing.assert_array_equal(inputs["input_ids"][0], inputs["input_ids"][1, ::-1])
    assert (inputs["input_ids"][:, 0] != inputs["input_ids"][:, 1]).any()

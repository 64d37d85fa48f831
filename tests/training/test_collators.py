"""Collators: padding, labels, choices, and every mistake's sentence."""

import numpy as np
import pytest

import minibert as mb
from tests.training import small


def test_padding_to_a_multiple_and_renamed_labels() -> None:
    features = [{"input_ids": ids, "label": i} for i, ids in enumerate(small.texts(3))]
    batch = mb.DataCollatorWithPadding(small.tokenizer(), pad_to_multiple_of=8)(features)
    assert batch["input_ids"].shape[1] % 8 == 0
    np.testing.assert_array_equal(batch["labels"], [0, 1, 2])
    fixed = mb.DataCollatorWithPadding(small.tokenizer(), padding="max_length", max_length=14)(features)
    assert fixed["input_ids"].shape == (3, 14)
    assert features[0]["label"] == 0  # the features stay as they are


def test_multiple_choice_and_stacking() -> None:
    features = [{"input_ids": [[2, 5, 3], [2, 5, 6, 7, 3]], "label": 1}, {"input_ids": [[2, 3], [2, 8, 3]], "label": 0}]
    batch = mb.DataCollatorForMultipleChoice(small.tokenizer())(features)
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (2, 2, 5)
    np.testing.assert_array_equal(batch["input_ids"][1, 1], [2, 8, 3, 0, 0])
    np.testing.assert_array_equal(batch["labels"], [1, 0])
    stacked = mb.default_data_collator([{"input_ids": [1, 2], "label_ids": 1}, {"input_ids": [3, 4], "label_ids": 0}])
    np.testing.assert_array_equal(stacked["labels"], [1, 0])


def test_labels_of_tokens_are_padded_on_the_tokens_side() -> None:
    features = [{"input_ids": [2, 5, 6, 3], "labels": [0, 1, 2, 0]}, {"input_ids": [2, 3], "labels": [0, 1]}]
    for side, row in (("right", [0, 1, -7, -7]), ("left", [-7, -7, 0, 1])):
        collator = mb.DataCollatorForTokenClassification(small.tokenizer(side), label_pad_token_id=-7)
        np.testing.assert_array_equal(collator(features)["labels"][1], row)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: mb.DataCollatorForTokenClassification(small.tokenizer())([{"input_ids": [2, 5, 3], "labels": [1]}]),
            "3 tokens and 1 labels",
        ),
        (
            lambda: mb.DataCollatorWithPadding(small.tokenizer())([{"input_ids": [2], "text": "x"}]),
            "text cannot be made one array",
        ),
        (
            lambda: mb.default_data_collator([{"input_ids": [1, 2]}, {"input_ids": [1]}]),
            "its rows are text or differ in length",
        ),
        (lambda: mb.DataCollatorWithPadding(None), r"needs a tokenizer with pad\(\), and NoneType has none"),
        (
            lambda: mb.DataCollatorForMultipleChoice(small.tokenizer())(
                [{"input_ids": [[2]]}, {"input_ids": [[2], [3]]}]
            ),
            "different numbers of choices: 1, 2",
        ),
    ],
)
def test_mistakes_are_one_sentence(make, message: str) -> None:
    with pytest.raises(mb.InputError, match=message):
        make()

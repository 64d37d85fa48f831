"""Labels by rule: every class with a head gets a finite loss, in which padding does not count."""

import numpy as np
import pytest

from minibert.backend import to_numpy
from minibert.functional.losses import IGNORE_INDEX
from minibert.golden.recording.family import head_classes, sibling
from tests.small_models import small_model

IDS = np.array([[5, 6, 7, 8, 9], [4, 3, 2, 0, 0]])


@pytest.mark.parametrize("family", ["Bert", "Roberta", "RemBert"])
def test_every_head_has_a_loss(family: str) -> None:
    model = small_model(f"{family}Model")
    ids = np.where(IDS == 0, model.config.pad_token_id, IDS + model.config.pad_token_id + 1)
    for made in head_classes(model):
        own = sibling(model, made)
        inputs = np.stack([ids, ids], axis=1) if made.reads_choices else ids
        output = own(input_ids=inputs, **made.example_labels(own.config, inputs), return_dict=True)
        assert np.isfinite(to_numpy(output["loss"])), made
    assert type(model).example_labels(model.config, ids) == {}


@pytest.mark.parametrize("class_name", ["BertForMaskedLM", "BertLMHeadModel", "BertForTokenClassification"])
def test_padding_does_not_count(class_name: str) -> None:
    model = small_model(class_name)
    labels = model.example_labels(model.config, IDS)["labels"]
    assert (labels[IDS == 0] == IGNORE_INDEX).all()
    assert (labels[IDS != 0] != IGNORE_INDEX).any()

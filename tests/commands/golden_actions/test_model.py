"""The model of a pack: of the class that is named, or that the checkpoint says it is of."""

from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.commands.golden_actions.model import load_model


@pytest.mark.filterwarnings("ignore:.*drawn anew")
def test_the_class_is_the_checkpoints_own_or_the_one_named(checkpoint: Path) -> None:
    assert type(load_model(str(checkpoint), None, None)) is mb.BertForMaskedLM
    assert type(load_model(str(checkpoint), "BertModel", None)) is mb.BertModel


def test_the_dtype_is_float32_or_the_one_named(checkpoint: Path) -> None:
    assert load_model(str(checkpoint), None, None).dtype == np.float32
    assert load_model(str(checkpoint), None, "float64").dtype == np.float64


@pytest.mark.filterwarnings("ignore:.*drawn anew")
def test_a_head_that_is_not_stored_follows_the_seed(checkpoint: Path) -> None:
    heads = [
        mb.backend.to_numpy(load_model(str(checkpoint), "BertForSequenceClassification", None, seed).parameters[name])
        for seed in (0, 0, 1)
        for name in ["classifier.weight"]
    ]
    assert np.array_equal(heads[0], heads[1])
    assert not np.array_equal(heads[0], heads[2])


def test_a_decoder_is_made_one(checkpoint: Path) -> None:
    assert load_model(str(checkpoint), "BertLMHeadModel", None).config.is_decoder


@pytest.mark.parametrize("name", ["Nothing", "AdamW", "pipeline", "AutoModel"])
def test_what_is_no_model_class_is_refused(name: str, checkpoint: Path) -> None:
    with pytest.raises(mb.InputError, match=f"^{name} is not a model class of minibert: give one with --class"):
        load_model(str(checkpoint), name, None)

"""A model against a pack: of its own class and of another, and options that do not fit."""

from pathlib import Path
from typing import Any

import pytest

from minibert.golden import GoldenError, check, open_pack, record
from tests.golden.models import batch, bert
from tests.small_models import small_inputs, small_model


@pytest.mark.parametrize(
    "class_name", ["BertLMHeadModel", "BertForMultipleChoice", "RobertaForSequenceClassification", "RemBertForMaskedLM"]
)
@pytest.mark.parametrize("mode", ["propagated", "isolated"])
def test_classes_check_against_themselves(tmp_path: Path, class_name: str, mode: str) -> None:
    model = small_model(class_name, dtype="float32")
    path = record(model, small_inputs(model, labels=True), tmp_path / "p", backward=True)
    report = check(path, model, mode=mode)
    assert report.ok
    assert report.compared > 30


def test_pack_of_another_model(forward_pack: Path) -> None:
    with pytest.raises(GoldenError, match="is a pack of BertForMaskedLM, and the model is a RobertaModel"):
        check(forward_pack, small_model("RobertaModel", dtype="float32"))
    with pytest.raises(GoldenError, match="is of another model: its hidden_size is 24, this model's is 36"):
        check(forward_pack, bert(hidden_size=36))
    report = check(forward_pack, bert(seed=1))  # the same sizes, other weights
    assert not report.ok
    assert any(note.startswith("weights: ") and "parameters differ" in note for note in report.notes)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"multiple": 0}, "multiple is 0: a positive number belongs there."),
        ({"multiple": "many"}, "multiple is 'many': a positive number belongs there."),
        ({"precision": "int4"}, "precision 'int4' is not known: choose one of float64, float32, tf32, float16"),
        ({"mode": "sideways"}, "mode 'sideways' is not known: choose one of propagated, isolated."),
        ({"names": {}}, "names maps the arrays of a port; a model of minibert has the pack's own names."),
        ({"weights": 3}, "weights is a int: a model or a dict of arrays belongs there."),
    ],
)
def test_bad_options_are_one_sentence(forward_pack: Path, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(GoldenError) as caught:
        check(forward_pack, bert(), **arguments)
    assert text in str(caught.value)


def test_check_of_arrays_is_diff(tmp_path: Path) -> None:
    path = record(bert(), batch(), tmp_path / "p")
    name = "bert.encoder.layer.0.intermediate"
    dense = open_pack(path)[f"{name}.dense"]
    report = check(path, {"mine": dense}, names={name: "mine"}, only=name)
    assert report.first is not None
    assert report.first.diagnosis == "the activation is missing"

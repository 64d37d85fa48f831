"""One rung of the ladder: recorded with its words, with a model made when it is asked for."""

from pathlib import Path

import numpy as np

import minibert as mb
from minibert.golden import open_pack
from minibert.golden.recording.case import Case
from minibert.golden.recording.training_steps import Training
from tests.golden.models import batch, bert, tokenizer


class Maker:
    """Makes the model, and counts how often."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> mb.BertForMaskedLM:
        self.made += 1
        return bert()


def test_a_pack_has_the_words_of_its_case(tmp_path: Path) -> None:
    case = Case("pair", "token types", "a mask", batch(), bert)
    pack = open_pack(case.record(tmp_path / "p"))
    assert pack.manifest["case"] == {"name": "pair", "detects": "token types", "misses": "a mask"}
    np.testing.assert_array_equal(pack["input/input_ids"], batch()["input_ids"])
    assert not any(name.startswith("grad/") for name in pack)


def test_a_model_is_made_when_it_is_asked_for() -> None:
    maker = Maker()
    case = Case("pair", "", "", batch(), maker)
    assert maker.made == 0
    assert case.model is case.model
    assert maker.made == 1


def test_a_case_may_want_gradients_or_training(tmp_path: Path) -> None:
    backward = Case("backward", "", "", batch(labels=True), bert, backward=True)
    assert any(name.startswith("parameter_grad/") for name in open_pack(backward.record(tmp_path / "b")))
    steps = Case("steps", "", "", batch(labels=True), bert, training=Training(steps=2))
    losses = [name for name in open_pack(steps.record(tmp_path / "s")) if name.endswith("/loss")]
    assert losses == ["step_1/loss", "step_2/loss"]


def test_a_text_is_recorded_beside_its_tokenizer_alone(tmp_path: Path) -> None:
    ids = tokenizer()("the dog")["input_ids"]
    case = Case("sentence", "", "", {"input_ids": [ids]}, bert, text="the dog")
    assert open_pack(case.record(tmp_path / "without")).manifest["text"] is None
    manifest = open_pack(case.record(tmp_path / "with", tokenizer())).manifest
    assert manifest["text"] is not None
    assert manifest["case"]["name"] == "sentence"

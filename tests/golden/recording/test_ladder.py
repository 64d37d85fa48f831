"""The case ladder: each rung detects what it says, and not more."""

import json
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.golden import GoldenError, cases, check, diff, open_pack, record_ladder
from tests.golden.models import VOCAB, bert
from tests.golden.port import Port
from tests.small_models import small_model

PASSES = ["one_token", "two_tokens", "sentence", "pair", "padded_batch", "masked_row", "maximal_length"]


@pytest.mark.parametrize("class_name", ["BertForMaskedLM", "RobertaModel", "RemBertForMultipleChoice"])
def test_ladder_of_every_family(tmp_path: Path, class_name: str) -> None:
    model = small_model(class_name, dtype="float32")
    rungs = cases(model)
    names = [case.name for case in rungs]
    assert names[:7] == PASSES
    assert names[-2:] == ["training_step_1", "training_step_10"]
    family = model.config_class.__name__.removesuffix("Config")
    heads = [name for name in names if name.startswith("head_")]
    every = [name for name in mb.__all__ if name.startswith(f"{family}For") or name == f"{family}LMHeadModel"]
    assert sorted(heads) == sorted(f"head_{name}" for name in every)
    assert len({case.detects for case in rungs}) == len(rungs)
    assert all(case.detects and case.misses for case in rungs)
    paths = record_ladder(model, tmp_path / "ladder")
    for case, path in zip(rungs, paths, strict=True):
        report = check(path, case.model)
        assert report.ok, str(report)
        assert open_pack(path).manifest["case"]["name"] == case.name
    index = json.loads((tmp_path / "ladder" / "ladder.json").read_text())
    assert [row["file"] for row in index] == [path.name for path in paths]


def test_cases_detect_what_they_say(tmp_path: Path) -> None:
    """Faults of the port, against the first rungs: what a rung is said to miss passes, what it detects fails."""
    model = bert()
    rungs = {case.name: case for case in cases(model)}
    for fault, passes, fails in (
        ("scale missing", "one_token", "two_tokens"),
        ("query and key exchanged", "one_token", "two_tokens"),
        ("positions off by RoBERTa's offset", None, "one_token"),
        ("token types swapped", None, "pair"),
        ("token types ignored", "sentence", "pair"),
        ("mask ignored", "pair", "padded_batch"),
        ("texts exchanged", None, "padded_batch"),
        ("tanh GELU", None, "one_token"),
    ):
        for name, expected in ((passes, True), (fails, False)):
            if name is None:
                continue
            case = rungs[name]
            path = case.record(tmp_path / name)
            inputs = {key: case.inputs[key] for key in ("input_ids", "attention_mask")}
            inputs["token_type_ids"] = case.inputs.get("token_type_ids", np.zeros_like(inputs["input_ids"]))
            values = Port(model.state_dict(), model.config, fault).run(**inputs)
            visible = {key: values[key] for key in ("bert.encoder.layer.1.output", "cls.predictions")}
            assert diff(path, visible).ok is expected, (fault, name)


def test_minus_infinity_fails_at_the_masked_row(tmp_path: Path) -> None:
    model = bert()
    case = next(case for case in cases(model) if case.name == "masked_row")
    path = case.record(tmp_path / "p")
    values = dict(open_pack(path))
    name = "bert.encoder.layer.0.attention.self.probs"
    values[name] = np.where(np.arange(2)[:, None, None, None] == 1, np.nan, values[name])
    row = diff(path, values).first
    assert row is not None
    assert row.name == name
    assert "minus infinity as the mask value gives NaN" in row.diagnosis


def test_ladder_with_a_tokenizer() -> None:
    words = ["dog", "that", "cat", "chased", "home", "and", "slept", "a"]
    model = bert(vocab_size=len(VOCAB) + len(words), max_position_embeddings=40)
    made = mb.BertTokenizer(vocab={token: i for i, token in enumerate([*VOCAB, *words][: model.config.vocab_size])})
    rungs = {case.name: case for case in cases(model, made)}
    assert rungs["sentence"].text.startswith("The dog")
    assert rungs["pair"].text_pair is not None
    assert rungs["pair"].inputs["token_type_ids"].any()
    assert (rungs["padded_batch"].inputs["attention_mask"] == 0).any()


def test_ladder_is_for_models(tmp_path: Path) -> None:
    with pytest.raises(GoldenError, match=r"the ladder is for a model of minibert, not for a dict\."):
        cases({})  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    with pytest.raises(GoldenError, match=r"file cannot be made: "):
        record_ladder(bert(), tmp_path / "file")

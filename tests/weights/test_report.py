"""The report of a loading: what it says in words, as plain data, and when it is complete."""

import json

import pytest

from minibert.weights import LoadReport
from tests.weights.plans import ENCODER, MASKED, PREDICTIONS, TASK, TIED, plan, prefixed


def test_the_report_of_an_old_task_checkpoint():
    checkpoint = prefixed(ENCODER) | {"bert.embeddings.position_ids": (1, 512)} | PREDICTIONS
    checkpoint["bert.embeddings.LayerNorm.gamma"] = checkpoint.pop("bert.embeddings.LayerNorm.weight")
    checkpoint["cls.predictions.decoder.weight"] = (30, 8)
    model = MASKED | {"cls.seq_relationship.bias": (2,), "cls.seq_relationship.weight": (2, 8)}
    text = str(plan(model, checkpoint | {"bert.encoder.layer.2.x": (1,)}, TIED, source="/models/old").report)
    assert text == (
        "/models/old: 7 tensors loaded\n"
        "  renamed 1: LayerNorm.gamma -> LayerNorm.weight (1)\n"
        "  tied 1: cls.predictions.decoder.weight = bert.embeddings.word_embeddings.weight\n"
        "  ignored 1 (a buffer of old versions, computed here): bert.embeddings.position_ids\n"
        "  unexpected 1: bert.encoder.layer.2.x\n"
        "  initialised 2: cls.seq_relationship.bias, cls.seq_relationship.weight"
    )


def test_the_report_stays_short_however_many_tensors():
    names = [f"encoder.layer.{i}.attention.output.LayerNorm.gamma" for i in range(100)]
    report = LoadReport(
        "here",
        loaded=names,
        renamed={name: f"bert.{name[:-5]}weight" for name in names} | {"embeddings.x": "bert.embeddings.x"},
        ignored=dict.fromkeys(names, "a head of another task"),
        missing=names,
        unexpected=names,
        mismatched=dict.fromkeys(names, ((1,), (2,))),
        initialised=names,
    )
    lines = str(report).split("\n")
    assert len(lines) == 7
    assert lines[1] == "  renamed 101: LayerNorm.gamma -> LayerNorm.weight, + bert. (100), + bert. (1)"
    assert lines[3] == f"  unexpected 100: {', '.join(names[:4])} and 96 more"
    assert max(map(len, lines)) < 300


def test_the_report_names_a_prefix_that_was_dropped():
    assert "  renamed 1: - bert. (1)" in str(LoadReport(renamed={"bert.a.b": "a.b"}))


def test_the_report_as_plain_data():
    made = plan(TASK, TASK | {"classifier.weight": (3, 8)}, source="here")
    plain = json.loads(json.dumps(made.report.to_dict()))
    assert plain["source"] == "here"
    assert plain["mismatched"] == {"classifier.weight": {"expected": [2, 8], "found": [3, 8]}}
    assert plain["loaded"] == list(TASK)
    assert set(plain) == {
        "source", "loaded", "renamed", "tied", "ignored", "missing", "unexpected", "mismatched", "initialised",
    }  # fmt: skip


@pytest.mark.parametrize("field", ["missing", "unexpected", "mismatched", "initialised"])
def test_complete_means_that_nothing_is_left_over(field):
    report = LoadReport()
    assert report.complete
    setattr(report, field, {"w": ((1,), (2,))} if field == "mismatched" else ["w"])
    assert not report.complete
    assert field in str(report)

"""`minibert trace`."""

import io
import json
import sys

import numpy as np
import pytest

from minibert.cli import main
from tests.real_checkpoint import FOLDER, needs_real_checkpoint

pytestmark = needs_real_checkpoint


def test_a_walk_of_part_of_the_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(FOLDER), "Hello there", "--only", "encoder.layer.5.*probs"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tokens: [CLS] hello there [SEP]\n")
    assert "encoder.layer.5.attention.self.probs  (B, N, T, S) = (1, 12, 4, 4) float32" in out
    assert "= softmax(scores)" in out


def test_json_with_values(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["trace", str(FOLDER), "One", "Two", "--only", "*token_type_ids", "--json", "--values"]
    assert main(command) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["values"] == [[0, 0, 0, 1, 1]]
    assert row["name"] == "embeddings.token_type_ids"


def test_listing_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(FOLDER), "--list", "--only", "pooler"]) == 0
    assert capsys.readouterr().out == "pooler  (B, D)  = tanh(dense)\n"
    assert main(["trace", str(FOLDER), "--list", "--json"]) == 0
    names = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    assert names[0] == "extended_attention_mask"
    assert names[-1] == "pooler"


def test_a_missing_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(FOLDER)]) == 1
    assert capsys.readouterr().err == (
        "minibert: there is no text: give one after the model, or --list to see the names without running any.\n"
    )


def test_steps_from_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\npooler\n\n"))
    assert main(["trace", str(FOLDER), "Hello", "--step"]) == 0
    out = capsys.readouterr().out
    for text in ("attention_mask  (B, S) = (1, 3)", "extended_attention_mask", "= tanh(dense)", "the pass is through."):
        assert text in out


def test_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(FOLDER), "Hello", "--only", "poler"]) == 1
    assert "values is named 'poler' (close names: pooler" in capsys.readouterr().err


def test_float64(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(FOLDER), "Hello", "--only", "pooler", "--json", "--dtype", "float64"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["dtype"] == "float64"
    assert np.isfinite(row["std"])

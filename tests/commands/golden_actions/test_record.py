"""`minibert golden record`: what the model is called with, what the pack says of it, and every mistake."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minibert.cli import main
from minibert.golden import open_pack
from tests.golden.models import batch

Refused = Callable[..., str]


def recorded(checkpoint: Path, tmp_path: Path, *arguments: str) -> Path:
    """The pack that these arguments make."""
    path = tmp_path / "made.safetensors"
    assert main(["golden", "record", str(checkpoint), *arguments, "-o", str(path)]) == 0
    return path


def test_texts_become_a_padded_batch(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recorded(checkpoint, tmp_path, "The dog ran.", "Dogs.")
    made = open_pack(path)
    assert capsys.readouterr().out == f"{path}: {len(made)} tensors of BertForMaskedLM\n"
    assert made.manifest["text"]["texts"] == ["The dog ran.", "Dogs."]
    assert made.manifest["command"] == "minibert golden record tiny 'The dog ran.' 'Dogs.'"
    assert made["input_ids"].tolist() == [[2, 5, 6, 7, 10, 3], [2, 6, 8, 10, 3, 0]]


def test_the_same_command_gives_the_same_bytes(checkpoint: Path, tmp_path: Path) -> None:
    one, two = (recorded(checkpoint, tmp_path, "The dog.", "--backward").read_bytes() for _ in range(2))
    assert one == two


def test_a_second_text_for_each_text(checkpoint: Path, tmp_path: Path, refused: Refused) -> None:
    made = open_pack(recorded(checkpoint, tmp_path, "The dog", "--pair", "ran home."))
    assert made["input_ids"].tolist() == [[2, 5, 6, 3, 7, 9, 10, 3]]
    assert made.manifest["command"].endswith("'The dog' --pair 'ran home.'")
    words = refused("record", checkpoint, "The dog", "--pair", "a", "--pair", "b", "-o", tmp_path / "p")
    assert "there are 1 texts and 2 of --pair: one for each." in words


def test_arrays_in_place_of_texts(checkpoint: Path, tmp_path: Path, refused: Refused) -> None:
    file = tmp_path / "in.npz"
    np.savez(file, **batch())
    made = open_pack(recorded(checkpoint, tmp_path, "--inputs", str(file)))
    assert made["input_ids"].tolist() == batch()["input_ids"].tolist()
    assert made.manifest["command"] == "minibert golden record tiny --inputs in.npz"
    for arguments in (["The dog", "--inputs", file], []):
        words = refused("record", checkpoint, *arguments, "-o", tmp_path / "p")
        assert words == "minibert: give either texts or --inputs NPZ.\n"


def test_backward_makes_labels_by_rule_where_none_are_given(checkpoint: Path, tmp_path: Path) -> None:
    by_rule = open_pack(recorded(checkpoint, tmp_path, "The dog ran.", "--backward"))
    assert "input/labels" in by_rule.entries
    file = tmp_path / "in.npz"
    np.savez(file, **batch(labels=True))
    given = open_pack(recorded(checkpoint, tmp_path, "--inputs", str(file), "--backward"))
    assert given["input/labels"].tolist() == batch(labels=True)["labels"].tolist()
    forward = open_pack(recorded(checkpoint, tmp_path, "The dog ran."))
    assert len(forward) < len(by_rule)
    assert "input/labels" not in forward.entries


@pytest.mark.filterwarnings("ignore:.*drawn anew")
def test_class_dtype_and_seed_are_part_of_the_command(checkpoint: Path, tmp_path: Path) -> None:
    options = ("--class", "BertForSequenceClassification", "--dtype", "float64", "--seed", "3")
    manifest = open_pack(recorded(checkpoint, tmp_path, "The dog", *options)).manifest
    assert manifest["model"]["class"] == "BertForSequenceClassification"
    assert manifest["model"]["dtype"] == "float64"
    assert manifest["command"] == (
        "minibert golden record tiny 'The dog' --class BertForSequenceClassification --dtype float64 --seed 3"
    )


def test_json(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recorded(checkpoint, tmp_path, "The dog", "--json")
    made = {"pack": str(path), "tensors": len(open_pack(path)), "model": "BertForMaskedLM"}
    assert json.loads(capsys.readouterr().out) == made


def test_there_must_be_one_place_to_write_to(checkpoint: Path, tmp_path: Path, refused: Refused) -> None:
    words = refused("record", checkpoint, "The dog")
    assert words == "minibert: there is nowhere to write: give -o PACK.safetensors, or --ladder DIR.\n"
    for more in (["The dog"], ["--inputs", "in.npz"], ["-o", tmp_path / "p"]):
        words = refused("record", checkpoint, *more, "--ladder", tmp_path / "ladder")
        assert words == "minibert: --ladder has inputs of its own: give neither texts, --inputs nor --output.\n"
    assert not (tmp_path / "ladder").exists()


def test_a_class_that_there_is_not(checkpoint: Path, tmp_path: Path, refused: Refused) -> None:
    words = refused("record", checkpoint, "The dog", "--class", "Nothing", "-o", tmp_path / "p")
    assert "Nothing is not a model class of minibert: give one with --class." in words

"""`minibert golden show`: the summary, single tensors with their first numbers, the manifest."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import minibert as mb
from minibert.cli import main
from minibert.golden import open_pack
from tests.golden.models import bert, tokenizer


def shown(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["golden", "show", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_the_summary_names_every_tensor_in_its_order(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, pack).splitlines()
    made = open_pack(pack)
    assert lines[0].startswith("pack.safetensors: BertForMaskedLM, made by ")
    assert "command: made by a test" in lines
    assert f"weights: sha256 {made.manifest['weights']['sha256']}" in lines
    start = lines.index(f"{len(made)} tensors in execution order:") + 1
    assert [line.split()[0] for line in lines[start:]] == list(made.entries)
    rules = lines[lines.index("semantics:") + 1 :]
    assert rules[: len(made.manifest["semantics"])] == [
        f"  {rule}: {words}" for rule, words in made.manifest["semantics"].items()
    ]
    (line,) = (line for line in lines if line.startswith("  bert.embeddings.sum "))
    assert "float32 [2, 7, 24]  noise floor " in line


def test_texts_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = dict(tokenizer()("The dog ran.", return_tensors="np"))
    path = tmp_path / "with_text.safetensors"
    mb.golden.record(bert(), inputs, path, text=["The dog ran."], tokenizer=tokenizer(), command="x")
    assert "text: The dog ran.\n" in shown(capsys, path)


def test_single_tensors_with_their_first_numbers(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, pack, "bert.*.probs").splitlines()
    names = [name for name in open_pack(pack).entries if name.endswith(".probs")]
    assert [line.split()[0] for line in lines[::2]] == names
    numbers = [json.loads(line) for line in lines[1::2]]
    assert numbers == [open_pack(pack)[name].reshape(-1)[:6].tolist() for name in names]
    assert shown(capsys, pack, "input_ids").split()[-6:] == ["[2,", "9,", "17,", "3,", "31,", "9]"]
    assert shown(capsys, pack, "no.such.tensor") == ""


def test_integers_are_exact_and_formulas_are_shown(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, pack, "input_ids").splitlines()[0] == "input_ids  int64 [2, 7]  exact  = the ids of the tokens"
    assert shown(capsys, pack, "bert.embeddings").splitlines()[0].endswith("  = gamma normalized + beta")


def test_json_is_the_manifest(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(capsys, pack, "--json")) == open_pack(pack).manifest


def test_what_is_no_pack_is_refused(checkpoint: Path, refused: Callable[..., str]) -> None:
    assert "is a safetensors file but no golden pack" in refused("show", checkpoint / "model.safetensors")

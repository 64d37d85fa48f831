"""`minibert golden ladder`: every case as a pack that the model passes."""

import json
import shutil
from pathlib import Path

import pytest

from minibert.cli import main
from minibert.golden import open_pack


def test_the_ladder_of_a_checkpoint(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "ladder"
    assert main(["golden", "ladder", str(checkpoint), str(folder)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""  # not even that heads are drawn anew: every class has its step
    packs = sorted(folder.glob("*.safetensors"))
    assert captured.out == f"{folder}: {len(packs)} packs, and ladder.json, which says what each can detect\n"
    assert open_pack(packs[0]).manifest["command"] == "minibert golden ladder tiny"
    assert main(["golden", "check", str(folder), str(checkpoint), "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == len(packs)
    assert "drawn anew" in captured.err


def test_a_checkpoint_without_a_vocabulary_has_a_ladder(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(checkpoint / name, bare)
    assert (
        main(["golden", "record", str(bare), "--ladder", str(tmp_path / "ladder"), "--dtype", "float64", "--json"]) == 0
    )
    made = json.loads(capsys.readouterr().out)
    assert made["folder"] == str(tmp_path / "ladder")
    assert sorted(made["packs"]) == sorted(path.name for path in (tmp_path / "ladder").glob("*.safetensors"))
    command = open_pack(tmp_path / "ladder" / made["packs"][0]).manifest["command"]
    assert command == "minibert golden ladder bare --dtype float64"

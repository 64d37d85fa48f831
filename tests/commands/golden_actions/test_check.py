"""`minibert golden check`: one pack or a folder, agreement and difference, and what cannot be checked."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from minibert.cli import main
from tests.golden.models import bert


@pytest.mark.parametrize("options", [[], ["--isolated"], ["--dtype", "float64"], ["--only", "*.probs"]])
def test_a_model_against_its_own_pack(
    options: list[str], checkpoint: Path, pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["golden", "check", str(pack), str(checkpoint), *options]) == 0
    assert capsys.readouterr().out.startswith("OK: ")


def test_isolated_steps_get_golden_inputs(checkpoint: Path, pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for options in ([], ["--isolated"]):
        assert main(["golden", "check", str(pack), str(checkpoint), "--json", *options]) == 0
        said.append(json.loads(capsys.readouterr().out)["mode"])
    assert said == ["propagated", "isolated"]


def test_another_model_differs(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bert(seed=1).save_pretrained(tmp_path)
    assert main(["golden", "check", str(pack), str(tmp_path)]) == 3
    assert capsys.readouterr().out.startswith("DIFFERS: ")


def test_a_folder_is_checked_pack_by_pack(
    checkpoint: Path, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], refused: Callable[..., str]
) -> None:
    for name in "ab":
        shutil.copy(pack, tmp_path / f"{name}.safetensors")
    assert main(["golden", "check", str(tmp_path), str(checkpoint), "--json"]) == 0
    assert [report["ok"] for report in json.loads(capsys.readouterr().out)] == [True, True]
    words = refused("check", tmp_path, checkpoint, "--format", "junit")
    assert words == "minibert: JUnit XML is for one pack at a time: check them one by one.\n"


def test_nothing_to_check(checkpoint: Path, tmp_path: Path, refused: Callable[..., str]) -> None:
    assert refused("check", tmp_path, checkpoint) == f"minibert: {tmp_path} holds no golden pack.\n"
    assert "there is no such file" in refused("check", tmp_path / "none.safetensors", checkpoint)

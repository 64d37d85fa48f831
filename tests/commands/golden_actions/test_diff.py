"""`minibert golden diff`: a port's arrays against a pack, names of its own, and what cannot be read."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minibert.cli import main
from tests.golden.models import ported


def stored(path: Path, fault: str = "") -> str:
    """A file with what a port of the model gives."""
    np.savez(path, **ported(fault))
    return str(path)


def test_a_right_port_agrees(pack: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = stored(tmp_path / "port.npz")
    assert main(["golden", "diff", str(pack), right, "--weights", str(checkpoint), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_a_wrong_port_is_named_in_a_file_too(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong, report = stored(tmp_path / "port.npz", "relu"), tmp_path / "report.xml"
    assert main(["golden", "diff", str(pack), wrong, "--format", "junit", "-o", str(report)]) == 3
    assert "another activation: relu for gelu" in report.read_text()
    assert capsys.readouterr().out == report.read_text()
    assert main(["golden", "diff", str(pack), wrong, "--only", "bert.embeddings"]) == 0  # before the mistake


def test_the_other_side_may_have_names_of_its_own(pack: Path, tmp_path: Path) -> None:
    other, names = tmp_path / "other.npz", tmp_path / "names.json"
    np.savez(other, embedded=ported()["bert.embeddings"])
    names.write_text('{"bert.embeddings": "embedded"}')
    assert main(["golden", "diff", str(pack), str(other), "--names", str(names), "--partial"]) == 0


def test_a_names_file_that_is_none(pack: Path, tmp_path: Path, refused: Callable[..., str]) -> None:
    names = tmp_path / "names.json"
    for content, words in (
        ("{", f"{names} cannot be read as a JSON file of names: "),
        ("[1]", f"{names} is no map of names: an object of golden name to other name belongs there."),
        ('{"a": 1}', f"{names} is no map of names: an object of golden name to other name belongs there."),
    ):
        names.write_text(content)
        assert words in refused("diff", pack, pack, "--names", names)
    assert "cannot be read" in refused("diff", pack, pack, "--names", tmp_path / "none.json")


def test_files_that_are_not_there(pack: Path, tmp_path: Path, refused: Callable[..., str]) -> None:
    assert "there is no such file" in refused("diff", tmp_path / "none", pack)
    assert "none.npz" in refused("diff", pack, tmp_path / "none.npz")

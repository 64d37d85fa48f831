"""`minibert doctor`: a sound installation passes, and every fault is a problem. The checks are tested in diagnosis/."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.cli import main
from minibert.commands.diagnosis import checks, surroundings
from minibert.commands.doctor import examine
from tests.commands.shipped import ship

pytestmark = pytest.mark.usefixtures("nothing_shipped")


def test_a_sound_installation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ship(tmp_path)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.endswith("\n\nEverything that minibert needs on the CPU works.\n")
    for words in (f"minibert         {mb.__version__}", f"numpy            {np.__version__}", "numpy  usable: CPU",
                  "matrix product  ok", "forward         ok", "backward        ok", "save and load   ok",
                  "tiny-bert       ok: BertForMaskedLM", "1 of 2 golden"):  # fmt: skip
        assert words in out
    assert max(map(len, out.splitlines())) <= 120


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    home = ship(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["doctor", "--json", "--all-packs"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"]
    assert report["problems"] == []
    assert report["shipped"] == [{"name": "tiny-bert", "folder": str(home)}]
    assert "2 of 2 golden packs checked" in report["checks"][-1]["detail"]
    assert report["cache"] == {"folder": str(tmp_path / "cache"), "exists": False}
    assert report["environment"]["HF_HUB_OFFLINE"] == "1"
    assert report["environment"]["OMP_NUM_THREADS"] is None
    assert report["blas"]["float32_gflops"] > 0
    assert report["backends"]["numpy"] == {"usable": True, "device": "CPU"}


def failed(capsys: pytest.CaptureFixture[str]) -> str:
    """What a run that must fail says after its sections."""
    assert main(["doctor"]) == 1
    return "\n".join(line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED: "))


def test_a_check_that_fails_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (ship(tmp_path) / "model.safetensors").unlink()
    said = failed(capsys)
    assert said.startswith("FAILED: tiny-bert: ")
    assert "holds no weights" in said
    monkeypatch.setattr(checks.np, "array_equal", lambda a, b: False)
    report = examine()
    assert not report["ok"]
    assert [words.partition(":")[0] for words in report["problems"]] == ["matrix product", "save and load", "tiny-bert"]


def test_a_missing_package_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    versions = surroundings._version
    monkeypatch.setattr(surroundings, "_version", lambda name: None if name in ("regex", "shtab") else versions(name))
    assert failed(capsys) == "FAILED: regex is not installed, and minibert needs it: pip install regex"
    assert "checks" not in examine()
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "regex            FAILED: not installed" in out
    assert "shtab            not installed (for shell completion)" in out


def test_a_backend_that_cannot_be_used(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIBERT_BACKEND", "tpu")
    assert failed(capsys) == (
        "FAILED: MINIBERT_BACKEND is 'tpu', and backend 'tpu' is unknown: choose one of numpy, cupy."
    )
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setenv("MINIBERT_BACKEND", "cupy")
    assert failed(capsys).startswith("FAILED: MINIBERT_BACKEND is 'cupy', and backend 'cupy' needs CuPy, which is not")
    monkeypatch.delenv("MINIBERT_BACKEND")
    assert main(["doctor"]) == 0  # the CPU works
    assert "cupy   no: backend 'cupy' needs CuPy" in capsys.readouterr().out


def test_another_package_of_the_same_import_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(surroundings, "namesake_problem", lambda: "another project has this name")
    assert failed(capsys) == "FAILED: another project has this name"

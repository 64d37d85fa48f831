"""The folder of a run: overwriting, locking, and resuming what has changed."""

import sys
from pathlib import Path

import pytest

import minibert as mb
from minibert.commands.training import folder
from tests.commands.training_runs import SMALL, STEPS, train


def test_overwriting(tmp_path: Path, corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = [*SMALL, *STEPS, "--task", "fill-mask", corpus]
    assert train(tmp_path / "run", *options) == 0
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    capsys.readouterr()
    assert train(tmp_path / "run", *options) == 1
    assert capsys.readouterr().err == (
        f"minibert: {tmp_path / 'run'} holds an earlier run: --resume goes on with it, --overwrite removes it and "
        "begins anew.\n"
    )
    assert train(tmp_path / "run", *options, "--overwrite", "--seed", "1", "--vocab-size", "200") == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() != before
    assert len(mb.AutoTokenizer.from_pretrained(tmp_path / "run")) == 200


@pytest.mark.skipif(sys.platform == "win32", reason="there is no flock")
def test_a_folder_in_use(tmp_path: Path, corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    with folder.locked(tmp_path / "run"):
        assert train(tmp_path / "run", *SMALL, "--task", "fill-mask", corpus) == 1
    assert capsys.readouterr().err == (
        f"minibert: {tmp_path / 'run'} is in use: another minibert train is writing there.\n"
    )


def test_a_try_that_fails_leaves_nothing(tmp_path: Path, corpus: str) -> None:
    bad = [*SMALL, "--num-attention-heads", "3", "--task", "fill-mask", corpus]
    assert train(tmp_path / "run", *bad) == 1
    assert not (tmp_path / "run").exists()
    assert train(tmp_path / "run", *SMALL, *STEPS, "--task", "fill-mask", corpus) == 0


def test_resuming_what_has_changed(tmp_path: Path, corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert train(run, *SMALL, *STEPS, "--task", "fill-mask", corpus) == 0
    capsys.readouterr()
    with Path(corpus).open("a") as file:
        file.write("One more.\n")
    said = []
    for prepare in (lambda: None, lambda: Path(corpus).unlink(), lambda: (run / "run.json").write_text("{}"),
                    lambda: (run / "run.json").write_text("{"), lambda: (run / "run.json").unlink()):  # fmt: skip
        prepare()
        assert train(run, "--resume") == 1
        said.append(capsys.readouterr().err.removeprefix("minibert: ").rstrip("\n"))
    assert said[0] == f"{corpus} has changed since the run in {run} began: it cannot go on as the same run."
    assert said[1] == f"{corpus} is gone, and the run in {run} was reading it: put it back to resume."
    assert said[2] == f"{run / 'run.json'} is not what minibert train of this version writes."
    assert "the options of the run is not JSON" in said[3]
    assert said[4] == f"{run} holds no run of minibert train to resume: there is no run.json in it."

"""Checkpoints: which are there, which stay, and folders that are whole or not there."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.training.trainer import checkpoints as files
from tests.kills.planted import FINISHED, killed_at_line
from tests.training.trainer.runs import trainer_of


def test_only_the_newest_checkpoints_and_the_best_stay(tmp_path) -> None:
    scores = iter([0.1, 0.9, 0.2, 0.3, 0.4, 0.5])
    trainer = trainer_of(
        tmp_path,
        save_steps=2,
        save_total_limit=2,
        eval_strategy="steps",
        eval_steps=2,
        load_best_model_at_end=True,
        metric_for_best_model="score",
        greater_is_better=True,
        compute_metrics=lambda prediction: {"score": next(scores)},
    )
    trainer.train()
    assert [files.step_of(path) for path in files.checkpoints(tmp_path)] == [4, 10, 12]
    best = mb.BertForSequenceClassification.from_pretrained(tmp_path / "checkpoint-4")
    for name, array in best.parameters.items():
        np.testing.assert_array_equal(array, trainer.model.parameters[name])


def checkpoint(folder: Path, step: int) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    (path / files.STATE_FILE).write_text("{}")
    return path


def test_checkpoints_are_in_the_order_of_their_steps(tmp_path: Path) -> None:
    assert files.checkpoints(tmp_path / "nowhere") == []
    assert files.last_checkpoint(tmp_path) is None
    for step in (10, 9, 100):
        checkpoint(tmp_path, step)
    (tmp_path / "checkpoint-200").mkdir()  # without a state it is none
    (tmp_path / "checkpoint-x").mkdir()
    assert [files.step_of(path) for path in files.checkpoints(tmp_path)] == [9, 10, 100]
    assert files.last_checkpoint(tmp_path) == tmp_path / "checkpoint-100"
    assert files.step_of(tmp_path / "checkpoint-x") == -1


def test_the_newest_and_one_besides_stay(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4):
        checkpoint(tmp_path, step)
    files.keep_newest(tmp_path, 2, besides=1)
    assert [files.step_of(path) for path in files.checkpoints(tmp_path)] == [1, 3, 4]


def test_a_folder_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 1)

    def broken(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        files.write_folder(path, broken)
    assert [each.name for each in path.iterdir()] == [files.STATE_FILE]  # the old one
    files.write_folder(path, lambda folder: (folder / "new").touch())
    assert [each.name for each in path.iterdir()] == ["new"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot copy a process")
def test_a_step_that_is_saved_again_is_old_or_new_whenever_the_process_is_killed(tmp_path: Path) -> None:
    def write(text: str) -> Any:
        def fill(folder: Path) -> None:
            for name in (files.STATE_FILE, "model.safetensors", text):
                (folder / name).write_text(text)

        return fill

    found, now = set(), "a"
    files.write_folder(tmp_path / "checkpoint-1", write(now))
    for line in range(0, 400, 3):
        new = "b" if now == "a" else "a"
        ended = killed_at_line(line, lambda new=new: files.write_folder(tmp_path / "checkpoint-1", write(new)))
        files.remove_leftovers(tmp_path)
        (left,) = files.checkpoints(tmp_path)
        texts = {path.read_text() for path in left.iterdir() if path.is_file()}
        assert len(texts) == 1
        found.add(now in texts)
        (now,) = texts
        if ended == FINISHED:
            break
    assert found == {True, False}
    assert ended == FINISHED


def test_leftovers_of_an_interrupted_run_are_removed(tmp_path: Path) -> None:
    kept = checkpoint(tmp_path, 1)
    for name in (".checkpoint-1.0123456789abcdef.tmp", ".checkpoint-2.0123456789abcdef.old"):
        (tmp_path / name).mkdir()
    (tmp_path / ".mine").mkdir()
    files.remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine", kept.name]


def test_an_older_run_is_kept_unless_it_may_go(tmp_path: Path) -> None:
    checkpoint(tmp_path, 7)
    with pytest.raises(mb.InputError, match="holds checkpoint-7 of an earlier run"):
        files.forget_older_run(tmp_path, overwrite=False)
    files.forget_older_run(tmp_path, overwrite=True)
    assert files.checkpoints(tmp_path) == []
    with pytest.raises(mb.InputError, match="holds no checkpoint to resume from"):
        files.checkpoint_to_resume(tmp_path, True)
    assert files.checkpoint_to_resume(tmp_path, "elsewhere") == Path("elsewhere")

"""An interrupted run goes on with bit-identical losses, whatever moment it stopped at."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.training.trainer import checkpoints as files
from minibert.training.trainer.plot import read_log
from tests.training import small
from tests.training.trainer.resumed import STEPS, make


def weights(trainer: mb.Trainer) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in trainer.model.parameters.items()}


def timeless(history: list[dict]) -> list[dict]:
    return [{name: value for name, value in record.items() if name != "tokens_per_second"} for record in history]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> mb.Trainer:
    trainer = make(tmp_path_factory.mktemp("whole"))
    trainer.train()
    return trainer


def assert_same(trainer: mb.Trainer, whole: mb.Trainer) -> None:
    assert small.losses(trainer) == small.losses(whole)
    assert [step for step, _ in small.losses(trainer)] == list(range(1, STEPS + 1))
    assert timeless(trainer.log_history) == timeless(whole.log_history)
    assert timeless(read_log(trainer.output_dir)) == timeless(whole.log_history)
    for name, array in weights(whole).items():
        np.testing.assert_array_equal(trainer.model.parameters[name], array, err_msg=name)
    for name, state in whole.optimizer.state.items():
        for key, value in state.items():
            np.testing.assert_array_equal(trainer.optimizer.state[name][key], value)


class Counted:
    """A collator, dataset or function that raises KeyboardInterrupt at its n-th use."""

    def __init__(self, wrapped, at: int) -> None:
        self.wrapped, self.left = wrapped, at

    def __call__(self, *args, **kwargs):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return self.wrapped(*args, **kwargs)

    def __getattr__(self, name: str):
        return getattr(self.wrapped, name)


def interrupted(trainer: mb.Trainer) -> None:
    with pytest.raises(KeyboardInterrupt):
        trainer.train()


def resumed(folder: Path) -> mb.Trainer:
    trainer = make(folder)
    trainer.train(resume_from_checkpoint=files.last_checkpoint(folder))
    return trainer


@pytest.mark.parametrize("at", [2, 9, 10, 17, 19, 24])
def test_after_an_interruption_between_the_batches_of_a_step(whole, tmp_path, at: int) -> None:
    trainer = make(tmp_path)
    trainer.data_collator = trainer.evaluator.collator = Counted(trainer.data_collator, at)
    interrupted(trainer)
    assert_same(resumed(tmp_path), whole)


@pytest.mark.parametrize("at", [3, 11, 14, 22])
def test_after_an_interruption_in_the_middle_of_backward(whole, tmp_path, at: int) -> None:
    trainer = make(tmp_path)
    trainer.model.backward = Counted(trainer.model.backward, at)
    interrupted(trainer)
    assert_same(resumed(tmp_path), whole)


@pytest.mark.parametrize("at", [40, 200, 333, 500])
def test_after_an_interruption_in_the_middle_of_an_update(whole, tmp_path, at: int, monkeypatch) -> None:
    counted = Counted(mb.AdamW.update, at)
    monkeypatch.setattr(mb.AdamW, "update", lambda *args: counted(*args))
    interrupted(make(tmp_path))
    monkeypatch.undo()
    assert_same(resumed(tmp_path), whole)


@pytest.mark.parametrize("function", ["save_state", "sync_folder", "_set_aside"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_after_an_interruption_while_a_checkpoint_is_written(
    whole, tmp_path, function: str, at: int, monkeypatch
) -> None:
    real = getattr(files, function)
    monkeypatch.setattr(files, function, Counted(real, at))
    trainer = make(tmp_path, save_total_limit=1)
    try:
        trainer.train()
    except KeyboardInterrupt:
        monkeypatch.undo()
        for path in files.checkpoints(tmp_path):
            files.load_state(path)  # whole
        assert_same(resumed(tmp_path), whole)
    else:
        assert function == "_set_aside"
        assert at == 3  # only two are removed


@pytest.mark.parametrize("step", [1, 5, 11])
def test_ctrl_c_ends_the_step_and_saves_it(whole, tmp_path, step: int) -> None:
    trainer = make(tmp_path)
    pressed = []

    def press_once(done: int, number: int, trace: mb.Trace) -> None:
        if done == step - 1 and not pressed:
            pressed.append(step)
            os.kill(os.getpid(), signal.SIGINT)

    trainer.on_trace = press_once
    with pytest.raises(KeyboardInterrupt, match=f"stopped after step {step}, which is saved"):
        trainer.train()
    assert files.last_checkpoint(tmp_path).name == f"checkpoint-{step}"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert_same(resumed(tmp_path), whole)


def test_a_second_ctrl_c_stops_at_once(tmp_path) -> None:
    trainer = make(tmp_path)
    trainer.on_trace = lambda done, number, trace: os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert trainer.global_step == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


KILLED = """
import sys, time
from pathlib import Path
from tests.training.trainer.resumed import make
trainer = make(Path(sys.argv[1]), save_steps=1)
trainer.on_log = lambda record: (print(record["step"], flush=True), time.sleep(0.02))
trainer.train()
"""


@pytest.mark.parametrize("after", [0.0, 0.013, 0.031, 0.057])
def test_after_a_kill_at_some_moment(whole, tmp_path, after: float) -> None:
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=root,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    for line in process.stdout:
        if line.startswith(b"3"):
            time.sleep(after)
            process.kill()
            break
    process.wait()
    process.stdout.close()
    assert files.last_checkpoint(tmp_path) is not None
    assert_same(resumed(tmp_path), whole)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_resuming_twice_and_from_a_named_checkpoint(whole, tmp_path) -> None:
    make(tmp_path).train()
    trainer = make(tmp_path)
    trainer.train(resume_from_checkpoint=tmp_path / "checkpoint-4")
    assert_same(trainer, whole)
    again = make(tmp_path)
    assert again.train(resume_from_checkpoint=True).global_step == STEPS  # nothing left to do
    assert_same(again, whole)


def test_the_seed_decides(whole, tmp_path) -> None:
    other = make(tmp_path, seed=43)
    other.train()
    assert small.losses(other) != small.losses(whole)


def test_an_older_run_is_not_overwritten_by_mistake(tmp_path) -> None:
    make(tmp_path).train()
    with pytest.raises(mb.InputError, match="holds checkpoint-12 of an earlier run"):
        make(tmp_path).train()
    make(tmp_path, overwrite_output_dir=True).train()


def test_what_cannot_be_resumed_is_named(tmp_path) -> None:
    with pytest.raises(mb.InputError, match="holds no checkpoint to resume from"):
        make(tmp_path).train(resume_from_checkpoint=True)
    with pytest.raises(mb.InputError, match=r"is no checkpoint of a Trainer: it has no trainer_state\.json"):
        make(tmp_path).train(resume_from_checkpoint=tmp_path)
    make(tmp_path).train()
    state = tmp_path / "checkpoint-12" / "trainer_state.json"
    text = state.read_text()
    state.write_text(text[: len(text) // 2])
    with pytest.raises(mb.WeightFileError, match=r"trainer_state\.json"):
        make(tmp_path).train(resume_from_checkpoint=True)
    state.write_text("{}")
    with pytest.raises(mb.WeightFileError, match="do not fit together"):
        make(tmp_path).train(resume_from_checkpoint=True)

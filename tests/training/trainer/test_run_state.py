"""The state of a run: saved and taken over whole, and refused where it is of another run or damaged."""

import json
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.training.trainer import checkpoints as files
from minibert.training.trainer.loss_scaling import LossScaler
from minibert.training.trainer.progress import Progress
from minibert.training.trainer.run_state import RunState
from tests.training import small
from tests.training.trainer.resumed import make


def new_run(seed: int, **same_run: int) -> RunState:
    """A run of masked words with dropout, before its first step: every seed gives another one."""
    model = small.language_model("float64", seed).train(seed)
    optimizer = mb.AdamW(model, lr=1e-2)
    schedule = mb.get_linear_schedule_with_warmup(optimizer, 2, 10)
    collator = mb.DataCollatorForLanguageModeling(small.tokenizer(), seed=seed, mlm_probability=0.4)
    return RunState(model, optimizer, schedule, LossScaler(), collator, Progress(), {"texts": 5, **same_run})


def steps(run: RunState, count: int) -> list[float]:
    """Take so many steps; gives their losses."""
    losses = []
    for _ in range(count):
        trace = mb.Trace("backward")
        loss = run.model(**run.collator([{"input_ids": ids} for ids in small.texts(5)]), trace=trace).loss
        run.scaler.follow(True)
        run.optimizer.step(run.model.backward(trace))
        run.schedule.step()
        run.progress.count_step(float(loss))
        losses.append(float(loss))
    return losses


def saved(run: RunState, folder: Path) -> Path:
    run.model.save_pretrained(folder)
    run.save(folder)
    return folder


def test_another_process_goes_on_bit_by_bit(tmp_path: Path) -> None:
    """Weights, moments, learning rate, loss scale, counts, and both generators: of dropout and of the masks."""
    run, other = new_run(1), new_run(2)
    steps(run, 3)
    other.load(saved(run, tmp_path))
    assert other.progress == run.progress
    assert other.progress.global_step == 3
    assert other.schedule.get_last_lr() == run.schedule.get_last_lr()
    assert other.scaler.state_dict() == run.scaler.state_dict() == {"scale": 2.0**16, "good_steps": 3}
    assert steps(other, 3) == steps(run, 3)
    for name, array in run.model.parameters.items():
        np.testing.assert_array_equal(mb.to_numpy(other.model.parameters[name]), mb.to_numpy(array), err_msg=name)


def test_a_run_without_dropout_or_masks_has_no_generators(tmp_path: Path) -> None:
    run = new_run(1)
    run.model.eval()
    fixed = run._replace(collator=mb.DataCollatorWithPadding(small.tokenizer()))
    state = json.loads((saved(fixed, tmp_path) / files.STATE_FILE).read_text())
    assert state["dropout_rng"] is state["collator"] is None


def test_the_first_setting_that_differs_is_named(tmp_path: Path) -> None:
    folder = saved(new_run(1), tmp_path)
    other = new_run(1, texts=6)
    before = {name: array.copy() for name, array in other.model.parameters.items()}
    with pytest.raises(mb.InputError) as caught:
        other.load(folder)
    assert str(caught.value) == f"{folder} is of a run with texts 5, and this one has 6."
    for name, array in before.items():  # nothing was taken over
        np.testing.assert_array_equal(mb.to_numpy(other.model.parameters[name]), mb.to_numpy(array))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 1e-3}, "is of a run with learning_rate 0.01, and this one has 0.001"),
        ({"per_device_train_batch_size": 2}, "per_device_train_batch_size 3, and this one has 2"),
        ({"seed": 1}, "seed 42, and this one has 1"),
    ],
)
def test_another_run_is_not_resumed(tmp_path, changes: dict, message: str) -> None:
    make(tmp_path).train()
    with pytest.raises(mb.InputError, match=message):
        make(tmp_path, **changes).train(resume_from_checkpoint=True)


def with_state(folder: Path, change) -> str:
    """What resuming says after a change to the state of a checkpoint."""
    trainer = make(folder, save_steps=4)
    trainer.train()
    path = folder / "checkpoint-4" / files.STATE_FILE
    state = json.loads(path.read_text())
    change(state)
    path.write_text(json.dumps(state))
    with pytest.raises(mb.MinibertError) as caught:
        make(folder).train(folder / "checkpoint-4")
    return str(caught.value).replace(str(folder), "FOLDER")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda state: state.update(same_run=5),
         "FOLDER/checkpoint-4: 'same_run' in trainer_state.json is damaged (AttributeError: \"'int' object has no "
         "attribute 'items'\")."),
        (lambda state: state["progress"].update(global_step="4"),
         "global_step is '4': an integer of 0 or more belongs there."),
        (lambda state: state["progress"].update(global_step=10**30),
         f"global_step is {10**30}: an integer of 64 bits belongs there."),
        (lambda state: state["progress"].update(log_history=5),
         "log_history is 5: a list of records belongs there."),
        (lambda state: state["schedule"].update(last_epoch=[]),
         "the schedule's last_epoch is []: an integer of 0 or more belongs there."),
        (lambda state: state["schedule"].update(base_lrs=["x", "x"]),
         "a learning rate of the schedule is 'x': a number of at least 0 belongs there."),
        (lambda state: state["optimizer"].update(param_groups=5),
         "the optimiser's state must have a dict as 'state' and a list of groups."),
        (lambda state: state["optimizer"]["param_groups"][0].pop("eps"),
         "a group of the optimiser's state has no eps."),
        (lambda state: state["optimizer"]["param_groups"][0].update(betas=5),
         "betas is 5: two numbers belong there, (0.9, 0.999)."),
        (lambda state: state["loss_scale"].update(scale="x"),
         "the loss scale is 'x': a number of at least 0 belongs there."),
    ],
)  # fmt: skip
def test_a_damaged_state_is_refused_by_its_part(tmp_path: Path, change, text: str) -> None:
    assert with_state(tmp_path, change) == text

"""The state of a run: saved and taken over whole, and refused where it is of another run or damaged."""

import json
from pathlib import Path

import pytest

import minibert as mb
from minibert.training.trainer import checkpoints as files
from tests.training.trainer.resumed import make


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

"""Checkpoints of a training run: folders `checkpoint-STEP` that are there as a whole or not at all.

A new folder is written under a hidden name, forced to the disk and renamed, which POSIX does in one step; one that
is saved again has its files replaced together (`minibert.files.saving`); one that is no longer wanted is renamed to a
hidden name before it is removed. So whatever moment the process ends at, every `checkpoint-STEP` is complete. Leftovers
with hidden names are removed when the next run begins.

    config.json, model.safetensors   the model, as `save_pretrained` writes it
    optimizer.safetensors            the optimiser's arrays, "parameter:name"
    trainer_state.json               everything else: the step, the schedule, random states, the log
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from minibert.errors import InputError, WeightFileError
from minibert.files.output import output_file, sync_folder
from minibert.files.saving import saving, settle
from minibert.messages import quoted
from minibert.weights import open_checkpoint, open_safetensors, read_json, save_safetensors

STATE_FILE, OPTIMIZER_FILE = "trainer_state.json", "optimizer.safetensors"
_PARTS = {"same_run", "progress", "schedule", "dropout_rng", "collator", "optimizer"}
_NAME = re.compile(r"checkpoint-(\d+)")
_HIDDEN = re.compile(r"\.checkpoint-\d+\.[0-9a-f]{16}\.(tmp|old)")


def checkpoints(output_dir: str | os.PathLike[str]) -> list[Path]:
    """The complete checkpoints in a Trainer's output folder, the oldest step first."""
    folder = Path(output_dir)
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)] if folder.is_dir() else []
    for path in found:
        settle(path)
    return sorted((path for path in found if (path / STATE_FILE).is_file()), key=step_of)


def last_checkpoint(output_dir: str | os.PathLike[str]) -> Path | None:
    """The checkpoint with the highest step in a Trainer's output folder, or None."""
    return next(reversed(checkpoints(output_dir)), None)


def step_of(path: Path) -> int:
    """checkpoint-120 -> 120."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def checkpoint_to_resume(output_dir: Path, wanted: bool | str | os.PathLike[str]) -> Path:
    """The checkpoint that is asked for, or with True the last one. Raises InputError if there is none."""
    found = last_checkpoint(output_dir) if isinstance(wanted, bool) else Path(wanted)
    if found is None:
        raise InputError(f"{output_dir} holds no checkpoint to resume from.")
    return found


def forget_older_run(output_dir: Path, overwrite: bool) -> None:
    """Remove the checkpoints of an earlier run. Raises InputError if there are some, and not `overwrite`."""
    older = checkpoints(output_dir)
    if older and not overwrite:
        raise InputError(
            f"{output_dir} holds {older[-1].name} of an earlier run: train(resume_from_checkpoint=True) goes "
            "on with it, overwrite_output_dir=True removes it."
        )
    for path in older:
        remove_folder(path)


def keep_newest(output_dir: Path, count: int, besides: int | None) -> None:
    """Remove all but the newest `count` checkpoints; that of the step `besides` stays too, and is not counted."""
    old = [path for path in checkpoints(output_dir) if step_of(path) != besides]
    for path in old[:-count]:
        remove_folder(path)


def write_folder(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder that becomes `path` in one step; the files of an older `path` are replaced."""
    if path.exists():
        with saving(path) as save:
            write(save.staged)
            for name in os.listdir(path):
                if os.path.isfile(path / name):
                    save.remove(name)
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    temporary.mkdir(parents=True)
    try:
        write(temporary)
        sync_folder(temporary)
        os.rename(temporary, path)
        sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def remove_folder(path: Path) -> None:
    """Remove a checkpoint so that no part of it can ever be taken for a whole one."""
    shutil.rmtree(_set_aside(path), ignore_errors=True)


def remove_leftovers(output_dir: Path) -> None:
    """Remove what an interrupted run left half written or half removed."""
    for path in output_dir.iterdir():
        if _HIDDEN.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _set_aside(path: Path) -> Path:
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(8)}.old")
    os.rename(path, hidden)
    return hidden


# what stands in a checkpoint besides the model


def save_state(folder: Path, optimizer: Any, state: Mapping[str, Any]) -> None:
    """Write the optimiser's arrays, and its numbers together with `state`."""
    arrays, numbers = _split(optimizer.state_dict())
    save_safetensors(folder / OPTIMIZER_FILE, arrays)
    with output_file(folder / STATE_FILE) as file:
        file.write(json.dumps({**state, "optimizer": numbers}, indent=1).encode())


def load_state(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state, and the optimiser's `state_dict`, of a checkpoint.

    Raises:
        InputError: this is no checkpoint of a Trainer.
        WeightFileError: a file of it is damaged.
    """
    settle(folder)
    if not os.path.isfile(folder / STATE_FILE):
        raise InputError(f"{folder} is no checkpoint of a Trainer: it has no {STATE_FILE}.")
    state = read_json(folder / STATE_FILE, "the state of the training", error=WeightFileError)
    arrays = open_safetensors(folder / OPTIMIZER_FILE)
    try:
        missing = _PARTS - set(state)
        if missing:
            raise KeyError(f"no {', '.join(sorted(missing))}")
        numbers = state.pop("optimizer")
        return state, _joined(arrays, numbers)
    except (KeyError, TypeError, AttributeError, ValueError) as reason:
        raise WeightFileError(
            f"{folder}: {STATE_FILE} and {OPTIMIZER_FILE} do not fit together ({quoted(reason)})."
        ) from None


def load_weights(model: Any, folder: Path) -> None:
    """Put a checkpoint's weights into the model, as copies."""
    checkpoint = open_checkpoint(folder)
    model.load_state_dict({name: checkpoint[name] for name in checkpoint})


def _split(state_dict: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An optimiser's state -> its arrays as "parameter:key", and its numbers as JSON can hold them."""
    arrays, numbers = {}, {}
    for name, values in state_dict["state"].items():
        arrays.update({f"{name}:{key}": value for key, value in values.items() if hasattr(value, "dtype")})
        numbers[name] = {key: value for key, value in values.items() if not hasattr(value, "dtype")}
    return arrays, {"state": numbers, "param_groups": state_dict["param_groups"]}


def _joined(arrays: Mapping[str, Any], numbers: dict[str, Any]) -> dict[str, Any]:
    state = {name: dict(values) for name, values in numbers["state"].items()}
    for full_name in arrays:
        name, key = full_name.rsplit(":", 1)
        state[name][key] = arrays[full_name]
    return {"state": state, "param_groups": numbers["param_groups"]}

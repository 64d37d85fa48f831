"""The folder of a run: what it was asked for, so that `--resume` needs nothing else, and a lock while it is used.

run.json        the options, and the size and digest of every data file
input.txt       what came from standard input, if anything did
tokenizer/      the tokenizer
checkpoint-N/   what the Trainer saves;  log.jsonl  its log
config.json, model.safetensors, ...   the model, when the run is through
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from minibert.errors import InputError
from minibert.files.output import output_file
from minibert.training.trainer.checkpoints import checkpoints, remove_folder
from minibert.training.trainer.plot import LOG_FILE
from minibert.weights import read_json

RUN_FILE, LOCK_FILE = "run.json", ".lock"
TOKENIZER, LEARNED = "tokenizer", ".learned"
FORMAT = 1


def prepare(folder: Path, overwrite: bool) -> None:
    """Make the folder of a new run. Raises InputError if something stands there that would be lost."""
    if folder.is_file():
        raise InputError(f"{folder} is a file: give --output-dir a folder.")
    if (folder / RUN_FILE).exists():
        if not overwrite:
            raise InputError(
                f"{folder} holds an earlier run: --resume goes on with it, --overwrite removes it and begins anew."
            )
        forget(folder)
    elif folder.is_dir() and (names := sorted(path.name for path in folder.iterdir() if path.name != LOCK_FILE)):
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        raise InputError(f"{folder} holds files that are of no run of minibert train ({shown}): give a new folder.")
    folder.mkdir(parents=True, exist_ok=True)


def forget(folder: Path) -> None:
    """Remove what a run has put into its folder, the model that it may have ended with aside."""
    (folder / RUN_FILE).unlink(missing_ok=True)
    for path in checkpoints(folder):
        remove_folder(path)
    for name in (TOKENIZER, f".{TOKENIZER}", LEARNED):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in [*folder.glob("input.*"), folder / LOG_FILE]:
        path.unlink(missing_ok=True)


def abandon(folder: Path) -> None:
    """Leave nothing of a run that never began, so that the next try finds the folder as this one did."""
    forget(folder)
    (folder / LOCK_FILE).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # there was something in it before
        folder.rmdir()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process. Raises InputError if another one trains there.

    The lock ends with the process, however that ends. Systems without flock have none.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (folder / LOCK_FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{folder} is in use: another minibert train is writing there.") from None
        yield


def write_run(folder: Path, options: Mapping[str, Any]) -> None:
    """Keep the options, and what the data files are."""
    files = [*options["files"], *([options["eval_file"]] if options["eval_file"] else [])]
    run = {"format": FORMAT, "options": dict(options), "data": {file: describe(file) for file in files}}
    with output_file(folder / RUN_FILE) as file:
        file.write(json.dumps(run, indent=1, ensure_ascii=False).encode())


def read_run(folder: Path) -> dict[str, Any]:
    """The options of the run in a folder.

    Raises:
        InputError: there is none, or a data file is gone or has changed, so that the run would not be the same.
    """
    if not (folder / RUN_FILE).is_file():
        raise InputError(f"{folder} holds no run of minibert train to resume: there is no {RUN_FILE} in it.")
    run = read_json(folder / RUN_FILE, "the options of the run", error=InputError)
    if run.get("format") != FORMAT or not isinstance(run.get("options"), dict) or not isinstance(run.get("data"), dict):
        raise InputError(f"{folder / RUN_FILE} is not what minibert train of this version writes.")
    for file, known in run["data"].items():
        if not os.path.isfile(file):
            raise InputError(f"{file} is gone, and the run in {folder} was reading it: put it back to resume.")
        if describe(file) != known:
            raise InputError(f"{file} has changed since the run in {folder} began: it cannot go on as the same run.")
    return run["options"]


def describe(file: str) -> dict[str, Any]:
    """The size and sha256 of a file. Raises InputError if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as reason:
        raise InputError(f"{file} cannot be read: {reason.strerror}.") from None
    return {"bytes": os.path.getsize(file), "sha256": digest.hexdigest()}

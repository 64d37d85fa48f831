"""All that changes while a run goes on: what a checkpoint holds, so that a stopped run goes on bit by bit the same."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from minibert.errors import InputError, MinibertError, WeightFileError
from minibert.messages import quoted
from minibert.training.schedules import LRSchedule
from minibert.training.trainer import checkpoints
from minibert.training.trainer.loss_scaling import LossScaler
from minibert.training.trainer.progress import Progress


class RunState(NamedTuple):
    """The parts of a run that every step changes."""

    model: Any  # its weights, and the generator of its dropout
    optimizer: Any
    schedule: LRSchedule
    scaler: LossScaler
    collator: Any  # the generator of its masks, if it has one
    progress: Progress
    same_run: dict[str, Any]  # settings that changes nothing in a run, but must be equal when it is resumed

    def save(self, folder: Path) -> None:
        """Write everything but the model, which `save_pretrained` writes."""
        rng = self.model.parameters.rng
        draws = hasattr(self.collator, "state_dict")
        state = {
            "format": 1,
            "same_run": self.same_run,
            "progress": self.progress.state_dict(),
            "schedule": self.schedule.state_dict(),
            "loss_scale": self.scaler.state_dict(),
            "dropout_rng": None if rng is None else rng.bit_generator.state,
            "collator": self.collator.state_dict() if draws else None,
        }
        checkpoints.save_state(folder, self.optimizer, state)

    def load(self, folder: Path) -> None:
        """Take everything over from a checkpoint, the weights too.

        Raises:
            InputError: it is of another run.
            WeightFileError: a file of it is damaged.
        """
        state, optimizer = checkpoints.load_state(folder)
        with _refusing_damage(folder, "same_run"):
            for name, value in state["same_run"].items():
                own = self.same_run.get(name)
                if own != value:
                    field = quoted(name).strip("'")
                    raise InputError(
                        f"{folder} is of a run with {field} {quoted(value)}, and this one has {quoted(own)}."
                    )
        checkpoints.load_weights(self.model, folder)
        with _refusing_damage(folder, "optimizer"):
            self.optimizer.load_state_dict(optimizer)
        with _refusing_damage(folder, "schedule"):
            self.schedule.load_state_dict(state["schedule"])
        if "loss_scale" in state:
            with _refusing_damage(folder, "loss_scale"):
                self.scaler.load_state_dict(state["loss_scale"])
        if state["dropout_rng"] is not None:
            with _refusing_damage(folder, "dropout_rng"):
                self.model.parameters.rng.bit_generator.state = state["dropout_rng"]
        if state["collator"] is not None:
            with _refusing_damage(folder, "collator"):
                self.collator.load_state_dict(state["collator"])
        with _refusing_damage(folder, "progress"):
            self.progress.load_state_dict(state["progress"])


@contextlib.contextmanager
def _refusing_damage(folder: Path, part: str) -> Iterator[None]:
    """Whatever a part of a damaged file makes of the code that takes it over is one error, which names the part."""
    try:
        yield
    except MinibertError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as reason:
        why = f"{type(reason).__name__}: {quoted(str(reason))}"
        raise WeightFileError(f"{folder}: {part!r} in {checkpoints.STATE_FILE} is damaged ({why}).") from reason

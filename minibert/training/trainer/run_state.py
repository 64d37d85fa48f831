"""All that changes while a run goes on: what a checkpoint holds, so that a stopped run goes on bit by bit the same."""

from pathlib import Path
from typing import Any, NamedTuple

from minibert.errors import InputError
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
        for name, value in state["same_run"].items():
            own = self.same_run.get(name)
            if own != value:
                raise InputError(f"{folder} is of a run with {name} {value!r}, and this one has {own!r}.")
        checkpoints.load_weights(self.model, folder)
        self.optimizer.load_state_dict(optimizer)
        self.schedule.load_state_dict(state["schedule"])
        if "loss_scale" in state:
            self.scaler.load_state_dict(state["loss_scale"])
        if state["dropout_rng"] is not None:
            self.model.parameters.rng.bit_generator.state = state["dropout_rng"]
        if state["collator"] is not None:
            self.collator.load_state_dict(state["collator"])
        self.progress.load_state_dict(state["progress"])

"""The settings of a Trainer, with transformers' names and defaults where both have one."""

import os
from dataclasses import asdict, dataclass, fields
from typing import Any

from minibert.checks import check_number
from minibert.errors import InputError
from minibert.training.schedules import SCHEDULES

STRATEGIES = ("no", "steps", "epoch")


@dataclass
class TrainingArguments:
    """Settings of `mb.Trainer`, with transformers' names and defaults where both have one.

    Args:
        output_dir: for checkpoints, the log and the loss curve.
        overwrite_output_dir: whether checkpoints of an earlier run there may be removed.
        num_train_epochs: how often to go through the data; not used where max_steps is above 0.
        max_steps: how many steps of the optimiser, -1 for num_train_epochs.
        per_device_train_batch_size, per_device_eval_batch_size: texts a batch.
        gradient_accumulation_steps: batches a step of the optimiser. Their losses are weighted by what counts in
            them, so that the step is that of one large batch.
        group_by_length: make batches of texts of like length.
        learning_rate, weight_decay, adam_beta1, adam_beta2, adam_epsilon: of AdamW.
        max_grad_norm: clip gradients to this global norm; 0 does not clip.
        lr_scheduler_type, lr_scheduler_kwargs: a name of `mb.get_scheduler`, and what its schedule takes besides.
        warmup_steps, warmup_ratio: of the schedule; the ratio (of all steps) is used where the steps are 0.
        logging_strategy, logging_steps: when to write the mean loss to the log: "no", "steps" (every so many steps of
            the optimiser) or "epoch".
        eval_strategy, eval_steps: when to evaluate, said in the same way.
        save_strategy, save_steps, save_total_limit: when to write a checkpoint, and how many to keep.
        load_best_model_at_end: keep a checkpoint of the best evaluation, and end with its weights.
        metric_for_best_model, greater_is_better: what "best" is; the loss, the smaller the better, by default.
        early_stopping_patience: stop after so many evaluations in a row without a gain; None never does.
        early_stopping_threshold: how much better counts as a gain.
        seed: of dropout, and of the data order where data_seed is None.
        data_seed: of the data order.
        dropout: False trains without dropout, whatever the configuration says.
        disable_tqdm: no progress bar.

    Raises:
        InputError: a setting is out of range, or two contradict each other.

    Example:
        >>> args = TrainingArguments("runs/first", num_train_epochs=2, learning_rate=2e-5, eval_strategy="epoch")
        >>> args.per_device_train_batch_size, args.lr_scheduler_type, args.warmup_steps
        (8, 'linear', 0)
    """

    output_dir: str | os.PathLike[str]
    overwrite_output_dir: bool = False
    num_train_epochs: float = 3.0
    max_steps: int = -1
    per_device_train_batch_size: int = 8
    per_device_eval_batch_size: int = 8
    gradient_accumulation_steps: int = 1
    group_by_length: bool = False
    learning_rate: float = 5e-5
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    lr_scheduler_type: str = "linear"
    lr_scheduler_kwargs: dict[str, Any] | None = None
    warmup_steps: int = 0
    warmup_ratio: float = 0.0
    logging_strategy: str = "steps"
    logging_steps: int = 500
    eval_strategy: str = "no"
    eval_steps: int | None = None
    save_strategy: str = "steps"
    save_steps: int = 500
    save_total_limit: int | None = None
    load_best_model_at_end: bool = False
    metric_for_best_model: str = "loss"
    greater_is_better: bool | None = None
    early_stopping_patience: int | None = None
    early_stopping_threshold: float = 0.0
    seed: int = 42
    data_seed: int | None = None
    dropout: bool = True
    disable_tqdm: bool = False

    def __post_init__(self) -> None:
        for name in ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps",
                     "logging_steps", "save_steps"):  # fmt: skip
            self._check_count(name, 1)
        for name in ("warmup_steps", "seed"):
            self._check_count(name, 0)
        optional = {"eval_steps": 1, "save_total_limit": 1, "early_stopping_patience": 1, "data_seed": 0}
        for name, least in optional.items():
            if getattr(self, name) is not None:
                self._check_count(name, least)
        for name in ("num_train_epochs", "learning_rate", "weight_decay", "adam_epsilon", "max_grad_norm",
                     "warmup_ratio", "early_stopping_threshold"):  # fmt: skip
            check_number(name, getattr(self, name), lower=0.0)
        for name in ("logging_strategy", "eval_strategy", "save_strategy"):
            if getattr(self, name) not in STRATEGIES:
                raise InputError(f"{name} is {getattr(self, name)!r}: choose one of {', '.join(STRATEGIES)}.")
        if self.lr_scheduler_type not in SCHEDULES:
            raise InputError(f"lr_scheduler_type is {self.lr_scheduler_type!r}: choose one of {', '.join(SCHEDULES)}.")
        self._check_together()
        if self.greater_is_better is None:
            self.greater_is_better = not self.metric_for_best_model.endswith("loss")

    def _check_together(self) -> None:
        if self.max_steps == 0 or self.max_steps < -1:
            raise InputError(
                f"max_steps is {self.max_steps}: a number above 0 belongs there, or -1 for num_train_epochs."
            )
        if self.max_steps < 0 and self.num_train_epochs == 0:
            raise InputError("num_train_epochs is 0 and max_steps is not set: there would be no step.")
        if self.warmup_ratio > 1:
            raise InputError(f"warmup_ratio is {self.warmup_ratio}: a part of all steps, 0 to 1, belongs there.")
        for name in ("load_best_model_at_end", "early_stopping_patience"):
            if getattr(self, name) and self.eval_strategy == "no":
                raise InputError(f"{name} needs evaluations: set eval_strategy to 'steps' or 'epoch'.")

    def _check_count(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise InputError(f"{name} is {value!r}: a whole number of at least {least} belongs there.")

    def to_dict(self) -> dict[str, Any]:
        """All settings, as JSON can hold them."""
        return {**asdict(self), "output_dir": str(self.output_dir)}

    def same_run(self) -> dict[str, Any]:
        """What must not change between a run and its resumption: all that decides on data order and updates."""
        free = ("output_dir", "overwrite_output_dir", "num_train_epochs", "max_steps", "per_device_eval_batch_size",
                "logging_strategy", "logging_steps", "eval_strategy", "eval_steps", "save_strategy", "save_steps",
                "save_total_limit", "load_best_model_at_end", "metric_for_best_model", "greater_is_better",
                "early_stopping_patience", "early_stopping_threshold", "disable_tqdm")  # fmt: skip
        return {field.name: self.to_dict()[field.name] for field in fields(self) if field.name not in free}

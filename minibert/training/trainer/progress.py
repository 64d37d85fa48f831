"""How far a run has come, and what it has found: what a checkpoint says in numbers."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from minibert.checks import check_count, check_number
from minibert.errors import InputError
from minibert.messages import quoted
from minibert.training.trainer.arguments import TrainingArguments


@dataclass
class Progress:
    """The state of a run besides its arrays and random states."""

    global_step: int = 0
    loss_sum: float = 0.0  # of all steps
    logged_sum: float = 0.0  # of the steps that are in the log
    logged_step: int = 0
    best_metric: float | None = None
    best_step: int | None = None
    bad_evaluations: int = 0  # in a row, without a gain
    log_history: list[dict[str, Any]] = field(default_factory=list)

    def state_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another run stood."""
        found = Progress(**state)
        for name in ("global_step", "logged_step", "bad_evaluations"):
            check_count(name, getattr(found, name), least=0)
        for name in ("loss_sum", "logged_sum"):
            check_number(name, getattr(found, name))
        if not isinstance(found.log_history, list) or not all(isinstance(record, dict) for record in found.log_history):
            raise InputError(f"log_history is {quoted(found.log_history)}: a list of records belongs there.")
        if found.best_step is not None:
            check_count("best_step", found.best_step, least=0)
        if found.best_metric is not None:
            check_number("best_metric", found.best_metric)
        for name, value in asdict(found).items():
            setattr(self, name, value)

    def count_step(self, loss: float) -> None:
        """One more step was made, with this loss."""
        self.global_step += 1
        self.loss_sum += loss

    def take_mean_loss(self) -> float | None:
        """The mean loss of the steps since the last call, None if there were none."""
        steps = self.global_step - self.logged_step
        if steps == 0:
            return None
        mean = (self.loss_sum - self.logged_sum) / steps
        self.logged_step, self.logged_sum = self.global_step, self.loss_sum
        return mean

    def note_evaluation(self, metrics: Mapping[str, float], args: TrainingArguments) -> bool:
        """Remember the best evaluation; whether this one is it. Raises InputError if it lacks the metric."""
        name = args.metric_for_best_model
        name = name if name.startswith("eval_") else f"eval_{name}"
        if metrics.get(name) is None:
            if args.load_best_model_at_end or args.early_stopping_patience:
                raise InputError(
                    f"metric_for_best_model is {name!r}, but the evaluation gave {', '.join(metrics) or 'nothing'}."
                )
            return False
        value = float(metrics[name])
        gain = math.inf
        if self.best_metric is not None:
            gain = value - self.best_metric if args.greater_is_better else self.best_metric - value
        self.bad_evaluations = 0 if gain > args.early_stopping_threshold else self.bad_evaluations + 1
        if gain > 0:
            self.best_metric, self.best_step = value, self.global_step
        return gain > 0

    def stopped_early(self, args: TrainingArguments) -> bool:
        """Whether the evaluations have brought no gain for too long."""
        return args.early_stopping_patience is not None and self.bad_evaluations >= args.early_stopping_patience

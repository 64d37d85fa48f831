"""A small Trainer: what stands around the loop of `loop.py` in a run of hours.

It brings the batches, writes the log, evaluates, saves checkpoints, and goes on from one. Everything random comes
from generators whose states stand in every checkpoint, so an interrupted run goes on with bit-identical losses.
A float16 model is trained with loss scaling. Not handled: several machines.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minibert.errors import InputError, NotFiniteError
from minibert.files.saving import saving
from minibert.finite import find_not_finite
from minibert.trace import Trace
from minibert.training.adamw import AdamW
from minibert.training.collators import DataCollatorWithPadding, default_data_collator
from minibert.training.schedules import LRSchedule, get_scheduler
from minibert.training.trainer import checkpoints
from minibert.training.trainer.arguments import TrainingArguments
from minibert.training.trainer.evaluation import EvalPrediction, Evaluator, collate
from minibert.training.trainer.interrupt import Interrupt
from minibert.training.trainer.log import JsonLines, Speed, as_json, progress_bar
from minibert.training.trainer.loop import training_loop
from minibert.training.trainer.loss_scaling import LossScaler
from minibert.training.trainer.order import DataOrder
from minibert.training.trainer.plot import LOG_FILE, plot_loss
from minibert.training.trainer.progress import Progress
from minibert.training.trainer.run_state import RunState

__all__ = ["EvalPrediction", "TrainOutput", "Trainer"]

Batch = dict[str, Any]
OnTrace = Callable[[int, int, Trace], None]


class TrainOutput(NamedTuple):
    """What `train` gives."""

    global_step: int
    training_loss: float  # the mean over all steps
    metrics: dict[str, float]


class Trainer:
    """Trains a model, evaluates it, writes a log and checkpoints, and goes on where a run was stopped.

    Args:
        model: one of the task classes, on the backend and in the dtype to train in; its weights change.
        args: see `TrainingArguments`.
        train_dataset, eval_dataset: sequences of features (a list of what the tokenizer gives).
        data_collator: features -> batch; by default pads with the tokenizer, or stacks without one.
        processing_class: the tokenizer; saved beside the model.
        compute_metrics: EvalPrediction -> {name: number}, logged as "eval_name".
        preprocess_logits_for_metrics: (logits, labels) -> what to keep of each batch, to save memory.
        optimizers: an optimiser and a schedule (a function of the optimiser, or made already) instead of AdamW's.
        on_log: called with every record of the log.
        on_trace: called with (step, number of the batch in the step, trace) after each forward pass.
        trace_keep: what these traces keep besides what backward needs ("*.mask": the dropout masks).

    Raises:
        InputError: args are no `TrainingArguments`, or a data set is no sequence.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model = mb.BertForSequenceClassification(config, seed=0)
        >>> data = [{"input_ids": [2, 7, 3], "label": 1}, {"input_ids": [2, 8, 3], "label": 0}]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     args = mb.TrainingArguments(folder, max_steps=20, learning_rate=0.03, save_strategy="no",
        ...                                 disable_tqdm=True)
        ...     trainer = mb.Trainer(model, args, train_dataset=data, eval_dataset=data)
        ...     before = trainer.evaluate()["eval_loss"]  # log 2: the model guesses
        ...     print(trainer.train().global_step, round(before, 3), trainer.evaluate()["eval_loss"] < 0.5)
        20 0.693 True
    """

    def __init__(
        self,
        model: Any,
        args: TrainingArguments,
        train_dataset: Sequence[Mapping[str, Any]] | None = None,
        eval_dataset: Sequence[Mapping[str, Any]] | None = None,
        data_collator: Callable[..., Batch] | None = None,
        processing_class: Any = None,
        compute_metrics: Callable[[EvalPrediction], Mapping[str, float]] | None = None,
        preprocess_logits_for_metrics: Callable[..., Any] | None = None,
        optimizers: tuple[Any, Any] = (None, None),
        on_log: Callable[[dict[str, Any]], None] | None = None,
        on_trace: OnTrace | None = None,
        trace_keep: str | Sequence[str] = (),
    ) -> None:
        if not isinstance(args, TrainingArguments):
            raise InputError(f"args is a {type(args).__name__}: mb.TrainingArguments(output_dir) belongs there.")
        self.model, self.args, self.tokenizer = model, args, processing_class
        self.train_dataset = _checked("train_dataset", train_dataset)
        self.eval_dataset = _checked("eval_dataset", eval_dataset)
        if data_collator is None:
            data_collator = DataCollatorWithPadding(processing_class) if processing_class else default_data_collator
        self.data_collator: Any = data_collator
        self.compute_metrics = compute_metrics
        self.evaluator = Evaluator(
            model, data_collator, args.per_device_eval_batch_size, args.seed, preprocess_logits_for_metrics
        )
        self._given_optimizers = optimizers
        self.optimizer: Any = optimizers[0]
        self.lr_scheduler: Any = optimizers[1]
        self.on_log, self.on_trace = on_log, on_trace
        self.trace_keep = [trace_keep] if isinstance(trace_keep, str) else list(trace_keep)
        self.output_dir = Path(args.output_dir)
        self.scaler = LossScaler(enabled=model.dtype.name == "float16")
        self.progress = Progress()
        self._saved_step = -1  # the last step that has a checkpoint of this run
        self._log: JsonLines | None = None
        self._order: DataOrder | None = None

    @property
    def global_step(self) -> int:
        """How many steps of the optimiser are done."""
        return self.progress.global_step

    @property
    def log_history(self) -> list[dict[str, Any]]:
        """The records of the log."""
        return self.progress.log_history

    def train(self, resume_from_checkpoint: bool | str | Path | None = None) -> TrainOutput:
        """Train until the last step or early stopping.

        Ctrl-C ends the step, writes a checkpoint and raises KeyboardInterrupt; a second one stops at once.

        Args:
            resume_from_checkpoint: True for the last checkpoint in output_dir, or a checkpoint's folder.

        Raises:
            InputError: there is no data, nothing to resume from, an older run in output_dir, or the loss is no
                number any more.
            NotFiniteError: a step made a weight infinite or no number.
        """
        if not self.train_dataset:
            raise InputError("the Trainer has no train_dataset: give it one to train on.")
        if self.args.eval_strategy != "no" and not self.eval_dataset:
            raise InputError(f"eval_strategy is {self.args.eval_strategy!r}, but the Trainer has no eval_dataset.")
        order = self._order = DataOrder(self.train_dataset, self.args)
        self._begin(order.total_steps, resume_from_checkpoint)
        started, first, speed = time.perf_counter(), self.global_step, Speed()

        def after_step(loss: float, norm: float, batches: Sequence[Batch]) -> None:
            speed.end_step(batches)
            self.progress.count_step(loss)
            self._check_weights()
            bar.update()
            bar.set_postfix(loss=f"{loss:.4f}", **{"tokens/s": f"{speed.rate:.0f}"})
            self._log_evaluate_and_save(norm, speed, order)

        with Interrupt() as interrupt, progress_bar(order.total_steps, first, self.args.disable_tqdm) as bar:
            training_loop(
                self.model,
                self.optimizer,
                self.lr_scheduler,
                self._coming_steps(order, speed, interrupt),
                after_step,
                max_grad_norm=self.args.max_grad_norm,
                scaler=self.scaler,
                trace_keep=self.trace_keep,
                on_trace=self.on_trace,
            )
        self.model.eval()
        if self.args.load_best_model_at_end and self.progress.best_step is not None:
            checkpoints.load_weights(self.model, self._folder(self.progress.best_step))
        runtime = time.perf_counter() - started
        metrics = {"train_runtime": runtime, "train_steps_per_second": (self.global_step - first) / max(runtime, 1e-9)}
        return TrainOutput(self.global_step, self.progress.loss_sum / max(self.global_step, 1), metrics)

    def _check_weights(self) -> None:
        found = find_not_finite(self.model.parameters)
        if found is not None:
            raise NotFiniteError(
                f"after step {self.global_step} the weight {found}: the run ends here, and this step is not saved; "
                "try a smaller learning_rate or a larger adam_epsilon."
            )

    # before the loop

    def _begin(self, steps: int, resume: bool | str | Path | None) -> None:
        """Make the optimiser, the schedule and the output folder ready, and go on from a checkpoint if asked to."""
        self.progress, self._log, self._saved_step = Progress(), None, -1
        self._create_optimizer(steps)
        if self.args.dropout:
            self.model.train(np.random.default_rng([self.args.seed, 0]))
        else:
            self.model.eval()
        self.output_dir.mkdir(parents=True, exist_ok=True)
        checkpoints.remove_leftovers(self.output_dir)
        if resume is None or resume is False:
            checkpoints.forget_older_run(self.output_dir, self.args.overwrite_output_dir)
        else:
            self._run_state().load(checkpoints.checkpoint_to_resume(self.output_dir, resume))
        self._log = JsonLines(self.output_dir / LOG_FILE, self.log_history)

    def _create_optimizer(self, steps: int) -> None:
        args = self.args
        self.optimizer, self.lr_scheduler = self._given_optimizers
        if self.optimizer is None:
            betas = (args.adam_beta1, args.adam_beta2)
            self.optimizer = AdamW(self.model, args.learning_rate, betas, args.adam_epsilon, args.weight_decay)
        if self.lr_scheduler is None:
            warmup = args.warmup_steps or math.ceil(steps * args.warmup_ratio)
            self.lr_scheduler = get_scheduler(
                args.lr_scheduler_type, self.optimizer, warmup, steps, args.lr_scheduler_kwargs
            )
        elif not isinstance(self.lr_scheduler, LRSchedule):
            self.lr_scheduler = self.lr_scheduler(self.optimizer)

    # between steps

    def _coming_steps(self, order: DataOrder, speed: Speed, interrupt: Interrupt) -> Iterator[tuple[int, list[Batch]]]:
        """(steps made before, batches) of every step that is still to be made."""
        while self.global_step < order.total_steps:
            if interrupt.asked:
                if self._saved_step != self.global_step:
                    self.save_checkpoint()
                raise KeyboardInterrupt(f"stopped after step {self.global_step}, which is saved")
            if self.progress.stopped_early(self.args):
                return
            speed.begin_step()
            batches = [collate(self.model, self.data_collator, rows) for rows in order.rows(self.global_step)]
            yield self.global_step, batches

    def _log_evaluate_and_save(self, norm: float, speed: Speed, order: DataOrder) -> None:
        args, last = self.args, self.global_step == order.total_steps

        def is_due(strategy: str, every: int) -> bool:
            unit = {"steps": every, "epoch": order.steps_per_epoch}.get(strategy)
            return unit is not None and self.global_step % unit == 0

        if is_due(args.logging_strategy, args.logging_steps) or last:
            self._log_training(norm, speed)
        improved = False
        if is_due(args.eval_strategy, args.eval_steps or args.logging_steps):
            improved = self.progress.note_evaluation(self.evaluate(), args)
        due = is_due(args.save_strategy, args.save_steps) or (last and args.save_strategy != "no")
        if due or (improved and args.load_best_model_at_end):
            self.save_checkpoint()

    def _log_training(self, norm: float, speed: Speed) -> None:
        mean = self.progress.take_mean_loss()
        if mean is not None:
            rate = self.lr_scheduler.get_last_lr()[0]
            self.record(loss=mean, learning_rate=rate, grad_norm=norm, tokens_per_second=speed.take())

    def record(self, **values: Any) -> None:
        """Add a record to the log: the step, the epoch, and these values."""
        epoch = 0.0 if self._order is None else round(self.global_step / self._order.steps_per_epoch, 4)
        record = as_json({"step": self.global_step, "epoch": epoch, **values})
        self.log_history.append(record)
        if self._log is not None:
            self._log.write(record)
        if self.on_log is not None:
            self.on_log(record)

    # evaluation

    def evaluate(
        self, eval_dataset: Sequence[Mapping[str, Any]] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """The loss and the metrics over a data set, without dropout and with the same masks each time; logged."""
        dataset = _checked("eval_dataset", eval_dataset) if eval_dataset is not None else self.eval_dataset
        if not dataset:
            raise InputError("there is no eval_dataset: give one to the Trainer or to evaluate.")
        found = self.evaluator.run(dataset, keep_predictions=self.compute_metrics is not None)
        metrics: dict[str, float] = {} if found.loss is None else {f"{metric_key_prefix}_loss": found.loss}
        if self.compute_metrics is not None and found.prediction is not None:
            metrics.update(
                {f"{metric_key_prefix}_{name}": value for name, value in self.compute_metrics(found.prediction).items()}
            )
        self.record(**metrics)
        return metrics

    def predict(self, dataset: Sequence[Mapping[str, Any]]) -> EvalPrediction:
        """The logits (or what preprocess_logits_for_metrics keeps of them) and labels of a data set."""
        checked = _checked("dataset", dataset)
        if not checked:
            raise InputError("the dataset is empty: there is nothing to predict.")
        prediction = self.evaluator.run(checked, keep_predictions=True).prediction
        assert prediction is not None
        return prediction

    # files

    def save_model(self, folder: str | Path | None = None) -> None:
        """Write the model, and the tokenizer if there is one, to a folder (output_dir by default)."""
        folder = Path(folder or self.output_dir)
        with saving(folder) as save:  # both or neither
            self.model.save_pretrained(save.staged)
            if hasattr(self.tokenizer, "save_pretrained"):
                self.tokenizer.save_pretrained(save.staged)

    def plot_loss(self, path: str | Path | None = None, **options: Any) -> Path:
        """Draw the log's losses, by default to loss.png in output_dir; see `mb.plot_loss`."""
        return plot_loss(self.log_history, path or self.output_dir / "loss.png", **options)

    def save_checkpoint(self) -> Path:
        """Write everything that resuming needs to output_dir/checkpoint-STEP, and remove what is too old."""
        folder = self._folder(self.global_step)
        checkpoints.write_folder(folder, self._write_checkpoint)
        self._saved_step = self.global_step
        if self.args.save_total_limit is not None:
            best = self.progress.best_step if self.args.load_best_model_at_end else None
            checkpoints.keep_newest(self.output_dir, self.args.save_total_limit, besides=best)
        return folder

    def _folder(self, step: int) -> Path:
        return self.output_dir / f"checkpoint-{step}"

    def _write_checkpoint(self, folder: Path) -> None:
        self.save_model(folder)
        self._run_state().save(folder)

    def _run_state(self) -> RunState:
        texts, dtype = len(self.train_dataset or ()), self.model.dtype.name
        same_run = {**self.args.same_run(), "texts": texts, "dtype": dtype}
        return RunState(
            self.model, self.optimizer, self.lr_scheduler, self.scaler, self.data_collator, self.progress, same_run
        )


def _checked(name: str, dataset: Any) -> Sequence[Mapping[str, Any]] | None:
    if dataset is not None and not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise InputError(
            f"{name} is a {type(dataset).__name__}: a sequence of features, such as a list, belongs there."
        )
    return dataset

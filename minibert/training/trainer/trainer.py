"""A small Trainer: the loop, and nothing hidden in it.

One step of the optimiser: collate the batches of the step; for each, forward with a trace and backward through
it; sum the gradients, weighted so that they are those of one large batch; clip; update; go on with the schedule.
Everything random comes from generators whose states stand in every checkpoint, so an interrupted run goes on with
bit-identical losses. A float16 model is trained with loss scaling. Not handled: several machines.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minibert.errors import InputError
from minibert.trace import Trace
from minibert.training.clipping import clip_grad_norm, global_norm
from minibert.training.collators import DataCollatorWithPadding, default_data_collator
from minibert.training.optimizers import AdamW
from minibert.training.schedules import LRSchedule, get_scheduler
from minibert.training.trainer import checkpoints as files
from minibert.training.trainer.arguments import TrainingArguments
from minibert.training.trainer.evaluation import EvalPrediction, Evaluator, collate
from minibert.training.trainer.interrupt import Interrupt
from minibert.training.trainer.log import JsonLines, Speed, as_json, progress_bar
from minibert.training.trainer.loss_scaling import LossScaler
from minibert.training.trainer.order import epoch_batches
from minibert.training.trainer.plot import LOG_FILE, plot_loss
from minibert.training.trainer.progress import Progress
from minibert.training.trainer.weighting import weighted_gradients

__all__ = ["EvalPrediction", "TrainOutput", "Trainer"]

Batch = dict[str, Any]
OnTrace = Callable[[int, int, Trace], None]


class TrainOutput(NamedTuple):
    """What `train` gives."""

    global_step: int
    training_loss: float  # the mean over all steps
    metrics: dict[str, float]


class Trainer:
    """Trains a model.

    Args:
        model: one of the task classes.
        args: see `TrainingArguments`.
        train_dataset, eval_dataset: sequences of features (a list of what the tokenizer gives).
        data_collator: features -> batch; by default pads with the tokenizer, or stacks without one.
        processing_class: the tokenizer; saved beside the model.
        compute_metrics: EvalPrediction -> {name: number}, logged as "eval_name".
        preprocess_logits_for_metrics: (logits, labels) -> what to keep of each batch, to save memory.
        optimizers: an optimiser and a schedule (a function of the optimiser, or made already) instead of AdamW's.
        on_log: called with every record of the log.
        on_trace: called with (step, number of the batch in the step, trace) after each forward pass; `trace_keep`
            then says what the traces keep besides what backward needs ("*.mask": the dropout masks).
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
        self._log: JsonLines | None = None
        self._order: tuple[int, list[list[int]]] | None = None  # an epoch and its batches

    @property
    def global_step(self) -> int:
        """How many steps of the optimiser are done."""
        return self.progress.global_step

    @property
    def log_history(self) -> list[dict[str, Any]]:
        """The records of the log."""
        return self.progress.log_history

    # the loop

    def train(self, resume_from_checkpoint: bool | str | Path | None = None) -> TrainOutput:
        """Train until the last step or early stopping.

        Ctrl-C ends the step, writes a checkpoint and raises KeyboardInterrupt; a second one stops at once.

        Args:
            resume_from_checkpoint: True for the last checkpoint in output_dir, or a checkpoint's folder.

        Raises:
            InputError: there is no data, nothing to resume from, an older run in output_dir, or the loss is no
                number any more.
        """
        if not self.train_dataset:
            raise InputError("the Trainer has no train_dataset: give it one to train on.")
        if self.args.eval_strategy != "no" and not self.eval_dataset:
            raise InputError(f"eval_strategy is {self.args.eval_strategy!r}, but the Trainer has no eval_dataset.")
        self.progress, self._log, self._order = Progress(), None, None
        steps = self._count_steps()
        self._create_optimizer(steps)
        self._train_mode()
        self._begin(resume_from_checkpoint)
        started, first = time.perf_counter(), self.global_step
        speed = Speed()
        with Interrupt() as interrupt, progress_bar(steps, first, self.args.disable_tqdm) as bar:
            while self.global_step < steps and not self.progress.stopped_early(self.args):
                with speed:
                    loss, norm = self._step(speed)
                bar.update()
                bar.set_postfix(loss=f"{loss:.4f}", **{"tokens/s": f"{speed.tokens / max(speed.seconds, 1e-9):.0f}"})
                self._after_step(norm, speed, steps)
                if interrupt.asked and self.global_step < steps:
                    self.save_checkpoint()
                    raise KeyboardInterrupt(f"stopped after step {self.global_step}, which is saved")
        self.model.eval()
        if self.args.load_best_model_at_end and self.progress.best_step is not None:
            files.load_weights(self.model, self._folder(self.progress.best_step))
        runtime = time.perf_counter() - started
        metrics = {"train_runtime": runtime, "train_steps_per_second": (self.global_step - first) / max(runtime, 1e-9)}
        return TrainOutput(self.global_step, self.progress.loss_sum / max(self.global_step, 1), metrics)

    def _count_steps(self) -> int:
        """How many steps the whole run has."""
        count = len(self.train_dataset or ())
        batches = math.ceil(count / self.args.per_device_train_batch_size)
        self.steps_per_epoch = math.ceil(batches / self.args.gradient_accumulation_steps)
        if self.args.max_steps > 0:
            return self.args.max_steps
        return max(1, math.ceil(self.args.num_train_epochs * self.steps_per_epoch))

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

    def _train_mode(self) -> None:
        if self.args.dropout:
            self.model.train(np.random.default_rng([self.args.seed, 0]))
        else:
            self.model.eval()

    def _step(self, speed: Speed) -> tuple[float, float]:
        """One step of the optimiser -> its loss, and the norm of its gradients before clipping."""
        batches = [collate(self.model, self.data_collator, rows) for rows in self._rows()]
        scaler = self.scaler if self.scaler.enabled else None
        loss, grads = weighted_gradients(self.model, batches, self.trace_keep, self._see_trace, scaler)
        if not math.isfinite(loss):
            raise InputError(
                f"the loss of step {self.global_step + 1} is {loss}: the weights are as they were before it; "
                "try a smaller learning_rate."
            )
        norm = 0.0
        if grads:  # none where no label counted in any batch
            limit = self.args.max_grad_norm
            norm = clip_grad_norm(grads, limit) if limit > 0 else global_norm(grads)
            if self.scaler.follow(not self.scaler.enabled or math.isfinite(norm)):
                self.optimizer.step(grads)
        self.lr_scheduler.step()
        self.progress.global_step += 1
        self.progress.loss_sum += loss
        speed.tokens += sum(_tokens(batch) for batch in batches)
        return loss, norm

    def _rows(self) -> list[list[Mapping[str, Any]]]:
        """The features of the coming step, one list a batch."""
        assert self.train_dataset is not None
        epoch, place = divmod(self.global_step, self.steps_per_epoch)
        if self._order is None or self._order[0] != epoch:
            seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
            lengths = [len(row["input_ids"]) for row in self.train_dataset] if self.args.group_by_length else None
            size = self.args.per_device_train_batch_size
            self._order = epoch, epoch_batches(len(self.train_dataset), size, seed, epoch, lengths)
        accumulated = self.args.gradient_accumulation_steps
        batches = self._order[1][place * accumulated : (place + 1) * accumulated]
        return [[self.train_dataset[i] for i in batch] for batch in batches]

    def _see_trace(self, number: int, trace: Trace) -> None:
        if self.on_trace is not None:
            self.on_trace(self.global_step, number, trace)

    # after a step: log, evaluate, save

    def _after_step(self, norm: float, speed: Speed, steps: int) -> None:
        args, last = self.args, self.global_step == steps
        if self._is_due(args.logging_strategy, args.logging_steps) or last:
            self._log_training(norm, speed)
        improved = False
        if self._is_due(args.eval_strategy, args.eval_steps or args.logging_steps):
            improved = self.progress.note_evaluation(self.evaluate(), args)
        due = self._is_due(args.save_strategy, args.save_steps) or (last and args.save_strategy != "no")
        if due or (improved and args.load_best_model_at_end):
            self.save_checkpoint()

    def _is_due(self, strategy: str, every: int) -> bool:
        unit = {"steps": every, "epoch": self.steps_per_epoch}.get(strategy)
        return unit is not None and self.global_step % unit == 0

    def _log_training(self, norm: float, speed: Speed) -> None:
        mean = self.progress.take_mean_loss()
        if mean is not None:
            rate = self.lr_scheduler.get_last_lr()[0]
            self._record(loss=mean, learning_rate=rate, grad_norm=norm, tokens_per_second=speed.take())

    def _record(self, **values: Any) -> None:
        epoch = round(self.global_step / self.steps_per_epoch, 4) if hasattr(self, "steps_per_epoch") else 0.0
        record = as_json({"step": self.global_step, "epoch": epoch, **values})
        self.log_history.append(record)
        if self._log is not None:
            self._log.write(record)
        if self.on_log is not None:
            self.on_log(record)

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
        self._record(**metrics)
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
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(folder)
        if hasattr(self.tokenizer, "save_pretrained"):
            self.tokenizer.save_pretrained(folder)

    def plot_loss(self, path: str | Path | None = None, **options: Any) -> Path:
        """Draw the log's losses, by default to loss.png in output_dir; see `mb.plot_loss`."""
        return plot_loss(self.log_history, path or self.output_dir / "loss.png", **options)

    def save_checkpoint(self) -> Path:
        """Write everything that resuming needs to output_dir/checkpoint-STEP, and remove what is too old."""
        folder = self._folder(self.global_step)
        files.write_folder(folder, self._write_checkpoint)
        if self.args.save_total_limit is not None:
            best = self.progress.best_step if self.args.load_best_model_at_end else None
            old = [path for path in files.checkpoints(self.output_dir) if files.step_of(path) != best]
            for path in old[: -self.args.save_total_limit]:
                files.remove_folder(path)
        return folder

    def _folder(self, step: int) -> Path:
        return self.output_dir / f"checkpoint-{step}"

    def _write_checkpoint(self, folder: Path) -> None:
        self.save_model(folder)
        files.save_state(folder, self.optimizer, self._state())

    def _state(self) -> dict[str, Any]:
        rng = self.model.parameters.rng
        draws = hasattr(self.data_collator, "state_dict")
        return {
            "format": 1,
            "same_run": self._same_run(),
            "progress": self.progress.state_dict(),
            "schedule": self.lr_scheduler.state_dict(),
            "loss_scale": self.scaler.state_dict(),
            "dropout_rng": None if rng is None else rng.bit_generator.state,
            "collator": self.data_collator.state_dict() if draws else None,
        }

    def _same_run(self) -> dict[str, Any]:
        return {**self.args.same_run(), "texts": len(self.train_dataset or ()), "dtype": self.model.dtype.name}

    def _begin(self, resume: bool | str | Path | None) -> None:
        """Make the output folder ready, and go on from a checkpoint if asked to."""
        self.output_dir.mkdir(parents=True, exist_ok=True)
        files.remove_leftovers(self.output_dir)
        if resume is None or resume is False:
            self._forget_older_run()
        else:
            self._resume(self._found(resume))
        self._log = JsonLines(self.output_dir / LOG_FILE, self.log_history)

    def _forget_older_run(self) -> None:
        older = files.checkpoints(self.output_dir)
        if older and not self.args.overwrite_output_dir:
            raise InputError(
                f"{self.output_dir} holds {older[-1].name} of an earlier run: train(resume_from_checkpoint=True) goes "
                "on with it, overwrite_output_dir=True removes it."
            )
        for path in older:
            files.remove_folder(path)

    def _found(self, resume: bool | str | Path) -> Path:
        found = files.last_checkpoint(self.output_dir) if isinstance(resume, bool) else Path(resume)
        if found is None:
            raise InputError(f"{self.output_dir} holds no checkpoint to resume from.")
        return found

    def _resume(self, folder: Path) -> None:
        """Take everything over from a checkpoint. Raises InputError if it is of another run."""
        state, optimizer = files.load_state(folder)
        own = self._same_run()
        for name, value in state.get("same_run", {}).items():
            if own.get(name) != value:
                raise InputError(f"{folder} is of a run with {name} {value!r}, and this one has {own.get(name)!r}.")
        files.load_weights(self.model, folder)
        self.optimizer.load_state_dict(optimizer)
        self.lr_scheduler.load_state_dict(state["schedule"])
        if "loss_scale" in state:
            self.scaler.load_state_dict(state["loss_scale"])
        if state["dropout_rng"] is not None:
            self.model.parameters.rng.bit_generator.state = state["dropout_rng"]
        if state["collator"] is not None:
            self.data_collator.load_state_dict(state["collator"])
        self.progress = Progress(**state["progress"])


def _checked(name: str, dataset: Any) -> Sequence[Mapping[str, Any]] | None:
    if dataset is not None and not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise InputError(
            f"{name} is a {type(dataset).__name__}: a sequence of features, such as a list, belongs there."
        )
    return dataset


def _tokens(batch: Batch) -> int:
    """How many tokens of the batch are no padding."""
    if "attention_mask" in batch:
        return int(np.asarray(batch["attention_mask"]).sum())
    return int(np.size(batch["input_ids"])) if "input_ids" in batch else int(np.prod(batch["inputs_embeds"].shape[:2]))

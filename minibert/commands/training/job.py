"""A run in parts: what a Trainer is made of.

Everything follows from the options, the data and the seed, so that the same options build the same run again; what
is learned before the first step (a vocabulary) is kept in the run's folder.
"""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import minibert as mb
from minibert.errors import InputError

Rows = list[dict[str, Any]]


class Job(NamedTuple):
    """What a Trainer is made of, and what to tell the user about it."""

    model: Any
    tokenizer: Any
    train: Rows
    held_out: Rows
    collator: Any
    metrics: Callable[[Any], dict[str, float]]
    notes: list[str]


# a name of TrainingArguments -> the option with the same value
_SAME = {
    "num_train_epochs": "epochs", "gradient_accumulation_steps": "gradient_accumulation",
    "learning_rate": "learning_rate", "weight_decay": "weight_decay", "max_grad_norm": "max_grad_norm",
    "lr_scheduler_type": "schedule", "warmup_ratio": "warmup_ratio", "seed": "seed",
}  # fmt: skip


def make_trainer(job: Job, options: dict[str, Any], folder: Path, on_log: Callable[..., None], quiet: bool) -> Any:
    """The Trainer of a job."""
    return mb.Trainer(
        job.model,
        _arguments(job, options, folder, quiet),
        job.train,
        job.held_out or None,
        job.collator,
        job.tokenizer,
        compute_metrics=job.metrics,
        preprocess_logits_for_metrics=lambda logits, _: logits.argmax(-1),
        on_log=on_log,
    )


def _arguments(job: Job, options: dict[str, Any], folder: Path, quiet: bool) -> Any:
    """How to train: the options, and ten logs, evaluations and saves of the whole run where nothing is said."""
    batch = _batch_size(options)
    tenth = max(1, _steps(len(job.train), batch, options) // 10)
    return mb.TrainingArguments(
        folder,
        **{name: options[option] for name, option in _SAME.items()},
        max_steps=options["max_steps"] or -1,
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=batch,
        group_by_length=True,
        logging_steps=options["log_every"] or tenth,
        eval_strategy="steps" if job.held_out else "no",
        eval_steps=options["eval_every"] or tenth,
        save_steps=options["save_every"] or min(tenth, 500),
        save_total_limit=1,
        load_best_model_at_end=bool(options["best"] and job.held_out),
        early_stopping_patience=options["patience"] if job.held_out else None,
        disable_tqdm=quiet,
    )


def _batch_size(options: dict[str, Any]) -> int:
    """Texts a batch: as said, or as many of the longest as have --batch-tokens tokens."""
    if options["batch_tokens"] is None:
        return options["batch_size"]
    return max(1, options["batch_tokens"] // options["max_length"])


def _steps(rows: int, batch: int, options: dict[str, Any]) -> int:
    """Steps of the optimiser in the whole run."""
    an_epoch = math.ceil(math.ceil(rows / batch) / options["gradient_accumulation"])
    return options["max_steps"] or max(1, math.ceil(options["epochs"] * an_epoch))


def split(examples: Sequence[Any], share: float, seed: int) -> tuple[list[Any], list[Any]]:
    """The examples, and a share of them held out, by a shuffle that follows from the seed."""
    if share == 0:
        return list(examples), []
    order = list(range(len(examples)))
    random.Random(seed).shuffle(order)
    count = max(1, round(len(examples) * share))
    if count >= len(examples):
        raise InputError(
            f"there is too little data: {len(examples)} in all, of which --eval-split {share} holds out {count}; give "
            "more, or --eval-split 0."
        )
    held_out = set(order[:count])
    return [each for i, each in enumerate(examples) if i not in held_out], [examples[i] for i in sorted(held_out)]

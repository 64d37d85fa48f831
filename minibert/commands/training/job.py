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


def make_trainer(job: Job, options: dict[str, Any], folder: Path, on_log: Callable[..., None], quiet: bool) -> Any:
    """The Trainer of a job."""
    batch = options["batch_size"]
    if options["batch_tokens"] is not None:
        batch = max(1, options["batch_tokens"] // options["max_length"])
    batches = math.ceil(math.ceil(len(job.train) / batch) / options["gradient_accumulation"])
    steps = options["max_steps"] or max(1, math.ceil(options["epochs"] * batches))
    tenth = max(1, steps // 10)
    evaluates = "steps" if job.held_out else "no"
    arguments = mb.TrainingArguments(
        folder,
        num_train_epochs=options["epochs"],
        max_steps=options["max_steps"] or -1,
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=batch,
        gradient_accumulation_steps=options["gradient_accumulation"],
        group_by_length=True,
        learning_rate=options["learning_rate"],
        weight_decay=options["weight_decay"],
        max_grad_norm=options["max_grad_norm"],
        lr_scheduler_type=options["schedule"],
        warmup_ratio=options["warmup_ratio"],
        logging_steps=options["log_every"] or tenth,
        eval_strategy=evaluates,
        eval_steps=options["eval_every"] or tenth,
        save_steps=options["save_every"] or min(tenth, 500),
        save_total_limit=1,
        load_best_model_at_end=bool(options["best"] and job.held_out),
        early_stopping_patience=options["patience"] if job.held_out else None,
        seed=options["seed"],
        disable_tqdm=quiet,
    )
    return mb.Trainer(
        job.model,
        arguments,
        job.train,
        job.held_out or None,
        job.collator,
        job.tokenizer,
        compute_metrics=job.metrics,
        preprocess_logits_for_metrics=lambda logits, _: logits.argmax(-1),
        on_log=on_log,
    )


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

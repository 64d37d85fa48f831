"""Pretrain a masked language model from text files, or fine-tune a checkpoint on labelled ones.

Everything a run needs is kept in its folder: Ctrl-C stops after the step at hand, and --resume goes on from there
with the same numbers as if it had not been stopped."""

import argparse
import math
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from minibert.commands.training.options import TASKS, Options, add_options, check_resumed, complete

_EXAMPLES = """files:
  fill-mask             .txt: a text a line (with --paragraphs, blank lines end
                        a text)
  text-classification   .tsv and .csv whose first line names the columns text
                        and label (and text_pair), or .jsonl with
                        {"text": ..., "label": ...} a line
  token-classification  .conll: a word and its label a line, blank lines between
                        sentences, or .jsonl with
                        {"tokens": [...], "labels": [...]} a line
  Without FILE, standard input is read, and kept in the folder of the run.

output:
  The log, and at the end the metrics on held-out data; a progress bar on a
  terminal. With --json one object a line: {"event": "start", "model",
  "parameters", "notes", "resumed_from"}, {"event": "log", "step", "epoch",
  "loss", ...} and {"event": "end", "model", "steps", "training_loss",
  "metrics", "seconds"}.

examples:
  minibert train --task fill-mask --output-dir runs/mine corpus.txt
  minibert train --task fill-mask --model tiny-bert --output-dir runs/further more.txt
  minibert train --task text-classification --model tiny-bert \\
      --output-dir runs/mood --epochs 5 mood.tsv
  minibert train --task token-classification --model tiny-bert \\
      --output-dir runs/names --eval-file dev.conll train.conll
  minibert train --resume --output-dir runs/mine
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert train`. None is an option that was not given."""
    parser.epilog = _EXAMPLES
    parser.add_argument("files", nargs="*", metavar="FILE", help="the data")
    parser.usage = "minibert train --task TASK --output-dir DIR [option ...] [FILE ...]"
    parser.add_argument("--task", choices=TASKS, metavar="TASK", help=f"what to train for: {', '.join(TASKS)}")
    parser.add_argument(
        "--output-dir", required=True, metavar="DIR", help="the folder of the run, where the model goes"
    )
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, evaluate, save; Ctrl-C saves and says how to go on."""
    from minibert.commands.training import folder as run_folder
    from minibert.commands.training.report import Report

    folder = Path(arguments.output_dir)
    if arguments.resume:
        check_resumed(arguments, folder / run_folder.RUN_FILE)
        options = run_folder.read_run(folder)
    else:
        options = complete(arguments)
        run_folder.prepare(folder, bool(arguments.overwrite))
    report = Report(bool(arguments.json))
    with run_folder.locked(folder):
        job, trainer = (_build if arguments.resume else _begin)(options, folder, report)
        try:
            _train(job, trainer, options, folder, report)
            return 0
        except KeyboardInterrupt as stop:
            again = f"minibert train --resume --output-dir {shlex.quote(str(folder))}"
            raise KeyboardInterrupt(f"{str(stop) or 'interrupted'}; go on with: {again}") from None


def _build(options: Options, folder: Path, report: Any) -> tuple[Any, Any]:
    """The parts of the run, and its Trainer."""
    from minibert.commands.training.fine_tuning import fine_tuning_job
    from minibert.commands.training.job import make_trainer
    from minibert.commands.training.pretraining import pretraining_job

    job = (pretraining_job if options["task"] == "fill-mask" else fine_tuning_job)(options, folder)
    return job, make_trainer(job, options, folder, report.log, report.quiet)


def _begin(options: Options, folder: Path, report: Any) -> tuple[Any, Any]:
    """The parts of a new run, which is written down; one whose options or data do not fit leaves nothing behind."""
    from minibert.commands.training.folder import abandon, write_run

    try:
        options["files"] = options["files"] or [_kept_input(folder, options)]
        made = _build(options, folder, report)
        write_run(folder, options)
        return made
    except BaseException:
        abandon(folder)
        raise


def _kept_input(folder: Path, options: Options) -> str:
    """Standard input, as a file in the run's folder. Raises InputError if there is none."""
    from minibert.commands.texts import read_standard_input
    from minibert.commands.training.data import TASK_FORMATS
    from minibert.errors import InputError

    text = "" if sys.stdin.isatty() else read_standard_input()
    if not text.strip():
        raise InputError("there is no data: give files after the options, or text on standard input.")
    path = folder / f"input.{options['format'] or TASK_FORMATS[options['task']][0]}"
    path.write_text(text, encoding="utf-8", newline="\n")
    return os.path.abspath(path)


def _train(job: Any, trainer: Any, options: Options, folder: Path, report: Any) -> None:
    from minibert.training.trainer.checkpoints import last_checkpoint

    last = last_checkpoint(folder)
    report.begin(job.model, job.notes, last)
    begun = time.perf_counter()
    result = trainer.train(resume_from_checkpoint=last is not None)
    metrics = _final_metrics(trainer, options) if job.held_out else {}
    trainer.save_model()
    report.end(folder, options["task"], result, metrics, time.perf_counter() - begun)


def _final_metrics(trainer: Any, options: Options) -> dict[str, float]:
    """The metrics of the weights that are saved; those of the last step, where they are these, are in the log."""
    last = trainer.log_history[-1] if trainer.log_history else {}
    found = {name: value for name, value in last.items() if name.startswith("eval_")}
    if options["best"] or last.get("step") != trainer.global_step or not found:
        found = trainer.evaluate()
    if options["task"] == "fill-mask" and found.get("eval_loss") is not None:
        found["eval_perplexity"] = math.exp(min(found["eval_loss"], 700.0))
    return found

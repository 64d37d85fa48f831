"""Pretrain a masked language model from text files, or fine-tune a checkpoint on labelled ones.

Everything a run needs is kept in its folder: Ctrl-C stops after the step at hand, and --resume goes on from there
with the same numbers as if it had not been stopped."""

import argparse
import json
import math
import shlex
import sys
import time
from pathlib import Path
from typing import Any

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
TASKS = ("fill-mask", "text-classification", "token-classification")
_SIZES = ("family", "config", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
          "dropout", "vocab_size", "cased")  # fmt: skip
# what an option is where it is not given; learning_rate is 1e-3 for new models and 5e-5 for checkpoints
DEFAULTS: dict[str, Any] = {
    "family": "bert", "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "dropout": 0.1,
    "vocab_size": 8000, "cased": False, "eval_split": 0.1, "paragraphs": False, "new_head": False, "epochs": 3.0,
    "batch_size": 16, "gradient_accumulation": 1, "weight_decay": 0.01, "max_grad_norm": 1.0, "warmup_ratio": 0.1,
    "schedule": "linear", "mlm_probability": 0.15, "seed": 0, "dtype": "float32", "best": False,
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert train`. None is an option that was not given."""
    parser.epilog = _EXAMPLES
    parser.add_argument("files", nargs="*", metavar="FILE", help="the data")
    parser.usage = "minibert train --task TASK --output-dir DIR [option ...] [FILE ...]"
    parser.add_argument("--task", choices=TASKS, metavar="TASK", help=f"what to train for: {', '.join(TASKS)}")
    parser.add_argument(
        "--output-dir", required=True, metavar="DIR", help="the folder of the run, where the model goes"
    )
    _group(
        parser,
        "the run",
        [
            ("--resume", {"action": "store_true", "help": "go on with the run in --output-dir; give nothing else"}),
            ("--overwrite", {"action": "store_true", "help": "remove an earlier run in --output-dir"}),
            ("--json", {"action": "store_true", "help": "print JSON objects, one a line"}),
        ],
    )
    _group(
        parser,
        "the model",
        [
            ("--model", {"metavar": "DIR_OR_NAME", "help": "go on from this checkpoint"}),
            ("--new-head", {"action": "store_true", "help": "with another head than the checkpoint's"}),
            ("--tokenizer", {"metavar": "DIR_OR_NAME", "help": "this tokenizer (default: the model's, or a new one)"}),
            ("--family", {"choices": ("bert", "roberta", "rembert"), "help": "of a new model (default: bert)"}),
            ("--config", {"metavar": "FILE", "help": "a config.json for a new model, instead of sizes"}),
            ("--hidden-size", {"type": int, "metavar": "N", "help": "of a new model (default: 128)"}),
            ("--num-hidden-layers", {"type": int, "metavar": "N", "help": "(default: 2)"}),
            ("--num-attention-heads", {"type": int, "metavar": "N", "help": "(default: 4)"}),
            ("--intermediate-size", {"type": int, "metavar": "N", "help": "(default: four times the hidden size)"}),
            ("--dropout", {"type": float, "metavar": "P", "help": "of a new model (default: 0.1)"}),
            ("--vocab-size", {"type": int, "metavar": "N", "help": "tokens to learn at most (default: 8000)"}),
            ("--cased", {"action": "store_true", "help": "keep the case of letters in a new BERT vocabulary"}),
        ],
    )
    _group(
        parser,
        "the data",
        [
            ("--eval-file", {"metavar": "FILE", "help": "data to evaluate on"}),
            ("--eval-split", {"type": float, "metavar": "SHARE", "help": "or hold this share out (default: 0.1)"}),
            (
                "--format",
                {"choices": ("txt", "tsv", "csv", "jsonl", "conll"), "help": "(default: by the file's ending)"},
            ),
            ("--paragraphs", {"action": "store_true", "help": "blank lines end a text, not every line"}),
            ("--text-column", {"metavar": "NAME", "help": "column or field of the text (default: text; tokens)"}),
            ("--pair-column", {"metavar": "NAME", "help": "of the second text (default: text_pair, if it is there)"}),
            ("--label-column", {"metavar": "NAME", "help": "of the label (default: label; labels)"}),
            ("--max-length", {"type": int, "metavar": "N", "help": "tokens of a text at most (default: 128)"}),
            ("--mlm-probability", {"type": float, "metavar": "P", "help": "share of hidden tokens (default: 0.15)"}),
        ],
    )
    _group(parser, "the training", [
        ("--epochs", {"type": float, "metavar": "N", "help": "times through the data (default: 3)"}),
        ("--max-steps", {"type": int, "metavar": "N", "help": "so many steps instead"}),
        ("--batch-size", {"type": int, "metavar": "N", "help": "texts a batch (default: 16)"}),
        ("--batch-tokens", {"type": int, "metavar": "N", "help": "or as many texts of --max-length as make N tokens"}),
        ("--gradient-accumulation", {"type": int, "metavar": "N", "help": "batches a step (default: 1)"}),
        ("--learning-rate", {"type": float, "metavar": "X", "help": "(default: 1e-3; 5e-5 from a checkpoint)"}),
        ("--weight-decay", {"type": float, "metavar": "X", "help": "(default: 0.01)"}),
        ("--max-grad-norm", {"type": float, "metavar": "X", "help": "clip gradients (default: 1; 0 does not)"}),
        ("--schedule", {"metavar": "NAME", "help": "of the learning rate: linear (default), cosine, constant, ..."}),
        ("--warmup-ratio", {"type": float, "metavar": "SHARE", "help": "of the steps (default: 0.1)"}),
        ("--seed", {"type": int, "metavar": "N", "help": "of weights, order, masks and dropout (default: 0)"}),
        ("--dtype", {"choices": ("float32", "float64"), "help": "(default: float32)"}),
        ("--device", {"metavar": "DEVICE", "help": "-1 or cpu for NumPy; 0, cuda or cupy for the GPU"}),
        ("--log-every", {"type": int, "metavar": "STEPS", "help": "(default: ten times in all)"}),
        ("--eval-every", {"type": int, "metavar": "STEPS", "help": "(default: ten times in all)"}),
        ("--save-every", {"type": int, "metavar": "STEPS", "help": "(default: ten times, and every 500 steps)"}),
        ("--best", {"action": "store_true", "help": "end with the weights of the best evaluation, not the last"}),
        ("--patience", {"type": int, "metavar": "N", "help": "stop after N evaluations in a row without a gain"}),
    ])  # fmt: skip


def _group(parser: argparse.ArgumentParser, title: str, arguments: list[tuple[str, dict[str, Any]]]) -> None:
    group = parser.add_argument_group(title)
    for name, options in arguments:
        group.add_argument(name, default=None, **options)


def run(arguments: argparse.Namespace) -> int:
    """Train, evaluate, save; Ctrl-C saves and says how to go on."""
    from minibert.commands.training import folder as place

    folder = Path(arguments.output_dir)
    if arguments.resume:
        options = _resumed_options(arguments, folder)
    else:
        options = _options(arguments)
        place.prepare(folder, bool(arguments.overwrite))
    with place.locked(folder):
        job, trainer = _prepared(options, folder, arguments)
        try:
            return _train(job, trainer, options, folder, bool(arguments.json))
        except KeyboardInterrupt as stop:
            again = f"minibert train --resume --output-dir {shlex.quote(str(folder))}"
            raise KeyboardInterrupt(f"{str(stop) or 'interrupted'}; go on with: {again}") from None


# options


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Every option by name, defaults filled in. Raises InputError where two contradict each other."""
    from minibert.commands.training.folder import absolute
    from minibert.errors import InputError

    given = {name: value for name, value in vars(arguments).items() if value is not None}
    if "task" not in given:
        raise InputError(f"--task is missing: give one of {', '.join(TASKS)}.")
    _check_together(given)
    rate = 5e-5 if "model" in given else 1e-3
    skipped = ("command", "run", "resume", "overwrite", "json", "output_dir")
    options = {name: None for name in vars(arguments) if name not in skipped} | DEFAULTS | {"learning_rate": rate}
    options |= {name: value for name, value in given.items() if name not in skipped}
    options["files"] = absolute(options["files"])
    for name in ("eval_file", "config"):
        options[name] = None if options[name] is None else absolute([options[name]])[0]
    for name in ("model", "tokenizer"):  # a folder means the same from every other folder
        if options[name] is not None and Path(options[name]).is_dir():
            options[name] = absolute([options[name]])[0]
    _check_values(options)
    return options


def _check_together(given: dict[str, Any]) -> None:
    from minibert.errors import InputError

    task = given["task"]
    if task != "fill-mask" and "model" not in given:
        raise InputError(f"{task} goes on from a checkpoint: give --model.")
    for name in _SIZES:
        if "model" in given and name in given:
            raise InputError(
                f"{_option(name)} is for new models, and --model goes on from a checkpoint: give one of them."
            )
    for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "dropout", "family"):
        if "config" in given and name in given:
            raise InputError(f"{_option(name)} is in the file that --config names: give one of them.")
    for name in ("vocab_size", "cased"):
        if "tokenizer" in given and name in given:
            raise InputError(f"{_option(name)} is for a tokenizer that is learned, and --tokenizer names one.")
    of_task = {"paragraphs": "fill-mask", "mlm_probability": "fill-mask", "pair_column": "text-classification"}
    for name, owner in of_task.items():
        if name in given and task != owner:
            raise InputError(f"{_option(name)} is an option of {owner}, not of {task}.")
    for name in ("new_head", "text_column", "label_column"):
        if name in given and task == "fill-mask":
            raise InputError(f"{_option(name)} is an option of text-classification and token-classification.")
    for one, other in (("eval_file", "eval_split"), ("max_steps", "epochs"), ("batch_size", "batch_tokens")):
        if one in given and other in given:
            raise InputError(f"{_option(one)} and {_option(other)} say the same thing in two ways: give one of them.")
    for name in ("best", "patience"):
        if name in given and given.get("eval_split") == 0:
            raise InputError(f"{_option(name)} needs data to evaluate on, and --eval-split is 0.")


def _check_values(options: dict[str, Any]) -> None:
    from minibert.errors import InputError
    from minibert.training.schedules import SCHEDULES

    for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
                 "max_length", "max_steps", "batch_size", "batch_tokens", "gradient_accumulation", "log_every",
                 "eval_every", "save_every", "patience"):  # fmt: skip
        if options[name] is not None and options[name] < 1:
            raise InputError(f"{_option(name)} is {options[name]}: a whole number of at least 1 belongs there.")
    for name in ("learning_rate", "epochs"):
        if not options[name] > 0:
            raise InputError(f"{_option(name)} is {options[name]}: a number above 0 belongs there.")
    if options["schedule"] not in SCHEDULES:
        raise InputError(f"--schedule is {options['schedule']!r}: choose one of {', '.join(SCHEDULES)}.")
    if not 0 <= options["eval_split"] < 1:
        raise InputError(
            f"--eval-split is {options['eval_split']}: a share of the data, from 0 to below 1, belongs there."
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _resumed_options(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from minibert.commands.training.folder import read_run
    from minibert.errors import InputError

    allowed = ("command", "run", "resume", "json", "output_dir")
    more = [name for name, value in vars(arguments).items() if value not in (None, []) and name not in allowed]
    if more:
        shown = "FILE" if more[0] == "files" else _option(more[0])
        raise InputError(f"--resume takes all options from {folder / 'run.json'}: leave out {shown}.")
    return read_run(folder)


def _kept_input(folder: Path, options: dict[str, Any]) -> str:
    """Standard input, as a file in the run's folder. Raises InputError if there is none."""
    from minibert.commands.texts import read_standard_input
    from minibert.commands.training.data import TASK_FORMATS
    from minibert.commands.training.folder import absolute
    from minibert.errors import InputError

    text = "" if sys.stdin.isatty() else read_standard_input()
    if not text.strip():
        raise InputError("there is no data: give files after the options, or text on standard input.")
    path = folder / f"input.{options['format'] or TASK_FORMATS[options['task']][0]}"
    path.write_text(text, encoding="utf-8", newline="\n")
    return absolute([str(path)])[0]


# the run


def _prepared(options: dict[str, Any], folder: Path, arguments: argparse.Namespace) -> tuple[Any, Any]:
    """The parts of the run and its Trainer. A new run whose options or data do not fit leaves nothing behind."""
    from minibert.commands.training.folder import abandon, write_run
    from minibert.commands.training.job import build, make_trainer

    as_json = bool(arguments.json)
    quiet = as_json or not sys.stderr.isatty()

    def make() -> tuple[Any, Any]:
        job = build(options, folder)
        return job, make_trainer(job, options, folder, lambda record: _show_record(record, as_json, quiet), quiet)

    if arguments.resume:
        return make()
    try:
        options["files"] = options["files"] or [_kept_input(folder, options)]
        made = make()
        write_run(folder, options)
        return made
    except BaseException:
        abandon(folder)
        raise


def _train(job: Any, trainer: Any, options: dict[str, Any], folder: Path, as_json: bool) -> int:
    from minibert.training.trainer.checkpoints import last_checkpoint

    last = last_checkpoint(folder)
    name, count = type(job.model).__name__, job.model.num_parameters()
    begin = {"event": "start", "model": name, "parameters": count, "notes": job.notes,
             "resumed_from": None if last is None else last.name}  # fmt: skip
    resumed = f", resumed from {last.name}" if last is not None else ""
    _say(begin, "\n".join([f"{name}, {count:,} parameters{resumed}", *job.notes]), as_json)
    begun = time.perf_counter()
    result = trainer.train(resume_from_checkpoint=last is not None)
    metrics = _final_metrics(trainer, options) if job.held_out else {}
    trainer.save_model()
    end = {"event": "end", "model": str(folder), "steps": result.global_step, "training_loss": result.training_loss,
           "metrics": metrics, "seconds": round(time.perf_counter() - begun, 1)}  # fmt: skip
    _say(end, _summary(end, options["task"]), as_json)
    return 0


def _final_metrics(trainer: Any, options: dict[str, Any]) -> dict[str, float]:
    """The metrics of the weights that are saved; those of the last step, where they are these, are in the log."""
    last = trainer.log_history[-1] if trainer.log_history else {}
    found = {name: value for name, value in last.items() if name.startswith("eval_")}
    if options["best"] or last.get("step") != trainer.global_step or not found:
        found = trainer.evaluate()
    if options["task"] == "fill-mask" and found.get("eval_loss") is not None:
        found["eval_perplexity"] = math.exp(min(found["eval_loss"], 700.0))
    return found


def _summary(end: dict[str, Any], task: str) -> str:
    from minibert.commands.layout import aligned, plural

    lines = [f"{plural(end['steps'], 'step')} in {end['seconds']} s, mean training loss {end['training_loss']:.4f}"]
    if end["metrics"]:
        lines += ["on held-out data:", *aligned([(name.removeprefix("eval_"), f"{value:.4f}")
                                                 for name, value in end["metrics"].items()], 80)]  # fmt: skip
    return "\n".join([*lines, f"minibert run --task {task} --model {shlex.quote(end['model'])} tries it."])


def _say(record: dict[str, Any], text: str, as_json: bool) -> None:
    print(json.dumps(record, ensure_ascii=False) if as_json else text, flush=True)


def _show_record(record: dict[str, Any], as_json: bool, quiet: bool) -> None:
    """A line of the log, above the progress bar if there is one."""
    if as_json:
        print(json.dumps({"event": "log", **record}), flush=True)
        return
    words = [f"{name.removeprefix('eval_').replace('_', ' ')} {_number(value)}" for name, value in record.items()
             if name not in ("step", "epoch", "grad_norm", "eval_majority_accuracy") and value is not None]  # fmt: skip
    kind = "held out  " if any(name.startswith("eval_") for name in record) else ""
    line = f"step {record['step']:<6}  {kind}{'  '.join(words)}"
    if quiet:
        print(line, flush=True)
    else:
        from tqdm import tqdm

        tqdm.write(line)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"

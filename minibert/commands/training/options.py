"""The options of `minibert train`, as data: what each is called, what it takes, and what it does not go with.

None is an option that was not given; `complete` fills the defaults in.
"""

import argparse
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from minibert.errors import InputError

TASKS = ("fill-mask", "text-classification", "token-classification")
LABELLED = TASKS[1:]
RATES = {"new": 1e-3, "checkpoint": 5e-5}  # learning rates of new models and of checkpoints

Options = dict[str, Any]  # by name, as in "hidden_size"


class Option(NamedTuple):
    """One option of the command."""

    flag: str
    help: str
    takes: dict[str, Any]  # the arguments of argparse that say what stands after it
    default: Any = None
    tasks: tuple[str, ...] = TASKS
    # what must not be given besides
    not_with: tuple[str, ...] = ()
    instead_of: str | None = None  # another option that says the same thing
    needs_held_out: bool = False
    least: int | None = None
    positive: bool = False

    @property
    def name(self) -> str:
        """--batch-size -> batch_size."""
        return self.flag.removeprefix("--").replace("-", "_")


def _switch(flag: str, text: str, default: Any = False, **rules: Any) -> Option:
    return Option(flag, text, {"action": "store_true"}, default, **rules)


def _text(flag: str, metavar: str, text: str, default: Any = None, **rules: Any) -> Option:
    return Option(flag, text, {"metavar": metavar}, default, **rules)


def _choice(flag: str, choices: tuple[str, ...], text: str, default: Any = None, **rules: Any) -> Option:
    return Option(flag, text, {"choices": choices}, default, **rules)


def _number(flag: str, metavar: str, text: str, default: Any = None, **rules: Any) -> Option:
    return Option(flag, text, {"type": float, "metavar": metavar}, default, **rules)


def _count(flag: str, text: str, default: Any = None, metavar: str = "N", **rules: Any) -> Option:
    return Option(flag, text, {"type": int, "metavar": metavar}, default, **{"least": 1, **rules})


# in `not_with`: these options describe something that is made, and those name one that is there already
_NEW_MODEL, _SIZES = ("model",), ("model", "config")

GROUPS: dict[str, tuple[Option, ...]] = {
    "the run": (
        _switch("--resume", "go on with the run in --output-dir; give nothing else"),
        _switch("--overwrite", "remove an earlier run in --output-dir"),
        _switch("--json", "print JSON objects, one a line"),
    ),
    "the model": (
        _text("--model", "DIR_OR_NAME", "go on from this checkpoint"),
        _switch("--new-head", "with another head than the checkpoint's", tasks=LABELLED),
        _text("--tokenizer", "DIR_OR_NAME", "this tokenizer (default: the model's, or a new one)"),
        _choice("--family", ("bert", "roberta", "rembert"), "of a new model (default: bert)", "bert", not_with=_SIZES),
        _text("--config", "FILE", "a config.json for a new model, instead of sizes", not_with=_NEW_MODEL),
        _count("--hidden-size", "of a new model (default: 128)", 128, not_with=_SIZES),
        _count("--num-hidden-layers", "(default: 2)", 2, not_with=_SIZES),
        _count("--num-attention-heads", "(default: 4)", 4, not_with=_SIZES),
        _count("--intermediate-size", "(default: four times the hidden size)", not_with=_SIZES),
        _number("--dropout", "P", "of a new model (default: 0.1)", 0.1, not_with=_SIZES),
        _count("--vocab-size", "tokens to learn at most (default: 8000)", 8000, not_with=("model", "tokenizer")),
        _switch("--cased", "keep the case of letters in a new BERT vocabulary", not_with=("model", "tokenizer")),
    ),
    "the data": (
        _text("--eval-file", "FILE", "data to evaluate on", instead_of="eval_split"),
        _number("--eval-split", "SHARE", "or hold this share out (default: 0.1)", 0.1),
        _choice("--format", ("txt", "tsv", "csv", "jsonl", "conll"), "(default: by the file's ending)"),
        _switch("--paragraphs", "blank lines end a text, not every line", tasks=("fill-mask",)),
        _text("--text-column", "NAME", "column or field of the text (default: text; tokens)", tasks=LABELLED),
        _text("--pair-column", "NAME", "of the second text (default: text_pair, if it is there)",
              tasks=("text-classification",)),
        _text("--label-column", "NAME", "of the label (default: label; labels)", tasks=LABELLED),
        _count("--max-length", "tokens of a text at most (default: 128)"),
        _number("--mlm-probability", "P", "share of hidden tokens (default: 0.15)", 0.15, tasks=("fill-mask",)),
    ),
    "the training": (
        _number("--epochs", "N", "times through the data (default: 3)", 3.0, positive=True),
        _count("--max-steps", "so many steps instead", instead_of="epochs"),
        _count("--batch-size", "texts a batch (default: 16)", 16, instead_of="batch_tokens"),
        _count("--batch-tokens", "or as many texts of --max-length as make N tokens"),
        _count("--gradient-accumulation", "batches a step (default: 1)", 1),
        _number("--learning-rate", "X", "(default: 1e-3; 5e-5 from a checkpoint)", positive=True),
        _number("--weight-decay", "X", "(default: 0.01)", 0.01),
        _number("--max-grad-norm", "X", "clip gradients (default: 1; 0 does not)", 1.0),
        _text("--schedule", "NAME", "of the learning rate: linear (default), cosine, constant, ...", "linear"),
        _number("--warmup-ratio", "SHARE", "of the steps (default: 0.1)", 0.1),
        _count("--seed", "of weights, order, masks and dropout (default: 0)", 0, least=0),
        _choice("--dtype", ("float32", "float64"), "(default: float32)", "float32"),
        _text("--device", "DEVICE", "-1 or cpu for NumPy; 0, cuda or cupy for the GPU"),
        _count("--log-every", "(default: ten times in all)", metavar="STEPS"),
        _count("--eval-every", "(default: ten times in all)", metavar="STEPS"),
        _count("--save-every", "(default: ten times, and every 500 steps)", metavar="STEPS"),
        _switch("--best", "end with the weights of the best evaluation, not the last", needs_held_out=True),
        _count("--patience", "stop after N evaluations in a row without a gain", needs_held_out=True),
    ),
}  # fmt: skip
# what is no setting of the run, and not kept with it
_OF_THE_CALL = ("command", "run", "resume", "overwrite", "json", "output_dir")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Every option of every group, with its help."""
    for title, options in GROUPS.items():
        group = parser.add_argument_group(title)
        for option in options:
            group.add_argument(option.flag, default=None, help=option.help, **option.takes)


def complete(arguments: argparse.Namespace) -> Options:
    """The settings of a new run by name, defaults filled in.

    Raises:
        InputError: one is missing, two contradict each other, or a value makes no sense.
    """
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    if "task" not in given:
        raise InputError(f"--task is missing: give one of {', '.join(TASKS)}.")
    _check_together(given)
    options = dict.fromkeys(vars(arguments))
    options |= {option.name: option.default for option in _all_options()}
    options["learning_rate"] = RATES["checkpoint" if "model" in given else "new"]
    options = {name: value for name, value in (options | given).items() if name not in _OF_THE_CALL}
    _check_values(options)
    return options | _absolute_paths(options)


def check_resumed(arguments: argparse.Namespace, run_file: Path) -> None:
    """Raise InputError for an option that is given besides --resume, which takes all from the run's file."""
    allowed = set(_OF_THE_CALL) - {"overwrite"}
    more = [name for name, value in vars(arguments).items() if value not in (None, []) and name not in allowed]
    if more:
        shown = "FILE" if more[0] == "files" else flag_of(more[0])
        raise InputError(f"--resume takes all options from {run_file}: leave out {shown}.")


def flag_of(name: str) -> str:
    """batch_size -> --batch-size."""
    return f"--{name.replace('_', '-')}"


def _all_options() -> Iterator[Option]:
    for options in GROUPS.values():
        yield from options


def _absolute_paths(options: Mapping[str, Any]) -> Options:
    """Paths that mean the same from every folder; a model or tokenizer may be a name too."""
    paths: Options = {"files": [os.path.abspath(file) for file in options["files"]]}
    named = [name for name in ("model", "tokenizer") if options[name] is not None and Path(options[name]).is_dir()]
    for name in ("eval_file", "config", *named):
        if options[name] is not None:
            paths[name] = os.path.abspath(options[name])
    return paths


# checks: each says what is wrong with an option, given the others


def _check_together(given: Mapping[str, Any]) -> None:
    """Raise InputError where two options contradict each other."""
    if given["task"] != "fill-mask" and "model" not in given:
        raise InputError(f"{given['task']} goes on from a checkpoint: give --model.")
    for wrong in (_wrong_company, _wrong_task, _said_twice, _not_held_out):
        for option in _all_options():
            reason = wrong(option, given) if option.name in given else None
            if reason is not None:
                raise InputError(reason)


def _wrong_company(option: Option, given: Mapping[str, Any]) -> str | None:
    reasons = {
        "model": "is for new models, and --model goes on from a checkpoint: give one of them.",
        "config": "is in the file that --config names: give one of them.",
        "tokenizer": "is for a tokenizer that is learned, and --tokenizer names one.",
    }
    return next((f"{option.flag} {reasons[other]}" for other in option.not_with if other in given), None)


def _wrong_task(option: Option, given: Mapping[str, Any]) -> str | None:
    if given["task"] in option.tasks:
        return None
    rest = f", not of {given['task']}" if len(option.tasks) == 1 else ""
    return f"{option.flag} is an option of {' and '.join(option.tasks)}{rest}."


def _said_twice(option: Option, given: Mapping[str, Any]) -> str | None:
    if option.instead_of is None or option.instead_of not in given:
        return None
    return f"{option.flag} and {flag_of(option.instead_of)} say the same thing in two ways: give one of them."


def _not_held_out(option: Option, given: Mapping[str, Any]) -> str | None:
    if not option.needs_held_out or given.get("eval_split") != 0:
        return None
    return f"{option.flag} needs data to evaluate on, and --eval-split is 0."


def _check_values(options: Mapping[str, Any]) -> None:
    """Raise InputError for a value that makes no sense."""
    from minibert.training.schedules import SCHEDULES

    for option in _all_options():
        value: Any = options.get(option.name)
        if option.least is not None and value is not None and value < option.least:
            raise InputError(f"{option.flag} is {value}: a whole number of at least {option.least} belongs there.")
        if option.positive and not value > 0:
            raise InputError(f"{option.flag} is {value}: a number above 0 belongs there.")
    if options["schedule"] not in SCHEDULES:
        raise InputError(f"--schedule is {options['schedule']!r}: choose one of {', '.join(SCHEDULES)}.")
    if not 0 <= options["eval_split"] < 1:
        raise InputError(
            f"--eval-split is {options['eval_split']}: a share of the data, from 0 to below 1, belongs there."
        )

"""The options of `minibert run` that belong to some tasks only, as data."""

import argparse
from typing import Any

from minibert.errors import InputError
from minibert.pipelines.tasks import TASKS

# option -> (the tasks that have it, argparse's arguments)
OPTIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "--top-k": (
        ("fill-mask", "text-classification", "question-answering", "next-sentence-prediction", "multiple-choice",
         "text-generation"),
        {"type": int, "metavar": "N", "help": "how many answers to give (text-generation: draw among so many tokens)"},
    ),
    "--why": (
        ("fill-mask",),
        {"action": "store_true", "default": None,
         "help": "show what an answer hangs on: each token, each layer, each head"},
    ),
    "--targets": (("fill-mask",), {"metavar": "WORD,WORD", "help": "compare only these words"}),
    "--aggregation-strategy": (
        ("token-classification",),
        {"choices": ("none", "simple", "first", "average", "max"), "help": "how tokens become entities"},
    ),
    "--stride": (("token-classification",), {"type": int, "metavar": "N", "help": "read long texts in parts"}),
    "--function-to-apply": (
        ("text-classification",), {"choices": ("sigmoid", "softmax", "none"), "help": "how logits become scores"},
    ),
    "--question": (("question-answering",), {"metavar": "TEXT", "help": "ask this of every context"}),
    "--doc-stride": (("question-answering",), {"type": int, "metavar": "N", "help": "overlap of a context's parts"}),
    "--max-answer-len": (("question-answering",), {"type": int, "metavar": "N", "help": "tokens of an answer at most"}),
    "--handle-impossible-answer": (
        ("question-answering",), {"action": "store_true", "default": None, "help": "there may be no answer"},
    ),
    "--pooling": (
        ("feature-extraction",),
        {"choices": ("mean", "cls", "pooler"), "help": "how tokens become one vector (default: mean)"},
    ),
    "--max-new-tokens": (("text-generation",), {"type": int, "metavar": "N", "help": "how much to generate"}),
    "--num-beams": (("text-generation",), {"type": int, "metavar": "N", "help": "beam search"}),
    "--do-sample": (("text-generation",), {"action": "store_true", "default": None, "help": "draw the tokens"}),
    "--temperature": (("text-generation",), {"type": float, "metavar": "X", "help": "flatter above 1"}),
    "--top-p": (("text-generation",), {"type": float, "metavar": "P", "help": "draw among the likeliest"}),
    "--seed": (("text-generation",), {"type": int, "metavar": "N", "help": "of the draws"}),
    "--truncation": (
        tuple(task for task in TASKS if task != "question-answering"),
        {"action": "store_true", "default": None, "help": "cut texts that are too long for the model"},
    ),
}  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    """Every option; where a single task has it, the help says which."""
    for flag, (tasks, takes) in OPTIONS.items():
        only = f" ({', '.join(tasks)})" if len(tasks) == 1 else ""
        parser.add_argument(flag, **{**takes, "help": takes["help"] + only})


def options_of(task: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The options of the task that were given. Raises InputError for one that belongs to other tasks."""
    given: dict[str, Any] = {}
    for option, (tasks, _) in OPTIONS.items():
        name = option.removeprefix("--").replace("-", "_")
        value = getattr(arguments, name)
        if value is None:
            continue
        if task not in tasks:
            raise InputError(f"{option} is an option of {', '.join(tasks)}, not of {task}.")
        given[name] = value.split(",") if name == "targets" else value
    given.pop("question", None)
    return given

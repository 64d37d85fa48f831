"""Run a model on text: every text, or line of standard input, gets the task's answer."""

import argparse
import json
import sys
from typing import Any

from minibert.commands.texts import read_texts
from minibert.pipelines.tasks import ALIASES, DEFAULT_MODELS, TASKS

_DEFAULTS = "\n".join(f"  {task:<26} {model}" for task, model in DEFAULT_MODELS.items())
_EXAMPLES = f"""inputs:
  Every TEXT, or every line of standard input, is one input. Where a task takes
  several texts, a tab is between them:
  next-sentence-prediction   first text<TAB>second text
                             (text-classification takes such pairs too)
  question-answering         question<TAB>context
                             (or contexts alone, with --question)
  multiple-choice            prompt<TAB>choice<TAB>choice...

models:
  without --model the task's own is taken, where one is shipped:
{_DEFAULTS}

output:
  A table; with --json one object a line, {{"input": ..., "output": ...}}, where
  output is what the pipeline gives in Python. feature-extraction gives one
  object instead: {{"texts", "embeddings", "cosine"}}.

examples:
  echo "The capital of France is [MASK]." | minibert run --task fill-mask --model tiny-bert
  minibert run --task ner "The dog chased a small cat."
  minibert run --task question-answering --model path/to/checkpoint --question "Where?" "I live in Berlin."
  minibert run --task feature-extraction --model path/to/checkpoint --json < lines.txt
"""

# option -> (the tasks that have it, argparse's arguments)
_OPTIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
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
_ON_A_PAGE = ("fill-mask", "text-classification", "token-classification")  # one text, one pass
# task -> the columns that are printed; "span" is start and end
_COLUMNS = {
    "fill-mask": ("score", "token_str", "sequence"),
    "text-classification": ("score", "label"),
    "token-classification": ("score", "entity", "span", "word"),
    "question-answering": ("score", "span", "answer"),
    "next-sentence-prediction": ("score", "label"),
    "multiple-choice": ("score", "choice"),
    "text-generation": ("generated_text",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert run`."""
    parser.epilog = _EXAMPLES
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="the texts; without any, the lines of standard input")
    parser.add_argument(
        "--task",
        choices=(*TASKS, *ALIASES),
        metavar="TASK",
        help=f"what to do with the texts (default: what the model is for): {', '.join((*TASKS, *ALIASES))}",
    )
    parser.add_argument(
        "--model", metavar="DIR_OR_NAME", help="a checkpoint: a folder, or a name (default: the task's, see below)"
    )
    parser.add_argument("--tokenizer", metavar="DIR_OR_NAME", help="another checkpoint's tokenizer")
    parser.add_argument("--device", metavar="DEVICE", help="-1 or cpu for NumPy; 0, cuda or cupy for the GPU")
    parser.add_argument("--dtype", choices=("float16", "float32", "float64", "auto"), help="(default: float32)")
    parser.add_argument("--batch-size", type=int, metavar="N", help="texts that the model gets at once (default: 16)")
    parser.add_argument("--allow-untrained", action="store_true", help="predict with a head that was never trained")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line: input and output")
    parser.add_argument("--page", metavar="FILE", help="also write the page of `minibert explore` for the one text")
    parser.add_argument("--open", action="store_true", help="show the page in a browser")
    for option, (tasks, arguments) in _OPTIONS.items():
        only = f" ({', '.join(tasks)})" if len(tasks) == 1 else ""
        parser.add_argument(option, **{**arguments, "help": arguments["help"] + only})


def run(arguments: argparse.Namespace) -> int:
    """Answer every text and print the answers."""
    from minibert.errors import InputError

    try:
        return _run(arguments)
    except InputError as error:  # an argument in Python is an option here
        raise InputError(str(error).replace("allow_untrained=True", "--allow-untrained")) from None


def _run(arguments: argparse.Namespace) -> int:
    from minibert.commands.why import explain, lines
    from minibert.pipelines.factory import pipeline

    texts = read_texts(arguments.texts)
    # sentence vectors by default: every token's is a lot of numbers for a terminal
    further = {} if arguments.pooling is None else {"pooling": arguments.pooling}
    answerer = pipeline(
        arguments.task,
        model=arguments.model,
        tokenizer=arguments.tokenizer,
        device=_device(arguments.device),
        dtype=arguments.dtype,
        batch_size=arguments.batch_size,
        allow_untrained=arguments.allow_untrained,
        **further,
    )
    task = answerer.task
    options = _task_options(task, arguments)
    why = explain if options.pop("why", False) else None
    if arguments.page or arguments.open:
        _check_page(task, texts)
    if task == "feature-extraction":
        return _embed(answerer, texts, {"pooling": "mean", **options}, arguments.json)
    inputs = [_read_input(task, text, arguments.question) for text in texts]
    # one list for all inputs: a list of one gives a bare answer in some tasks, as in transformers
    outputs = answerer(inputs, **options) if len(inputs) > 1 else [answerer(inputs[0], **options)]
    for i, (text, one, output) in enumerate(zip(texts, inputs, outputs, strict=True)):
        reasons = why(answerer, text) if why else None
        if arguments.json:
            further = {} if reasons is None else {"why": reasons}
            print(json.dumps({"input": one, "output": output, **further}, ensure_ascii=False))
            continue
        if len(texts) > 1:
            print("\n" * (i > 0) + text.replace("\t", " | "))
        print("\n".join(_lines(task, output) + lines(reasons or [])))
    if arguments.page or arguments.open:
        _write_page(answerer, texts[0], arguments)
    return 0


def _check_page(task: str, texts: list[str]) -> None:
    """Raises InputError where there is not one plain text to show."""
    from minibert.errors import InputError

    if task not in _ON_A_PAGE:
        raise InputError(f"--page is for {', '.join(_ON_A_PAGE)}, not for {task}: use minibert explore.")
    if len(texts) > 1:
        raise InputError(f"--page shows one text, and {len(texts)} were given.")


def _write_page(answerer: Any, text: str, arguments: argparse.Namespace) -> None:
    """The explorer's page of the text, in a browser if that is asked for."""
    from minibert.commands.explore import show
    from minibert.explorer import explore

    path = arguments.page or "page.html"
    first, _, second = text.partition("\t") if answerer.task == "text-classification" else (text, "", "")
    page = explore(answerer.model, answerer.tokenizer, first, path, pair=second or None, gradients=True)
    print(show(path, len(page.encode("utf-8")), arguments.open), file=sys.stderr if arguments.json else sys.stdout)


def _device(value: str | None) -> Any:
    return int(value) if value is not None and value.lstrip("-").isdigit() else value


def _task_options(task: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The options of the task that were given. Raises InputError for one that belongs to other tasks."""
    from minibert.errors import InputError

    given: dict[str, Any] = {}
    for option, (tasks, _) in _OPTIONS.items():
        name = option.removeprefix("--").replace("-", "_")
        value = getattr(arguments, name)
        if value is None:
            continue
        if task not in tasks:
            raise InputError(f"{option} is an option of {', '.join(tasks)}, not of {task}.")
        given[name] = value.split(",") if name == "targets" else value
    given.pop("question", None)
    return given


def _read_input(task: str, text: str, question: str | None) -> Any:
    """One line as the task's input; tabs separate its parts. Raises InputError where a part is missing."""
    from minibert.errors import InputError

    parts = text.split("\t")
    if task == "question-answering":
        if question is not None:
            return {"question": question, "context": text}
        if len(parts) < 2:
            raise InputError(
                "question-answering needs --question, or lines of the form question<TAB>context; "
                f"this one has no tab: {text[:60]!r}."
            )
        return {"question": parts[0], "context": " ".join(parts[1:])}
    if task == "multiple-choice":
        return {"prompt": parts[0], "choices": parts[1:]}
    if task in ("next-sentence-prediction", "text-classification") and len(parts) == 2:
        return {"text": parts[0], "text_pair": parts[1]}
    return text


def _embed(answerer: Any, texts: list[str], options: dict[str, Any], as_json: bool) -> int:
    """One vector a text, and how alike they are."""
    import numpy as np

    from minibert.pipelines.embeddings import similarity_table

    options["truncation"] = True  # the beginning of a long text stands for it
    vectors = np.stack(answerer(texts, **options, return_tensors=True))
    if as_json:
        answer = {"texts": texts, "embeddings": vectors.tolist(), "cosine": (vectors @ vectors.T).tolist()}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print(similarity_table(texts, vectors))
    return 0


def _lines(task: str, output: Any) -> list[str]:
    """An answer as lines of a table, the several masks of a text one after the other."""
    if isinstance(output, list) and output and isinstance(output[0], list):
        lines = []
        for i, part in enumerate(output):
            lines += [f"mask {i + 1}:", *_lines(task, part)]
        return lines
    rows = [output] if isinstance(output, dict) else output
    if not rows:
        return ["(nothing found)"]
    cells = [[_cell(row, name) for name in _COLUMNS[task]] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cell(row: dict[str, Any], name: str) -> str:
    if name == "span":
        return f"{row['start']}-{row['end']}"
    if name == "entity":
        return row.get("entity_group", row.get("entity", ""))
    value = row[name]
    return f"{value:.4f}" if isinstance(value, float) else str(value)

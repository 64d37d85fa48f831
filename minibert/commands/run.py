"""Run a model on text: every text, or line of standard input, gets the task's answer."""

import argparse
import json
import sys
from typing import Any

from minibert.commands.answering.options import add_options, options_of
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

_ON_A_PAGE = ("fill-mask", "text-classification", "token-classification")  # one text, one pass


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
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Answer every text and print the answers."""
    from minibert.errors import InputError

    try:
        return _run(arguments)
    except InputError as error:  # an argument in Python is an option here
        raise InputError(_in_options(str(error))) from None


_OPTIONS = {
    "allow_untrained=True": "--allow-untrained",
    "truncation=True": "--truncation",
    "stride=": "--stride N",
    "an aggregation_strategy": "an --aggregation-strategy",
    "model_kwargs={'is_decoder': True} reads": "model_kwargs={'is_decoder': True} in Python reads",
}


def _in_options(message: str) -> str:
    """What a pipeline says of its arguments, said of this command's options."""
    for argument, option in _OPTIONS.items():
        message = message.replace(argument, option)
    return message


def _run(arguments: argparse.Namespace) -> int:
    texts = read_texts(arguments.texts)
    answerer = _answerer(arguments)
    options = options_of(answerer.task, arguments)
    with_page = arguments.page or arguments.open
    if with_page:
        _check_page(answerer.task, texts)
    if answerer.task == "feature-extraction":
        _print_vectors(answerer, texts, {"pooling": "mean", **options}, arguments.json)
        return 0
    _print_answers(answerer, texts, options, arguments)
    if with_page:
        _write_page(answerer, texts[0], arguments)
    return 0


def _answerer(arguments: argparse.Namespace) -> Any:
    """The pipeline of the task."""
    from minibert.commands.device import parse_device
    from minibert.pipelines.factory import pipeline

    further = {} if arguments.pooling is None else {"pooling": arguments.pooling}
    return pipeline(
        arguments.task,
        model=arguments.model,
        tokenizer=arguments.tokenizer,
        device=parse_device(arguments.device),
        dtype=arguments.dtype,
        batch_size=arguments.batch_size,
        allow_untrained=arguments.allow_untrained,
        **further,
    )


def _print_answers(answerer: Any, texts: list[str], options: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Every text's answer, as a table or a JSON object."""
    from minibert.commands.answering import why
    from minibert.commands.answering.inputs import read_input
    from minibert.commands.answering.table import table_lines

    explains = options.pop("why", False)
    inputs = [read_input(answerer.task, text, arguments.question) for text in texts]
    # one list for all inputs: a list of one gives a bare answer in some tasks, as in transformers
    outputs = answerer(inputs, **options) if len(inputs) > 1 else [answerer(inputs[0], **options)]
    for i, (text, one, output) in enumerate(zip(texts, inputs, outputs, strict=True)):
        reasons = why.explain(answerer, text) if explains else []
        if arguments.json:
            further = {"why": reasons} if explains else {}
            print(json.dumps({"input": one, "output": output, **further}, ensure_ascii=False))
            continue
        if len(texts) > 1:
            print("\n" * (i > 0) + text.replace("\t", " | "))
        print("\n".join(table_lines(answerer.task, output) + why.lines(reasons)))


def _print_vectors(answerer: Any, texts: list[str], options: dict[str, Any], as_json: bool) -> None:
    """One vector a text (every token's would be a lot of numbers for a terminal), and how alike they are."""
    import numpy as np

    from minibert.pipelines.embeddings import similarity_table

    options["truncation"] = True  # the beginning of a long text stands for it
    vectors = np.stack(answerer(texts, **options, return_tensors=True))
    if as_json:
        answer = {"texts": texts, "embeddings": vectors.tolist(), "cosine": (vectors @ vectors.T).tolist()}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print(similarity_table(texts, vectors))


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

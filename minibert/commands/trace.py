"""Print every intermediate value of one text on its way through a model, by name."""

import argparse
import difflib
import json
import sys
from typing import Any

_EXAMPLES = """output:
  A walk through the pass; with --json one object a value and line: {"step",
  "name", "formula", "symbols", "shape", "dtype", "min", "max", "mean", "std",
  "masked", "first", "seconds", "edited"}, and "values" with --values; with
  --list --json {"name", "shape", "formula", "aliases"}.

examples:
  minibert trace tiny-bert "The capital of France is [MASK]." --only "*.layer.0.*probs"
  minibert trace tiny-bert "One text." "Another." --json --values > values.jsonl
  minibert trace tiny-bert --list
  minibert trace tiny-bert "Step by step." --step
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert trace`."""
    parser.epilog = _EXAMPLES
    parser.add_argument("model", metavar="MODEL", help="a checkpoint: a folder, or a name")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the text (--list needs none)")
    parser.add_argument("pair", nargs="?", metavar="SECOND_TEXT", help="the second text of a pair")
    parser.add_argument("--only", metavar="GLOB", default="*", help='names to show, such as "*.probs" (default: all)')
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--values", action="store_true", help="print the arrays too; with --json, whole")
    parser.add_argument("--json", action="store_true", help="print one JSON object a value")
    parser.add_argument("--list", action="store_true", help="list names, shapes and formulas without running the text")
    parser.add_argument("--step", action="store_true", help="stop at each value: Enter goes on, q ends, a GLOB runs on")


def run(arguments: argparse.Namespace) -> int:
    """Trace one call of the checkpoint's own class."""
    from minibert import AutoTokenizer
    from minibert.errors import InputError
    from minibert.models.auto import class_of_checkpoint

    model = class_of_checkpoint(arguments.model).from_pretrained(arguments.model, dtype=arguments.dtype)
    if arguments.list:
        _list(model, arguments)
        return 0
    if arguments.text is None:
        raise InputError("there is no text: give one after the model, or --list to see the names without running any.")
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    batch = dict(tokenizer(arguments.text, arguments.pair, return_tensors="np"))
    if arguments.step:
        return _step(model, batch, arguments.only)
    trace = _traced(model, batch, arguments.only)
    if arguments.json:
        for row in trace.table():
            values = {"values": trace[row["name"]].tolist()} if arguments.values else {}
            print(json.dumps({**row, **values}, ensure_ascii=False))
        return 0
    print("tokens:", " ".join(tokenizer.convert_ids_to_tokens(batch["input_ids"][0].tolist())))
    for row in trace.table():
        print(trace.show(row["name"]))
        if arguments.values:
            print(trace[row["name"]])
    return 0


def _traced(model: Any, batch: dict[str, Any], only: str) -> Any:
    """The trace of a pass. Raises InputError if it holds nothing of that name."""
    from minibert.errors import InputError
    from minibert.trace import Trace

    trace = Trace(only)
    model(**batch, trace=trace)
    if not len(trace):
        known = [*trace.points, *(alias for point in trace.points.values() for alias in point.aliases)]
        close = difflib.get_close_matches(only, known, n=3, cutoff=0.4)
        hint = f" (close names: {', '.join(close)})" if close else ""
        raise InputError(f"none of the {len(trace.points)} values is named {only!r}{hint}.")
    return trace


def _list(model: Any, arguments: argparse.Namespace) -> None:
    from fnmatch import fnmatchcase

    points = [point for point in model.trace_points() if fnmatchcase(point.name, arguments.only)]
    if arguments.json:
        for p in points:
            row = {"name": p.name, "shape": p.shape, "formula": p.formula, "aliases": list(p.aliases)}
            print(json.dumps(row, ensure_ascii=False))
        return
    for point in points:
        print(f"{point.name}  ({', '.join(point.shape.split())})  = {point.formula}")


def _step(model: Any, batch: dict[str, Any], only: str) -> int:
    from minibert.errors import TraceError
    from minibert.inspection.stepper import Stepper

    with Stepper(model, **batch) as stepper:
        pattern = only
        while True:
            try:
                step = stepper.to(pattern)
            except TraceError as error:
                print(error if pattern != only else "the pass is through.")
                return 0
            print(step)
            print("Enter: next, a GLOB: run to it, q: quit > ", end="", flush=True)
            answer = sys.stdin.readline()
            if not answer or answer.strip() == "q":
                return 0
            pattern = answer.strip() or only

"""Write the case ladder: packs from one token to ten training steps."""

import argparse
import json
import warnings
from pathlib import Path

from minibert.commands.golden_actions.model import load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert golden ladder`."""
    parser.add_argument("model", metavar="MODEL", help="a checkpoint: a folder, or a name in the local cache")
    parser.add_argument("folder", metavar="DIR", help="where the packs go")
    parser.add_argument("--class", dest="class_name", metavar="CLASS", help="default: what the checkpoint is of")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="default: float32")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Record every case of the ladder."""
    from minibert import AutoTokenizer, golden
    from minibert.errors import MinibertError

    model = load_model(arguments.model, arguments.class_name, arguments.dtype)
    try:
        tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    except MinibertError:  # a checkpoint without a vocabulary still has a ladder
        tokenizer = None
    name = Path(arguments.model).name
    warnings.filterwarnings("ignore", message=".*drawn anew from seed")  # every class has its step, trained or not
    paths = golden.record_ladder(
        model,
        arguments.folder,
        tokenizer,
        load=lambda made: load_model(arguments.model, made.__name__, arguments.dtype),
        command=f"minibert golden ladder {name}" + (f" --dtype {arguments.dtype}" if arguments.dtype else ""),
    )
    if arguments.json:
        made = {"folder": str(arguments.folder), "packs": [Path(path).name for path in paths]}
        print(json.dumps(made, ensure_ascii=False))
    else:
        print(f"{arguments.folder}: {len(paths)} packs, and ladder.json, which says what each can detect")
    return 0

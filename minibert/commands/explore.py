"""Write a page that shows one text on its way through a model, for the browser."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

_EXAMPLES = """output:
  The page's name and size; with --json one object: {"page", "bytes", "model"}.

examples:
  minibert explore tiny-bert "The capital of France is [MASK]." -o page.html
  minibert explore tiny-bert "A text." "A second one." --gradients --layers 0,1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert explore`."""
    parser.epilog = _EXAMPLES
    parser.add_argument("model", metavar="MODEL", help="a checkpoint: a folder, or a name")
    parser.add_argument("text", metavar="TEXT", help="the text; with a mask token, its predictions are shown")
    parser.add_argument("pair", nargs="?", metavar="SECOND_TEXT", help="the second text of a pair")
    parser.add_argument("-o", "--output", default="page.html", metavar="FILE", help="the page (default: page.html)")
    parser.add_argument("--layers", metavar="N,N,...", help="show these layers only, counted from 0")
    parser.add_argument("--places", metavar="N,N,...|all", help="predict at these tokens (default: the masked ones)")
    parser.add_argument("--top", type=int, default=8, metavar="N", help="predictions a layer (default: 8)")
    parser.add_argument("--gradients", action="store_true", help="record gradients and attributions too")
    parser.add_argument(
        "--integrated", type=int, default=0, metavar="STEPS", help="integrated gradients too, in so many steps"
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="(default: float32)")
    parser.add_argument("--open", action="store_true", help="show the page in a browser")
    parser.add_argument("--json", action="store_true", help="print where the page is as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write the page of the checkpoint's own class, and say where."""
    from minibert import AutoTokenizer
    from minibert.explorer import explore
    from minibert.models.auto import class_of_checkpoint

    layers = _numbers("--layers", arguments.layers)
    places: Any = arguments.places if arguments.places == "all" else _numbers("--places", arguments.places)
    model = class_of_checkpoint(arguments.model).from_pretrained(arguments.model, dtype=arguments.dtype)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    page = explore(
        model,
        tokenizer,
        arguments.text,
        arguments.output,
        pair=arguments.pair,
        layers=layers,
        places=places,
        top=arguments.top,
        gradients=arguments.gradients,
        integrated=arguments.integrated,
    )
    size = len(page.encode("utf-8"))
    said = show(arguments.output, size, arguments.open)
    found = {"page": arguments.output, "bytes": size, "model": arguments.model}
    print(json.dumps(found, ensure_ascii=False) if arguments.json else said)
    return 0


def show(path: str, size: int, in_browser: bool) -> str:
    """Open the page if that is asked for, and say where it is; without a browser it stays with saying so."""
    import webbrowser

    # without a screen a browser that runs in the terminal could take it over
    screen = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if in_browser and screen and webbrowser.open(Path(path).resolve().as_uri()):
        return f"{path}: {size / 1e6:.2f} MB, shown in the browser."
    return f"{path}: {size / 1e6:.2f} MB, open it in a browser."


def _numbers(option: str, text: str | None) -> list[int] | None:
    from minibert.errors import InputError

    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} takes numbers with commas between them, not {text!r}.") from None

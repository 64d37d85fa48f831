"""Compare arrays of a file with a pack."""

import argparse
import json
from pathlib import Path

from minibert.commands.golden_actions.model import load_model
from minibert.commands.golden_actions.report import add_report_arguments, print_reports


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert golden diff`."""
    parser.add_argument("golden", metavar="PACK", help="the golden pack")
    parser.add_argument("other", metavar="FILE", help="a pack, a .safetensors or an .npz file")
    parser.add_argument("--names", metavar="JSON", help="a file with {golden name: other name}; both may have *")
    parser.add_argument("--weights", metavar="MODEL", help="the checkpoint: with it more mistakes can be named")
    parser.add_argument("--partial", action=argparse.BooleanOptionalAction, help="whether names may be missing")
    add_report_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare the file; gives 0, or 3 where something differs."""
    from minibert import golden

    pack = golden.open_pack(arguments.golden)
    weights = None
    if arguments.weights is not None:
        weights = load_model(arguments.weights, pack.manifest["model"]["class"], None)
    report = golden.diff(
        pack,
        arguments.other,
        names=None if arguments.names is None else _read_names(arguments.names),
        partial=arguments.partial,
        only=arguments.only,
        multiple=arguments.multiple,
        precision=arguments.precision,
        weights=weights,
    )
    return print_reports([report], arguments)


def _read_names(path: str) -> dict[str, str]:
    from minibert.golden.errors import GoldenError

    try:
        names = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as reason:
        raise GoldenError(f"{path} cannot be read as a JSON file of names: {reason}.") from None
    if not isinstance(names, dict) or not all(isinstance(each, str) for each in names.values()):
        raise GoldenError(f"{path} is no map of names: an object of golden name to other name belongs there.")
    return names

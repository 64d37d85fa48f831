"""Run a model and compare it with a pack, or a folder of them."""

import argparse
from pathlib import Path

from minibert.commands.golden_actions.model import load_model
from minibert.commands.golden_actions.report import add_report_arguments, print_reports


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert golden check`."""
    parser.add_argument("pack", metavar="PACK", help="a golden pack, or a folder of them")
    parser.add_argument("model", metavar="MODEL", help="a checkpoint; its class is the pack's")
    parser.add_argument("--isolated", action="store_true", help="feed every step golden inputs: one mistake, one line")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="of the model; default: float32")
    add_report_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check the model; gives 0, or 3 where something differs."""
    from minibert import golden
    from minibert.errors import InputError

    path = Path(arguments.pack)
    packs = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not packs:
        raise InputError(f"{path} holds no golden pack.")
    if len(packs) > 1 and arguments.format == "junit":
        raise InputError("JUnit XML is for one pack at a time: check them one by one.")
    reports = []
    for each in packs:
        pack = golden.open_pack(each)
        model = load_model(arguments.model, pack.manifest["model"]["class"], arguments.dtype)
        mode = "isolated" if arguments.isolated and pack.manifest.get("training") is None else "propagated"
        reports.append(
            golden.check(
                pack, model, mode=mode, only=arguments.only, multiple=arguments.multiple, precision=arguments.precision
            )
        )
    return print_reports(reports, arguments)

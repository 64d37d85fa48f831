"""Reports of comparisons: how they are asked for, and how they are printed."""

import argparse
from pathlib import Path
from typing import Any

DIFFERS = 3  # the exit code where something differs
FORMATS = ("text", "json", "markdown", "junit")


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """What is compared, how closely, and in which form that is said."""
    parser.add_argument("--only", action="append", metavar="GLOB", help="compare just these tensors; may be repeated")
    parser.add_argument("--multiple", type=float, default=16.0, help="the tolerance, in noise floors (default: 16)")
    parser.add_argument(
        "--precision", choices=("float64", "float32", "tf32", "float16", "bfloat16"), help="what the other computes in"
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report there as well")


def print_reports(reports: list[Any], arguments: argparse.Namespace) -> int:
    """Print reports, and write them to --output; gives the exit code."""
    from minibert.golden.errors import GoldenError

    if arguments.format == "json" and len(reports) > 1:
        text = "[" + ",\n".join(report.format("json") for report in reports) + "]"
    else:
        text = "\n\n".join(report.format(arguments.format) for report in reports)
    print(text)
    if arguments.output is not None:
        try:
            Path(arguments.output).write_text(text + "\n", encoding="utf-8")
        except OSError as reason:
            raise GoldenError(f"{arguments.output} cannot be written: {reason.strerror}.") from None
    return 0 if all(report.ok for report in reports) else DIFFERS

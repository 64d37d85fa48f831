"""Small runs of `minibert train`."""

from pathlib import Path
from typing import Any

from minibert.cli import main, parser
from minibert.commands.training.options import complete

SMALL = ("--hidden-size", "16", "--vocab-size", "300", "--batch-size", "4", "--max-length", "24")
STEPS = ("--max-steps", "4", "--save-every", "2", "--log-every", "2", "--eval-every", "2")


def train(output: Path, *arguments: str) -> int:
    """The exit code of `minibert train` with these arguments."""
    return main(["train", "--output-dir", str(output), *arguments])


def moods(path: Path, rows: int = 40) -> str:
    """Texts whose class stands in one word."""
    lines = [f"The {('river', 'dog')[i % 2]} number {i}\t{('calm', 'wild')[i % 2]}" for i in range(rows)]
    path.write_text("\n".join(["text\tlabel", *lines, ""]))
    return str(path)


def tagged(path: Path, sentences: int = 12) -> str:
    """Sentences whose names are marked."""
    sentence = "My\tO\nname\tO\nis\tO\nWolfgang\tB-PER\nO'Neill\tI-PER\n.\tO\n"
    path.write_text("-DOCSTART- O\n\n" + "\n".join([sentence] * sentences))
    return str(path)


def options_of(*arguments: str) -> dict[str, Any]:
    """The options of a run with these arguments, defaults filled in."""
    return complete(parser("train").parse_args(["train", "--output-dir", "run", *arguments]))

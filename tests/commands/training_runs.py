"""Small runs of `minibert train`."""

from pathlib import Path

from minibert.cli import main

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

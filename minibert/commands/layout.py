"""How commands lay text out: aligned rows as wide as the terminal, sizes and counts as words."""

import shutil
import textwrap
from collections.abc import Sequence

_INDENT = "  "


def terminal_width() -> int:
    """Columns to write in: the terminal's, 80 where there is none, and no more than 120."""
    return min(shutil.get_terminal_size().columns, 120)


def aligned(rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Rows of a name and words as lines; words wrap in their own column, never inside a word."""
    column = max(len(name) for name, _ in rows) + 2
    lines = []
    for name, words in rows:
        room = max(width - len(_INDENT) - column, 20)
        parts = textwrap.wrap(words, room, break_long_words=False, break_on_hyphens=False) or [""]
        lines.append(f"{_INDENT}{name:<{column}}{parts[0]}".rstrip())
        lines += [f"{_INDENT}{'':<{column}}{part}" for part in parts[1:]]
    return lines


def size_text(count: float) -> str:
    """Bytes as a reader has them: powers of 1000, three digits.

    >>> [size_text(n) for n in (17, 4096, 438_000_000, 2.5e9)]
    ['17 B', '4.1 kB', '438 MB', '2.5 GB']
    """
    units = ["B", "kB", "MB", "GB", "TB"]
    while count >= 999.5 and len(units) > 1:
        count /= 1000
        del units[0]
    return f"{count:.0f} {units[0]}" if count >= 99.95 or units[0] == "B" else f"{count:.1f} {units[0]}"


def plural(count: int, word: str) -> str:
    """
    >>> plural(1, "thread"), plural(2, "thread")
    ('1 thread', '2 threads')
    """
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"

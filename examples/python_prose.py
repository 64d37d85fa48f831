"""A small English corpus that every Python carries: its language reference and the docstrings of its library.

Read from the Python that runs this, so nothing of it is copied into the repository; the text is under the PSF
licence. Another version of Python has a slightly different text.
"""

import ast
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

_SKIPPED = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "pydoc_data", "__pycache__"}


def python_prose() -> list[str]:
    """Different paragraphs of prose, in a fixed order."""
    from pydoc_data.topics import topics

    paragraphs: dict[str, None] = {}
    for text in [*(topics[name] for name in sorted(topics)), *_docstrings()]:
        for paragraph in re.split(r"\n\s*\n", text):
            joined = " ".join(paragraph.split())
            if _is_prose(joined):
                paragraphs[joined] = None
    return list(paragraphs)


def _docstrings() -> Iterator[str]:
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(library.rglob("*.py")):
        if _SKIPPED & set(path.relative_to(library).parts):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node)
                if text:
                    yield text


def _is_prose(text: str) -> bool:
    """At least six words, mostly letters, that begin like a sentence and are no example session."""
    if len(text.split()) < 6 or ">>>" in text or not re.match(r"[A-Z\"*]", text):
        return False
    return sum(char.isalpha() or char == " " for char in text) / len(text) > 0.85

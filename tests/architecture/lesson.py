"""The lesson: the files that a learner reads, and how to walk over what they define."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "minibert"

LESSON = (
    "functional/*.py",
    *(
        f"models/{name}.py"
        for name in (
            "module", "embeddings", "attention", "relative_positions", "layer", "encoder", "pooler", "heads", "losses",
            "bert", "roberta", "rembert",
        )
    ),
    "tokenizers/bert.py",
    "tokenizers/roberta.py",
    "tokenizers/rembert.py",
    "tokenizers/stages/*.py",
    *(f"training/{name}.py" for name in ("adamw", "sgd", "schedules", "masking", "next_sentence")),
)  # fmt: skip


def lesson_files() -> list[Path]:
    """Every file of the lesson; a pattern that finds none is a mistake of this list."""
    files: list[Path] = []
    for pattern in LESSON:
        found = sorted(PACKAGE.glob(pattern))
        assert found, f"the lesson names minibert/{pattern}, which is not there"
        files += [path for path in found if path.name != "__init__.py"]
    return files


@dataclass(frozen=True)
class Function:
    """A function or method of the lesson."""

    file: Path
    name: str
    owner: tuple[str, ...]  # the classes around it
    node: ast.FunctionDef

    @property
    def place(self) -> str:
        """Where it stands, for a message."""
        return f"{self.file.relative_to(ROOT)}:{self.node.lineno} {'.'.join((*self.owner, self.name))}"


def functions(file: Path) -> Iterator[Function]:
    """All functions and methods of a file, in its order."""
    yield from _functions(file, ast.parse(file.read_text(encoding="utf-8")).body, ())


def _functions(file: Path, body: list[ast.stmt], owner: tuple[str, ...]) -> Iterator[Function]:
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield Function(file, node.name, owner, node)
        elif isinstance(node, ast.ClassDef):
            yield from _functions(file, node.body, (*owner, node.name))


def code_lines(node: ast.FunctionDef) -> int:
    """The lines of a body that hold code: without the signature, the docstring, comments and blank lines."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    held: set[int] = set()
    for statement in body:
        for part in ast.walk(statement):
            if isinstance(part, ast.expr | ast.stmt) and hasattr(part, "lineno"):
                held |= {part.lineno, part.end_lineno or part.lineno}
    return len(held)

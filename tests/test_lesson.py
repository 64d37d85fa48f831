"""The lesson's files read as the papers do: no word of speed, functions that fit a screen, backward under forward."""

import ast
import re
from pathlib import Path

import pytest

import minibert as mb

PACKAGE = Path(mb.__file__).parent
LESSON = [
    *sorted(PACKAGE.glob("functional/*.py")),
    *(PACKAGE / "models" / f"{name}.py" for name in (
        "module", "embeddings", "attention", "relative_positions", "layer", "encoder", "pooler", "heads", "losses",
        "bert", "roberta", "rembert",
    )),
]  # fmt: skip
PRIMITIVES = [path for path in LESSON if path.parent.name == "functional"]
OF_SPEED = re.compile(r"\b(fused?|usable|float16|spare|scratch)\b|is not np\b")
MOST_LINES = 25


def functions(path: Path) -> list[list[ast.FunctionDef]]:
    """The functions of a file, and the methods of each class, in order."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bodies = [tree.body, *(each.body for each in tree.body if isinstance(each, ast.ClassDef))]
    return [[each for each in body if isinstance(each, ast.FunctionDef)] for body in bodies]


def code_lines(function: ast.FunctionDef, text: list[str]) -> int:
    """Lines of a body without its docstring, comments and blank lines."""
    first = function.body[0]
    described = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = first.end_lineno if described else first.lineno - 1
    lines = [line.strip() for line in text[start : function.end_lineno]]
    return sum(bool(line) and not line.startswith("#") for line in lines)


@pytest.mark.parametrize("path", LESSON, ids=lambda path: path.stem)
def test_no_word_of_speed(path: Path) -> None:
    found = [line for line in path.read_text(encoding="utf-8").splitlines() if OF_SPEED.search(line)]
    assert not found


@pytest.mark.parametrize("path", LESSON, ids=lambda path: path.stem)
def test_functions_fit_a_screen(path: Path) -> None:
    text = path.read_text(encoding="utf-8").splitlines()
    long = [each.name for body in functions(path) for each in body if code_lines(each, text) > MOST_LINES]
    assert not long


@pytest.mark.parametrize("path", LESSON, ids=lambda path: path.stem)
def test_a_backward_stands_under_its_forward(path: Path) -> None:
    for body in functions(path):
        names = [each.name for each in body]
        for place, name in enumerate(names):
            forward = "forward" if name == "backward" else name.removesuffix("_backward")
            if forward != name and forward in names:
                assert names[place - 1] == forward, name


@pytest.mark.parametrize("path", PRIMITIVES, ids=lambda path: path.stem)
def test_what_goes_in_and_comes_out_is_told(path: Path) -> None:
    """The docstring of a primitive on arrays has its shapes, and an arrow between them."""
    for function in functions(path)[0]:
        first = function.args.args[0].annotation if function.args.args else None
        if function.name[0] != "_" and isinstance(first, ast.Name) and first.id == "Array":
            assert "->" in (ast.get_docstring(function) or ""), function.name

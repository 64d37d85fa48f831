"""CONTRIBUTING's map: each sentence of the papers is found where the table says, short and alone; folders exist."""

import ast
import re

import pytest

from tests.architecture.lesson import PACKAGE, ROOT, code_lines, lesson_files
from tests.architecture.test_lesson import FOREIGN, LONGEST

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROWS = [
    (sentence.strip(), file, name)
    for sentence, cell in re.findall(r"^\| ([^|]+)\| (\[.*)\|$", CONTRIBUTING, flags=re.MULTILINE)
    for file, names in re.findall(r"\[[^]]+\]\(([^)]+)\)((?: ?,? ?`[\w.]+`)+)", cell)
    for name in re.findall(r"`([\w.]+)`", names)
]


def find(file: str, name: str) -> ast.AST | None:
    """The function or class of this dotted name in a file."""
    node: ast.AST | None = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    for part in name.split("."):
        inside = [
            each
            for each in getattr(node, "body", [])
            if isinstance(each, ast.FunctionDef | ast.ClassDef) and each.name == part
        ]
        node = inside[0] if inside else None
    return node


def test_the_table_has_the_twelve_sentences() -> None:
    assert len({sentence for sentence, _, _ in ROWS}) == 12


@pytest.mark.parametrize(("sentence", "file", "name"), ROWS)
def test_a_sentence_stands_where_the_table_says(sentence: str, file: str, name: str) -> None:
    node = find(file, name)
    assert node is not None, f"{sentence}: {file} has no {name}"
    assert ROOT / file in lesson_files(), f"{file} is not of the lesson"
    text = ast.get_source_segment((ROOT / file).read_text(encoding="utf-8"), node) or ""
    assert not FOREIGN.search(text)
    if isinstance(node, ast.FunctionDef):
        assert code_lines(node) <= LONGEST


def test_the_map_names_what_is_there() -> None:
    block = re.search(r"^minibert/\n(.*?)^tests/ ", CONTRIBUTING, flags=re.MULTILINE | re.DOTALL)
    assert block is not None
    named = set(re.findall(r"\b([a-z_]+(?:/|\.py))", block[1]))
    folders = [path.name for path in PACKAGE.iterdir() if path.is_dir()]
    there = {f"{name}/" for name in folders if name not in ("__pycache__", "shipped")}
    there |= {path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}
    there |= {path.name for path in (PACKAGE / "models").glob("*.py") if not path.name.startswith("__")}
    assert there <= named, f"the map does not name {sorted(there - named)}"
    everywhere = there | {path.name + ("/" if path.is_dir() else "") for path in PACKAGE.rglob("*")}
    assert named <= everywhere, f"the map names {sorted(named - everywhere)}, which are not there"

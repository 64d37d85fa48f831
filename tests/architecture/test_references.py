"""What the documents and docstrings point to is there: links, files, and names of the package."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.lesson import PACKAGE, ROOT

WITH_DOCUMENTS = ("docs", "tutorials", "recipes", "weights", "tokenizers")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for folder in WITH_DOCUMENTS for path in (ROOT / folder).rglob("*.md"))])
SOURCES = sorted(
    path
    for folder in ("minibert", "tests", "tutorials", "recipes", "examples", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "shipped" not in path.parts
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
OUTSIDE = re.compile(r"^(https?:|mailto:|#)")
FOLDERS = "minibert|tests|docs|tutorials|recipes|examples|benchmarks"
ENDINGS = "py|md|ipynb|cu|cuh|json|safetensors|png"
FILE = re.compile(rf"(?<![\w/.-])((?:{FOLDERS})/[\w/-]+(?:\.[a-z]+)?\.(?:{ENDINGS}))\b")
SIBLING = re.compile(r"`([\w/]+\.py)`")
NAME = re.compile(r"`(minibert(?:\.\w+)+)(?:\(|`)")
KEYS = {"minibert.golden.sha256"}  # of a pack's metadata


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [target for target in LINK.findall(text) if not OUTSIDE.match(target)]
    missing = [target for target in targets if not (document.parent / target.split("#")[0]).exists()]
    assert not missing


@pytest.mark.parametrize("path", [*DOCUMENTS, *SOURCES], ids=name_of)
def test_files_and_names_that_are_named_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    missing = [named for named in FILE.findall(text) if not (ROOT / named).exists()]
    missing += [name for name in NAME.findall(text) if name not in KEYS and not resolves(name)]
    if PACKAGE in path.parents:
        missing += [each for each in SIBLING.findall(text) if not stands_near(path, each)]
    assert not missing


def stands_near(path: Path, named: str) -> bool:
    """Whether a file that a docstring names stands beside it, or in a folder around it."""
    return any((folder / named).exists() for folder in path.parents if ROOT in (folder, *folder.parents))


def resolves(name: str) -> bool:
    """Whether a dotted name is a module of the package, or an attribute of one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False

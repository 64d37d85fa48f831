"""The lesson's own text: nothing about speed or devices, short functions, backward under forward, shapes shown."""

import ast
import re
from itertools import pairwise

import pytest

from tests.architecture.lesson import ROOT, Function, code_lines, functions, lesson_files

# what belongs to other forms of a step, which attach themselves from above
FOREIGN = re.compile(r"\b(fused?|fuses|usable|float16|spare|scratch)\b|is not np\b")
LONGEST = 25

FILES = lesson_files()
FUNCTIONS = [function for file in FILES for function in functions(file)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "minibert")))
def test_the_lesson_knows_no_speed_and_no_device(file) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [f"{i}: {line.strip()}" for i, line in enumerate(lines, 1) if FOREIGN.search(line)]
    assert not found, "\n".join(found)


def test_no_function_of_the_lesson_is_long() -> None:
    long = [f"{each.place}: {code_lines(each.node)} lines" for each in FUNCTIONS if code_lines(each.node) > LONGEST]
    assert not long, "\n".join(long)


def test_a_backward_stands_directly_under_its_forward() -> None:
    wrong = []
    for file in FILES:
        of_file = [each for each in FUNCTIONS if each.file == file]
        names = {(each.owner, each.name) for each in of_file}
        for before, after in pairwise([None, *of_file]):
            forward = forward_of(after)
            if forward is None or (after.owner, forward) not in names:
                continue
            if before is None or (before.owner, before.name) != (after.owner, forward):
                wrong.append(f"{after.place} does not stand under {forward}")
    assert not wrong, "\n".join(wrong)


def forward_of(function: Function | None) -> str | None:
    """The name of what this is the backward of, or None."""
    assert function is not None
    if function.name == "backward":
        return "forward"
    return function.name.removesuffix("_backward") if function.name.endswith("_backward") else None


def test_docstrings_of_array_functions_show_shapes() -> None:
    without = [
        each.place
        for each in FUNCTIONS
        if not each.name.startswith("_") and gives_arrays(each) and "->" not in (ast.get_docstring(each.node) or "")
    ]
    assert not without, "\n".join(without)


def gives_arrays(function: Function) -> bool:
    """Whether a function takes an array and gives one back, by its annotations."""
    node = function.node
    if node.returns is None or "Array" not in ast.unparse(node.returns):
        return False
    return any(
        arg.annotation is not None and re.search(r"\bArray\b", ast.unparse(arg.annotation)) for arg in node.args.args
    )

"""Every warning of minibert's has a kind, so that a program can silence or catch it alone."""

import ast
from pathlib import Path

import pytest

import minibert as mb
from minibert import errors
from tests import small_checkpoints

KINDS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Warning)}


def test_every_call_of_warn_names_a_kind() -> None:
    calls = []
    for path in Path(mb.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "warnings.warn":
                calls.append((path.name, ast.unparse(node.args[1]) if len(node.args) > 1 else ""))
    assert len(calls) > 5
    assert [(name, kind) for name, kind in calls if kind not in KINDS - {"MinibertWarning"}] == []


def test_one_kind_is_caught_alone() -> None:
    tokenizer = small_checkpoints.tokenizer("bert")
    pipe = mb.pipeline("fill-mask", model=small_checkpoints.model("bert", "ForMaskedLM"), tokenizer=tokenizer)
    with pytest.warns(mb.InputWarning, match="gives no token|is not in the vocabulary|pieces"):
        pipe("The quick [MASK].", targets=["the", "incomprehensible"])
    assert issubclass(mb.InputWarning, mb.MinibertWarning)
    assert issubclass(mb.MinibertWarning, UserWarning)

"""Every public name shows itself at work: its docstring has an example, which the doctests of minibert/ run."""

import inspect
from pathlib import Path
from types import ModuleType

import pytest

import minibert
from minibert import functional, golden

PACKAGE = Path(minibert.__file__).parent


def public(module: ModuleType) -> list[str]:
    """The public names of a module that stand for something to call: no exceptions, no tables."""
    things = {name: getattr(module, name) for name in module.__all__}
    return [
        name
        for name, thing in things.items()
        if callable(thing) and not (isinstance(thing, type) and issubclass(thing, Exception))
    ]


@pytest.mark.parametrize("module", [minibert, functional, golden], ids=lambda module: module.__name__)
def test_every_public_name_has_an_example(module: ModuleType) -> None:
    names = public(module)
    assert len(names) > 10
    assert [name for name in names if ">>>" not in (inspect.getdoc(getattr(module, name)) or "")] == []


def test_what_an_example_skips_needs_a_library_that_is_not_required() -> None:
    skipped = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "+SKIP" in line
    ]
    assert {line.partition(":")[0] for line in skipped} <= {
        "explorer/pictures.py",  # matplotlib
        "golden/recording/reference.py",  # torch, transformers
        "training/trainer/plot.py",  # matplotlib
    }

"""The list of exercises, one by its name, and the page that names them all."""

import doctest
import re
from pathlib import Path

import pytest

import minibert as mb


def test_the_listing() -> None:
    names = mb.exercises()
    assert names[:5] == ["wordpiece", "bpe_merge", "bpe_train", "viterbi", "offsets"]
    assert len(set(names)) == len(names) == 26
    assert "layer_norm              f(x, gamma, beta, eps)" in repr(names)
    with pytest.raises(mb.InputError, match=re.escape("no exercise 'atention' (did you mean 'attention'?)")):
        mb.exercise("atention")
    with pytest.raises(mb.InputError, match=r"no exercise 'xyz': minibert\.exercises\(\) lists them"):
        mb.exercise("xyz")


def test_every_name_gives_its_exercise() -> None:
    assert [mb.exercise(name).name for name in mb.exercises()] == mb.exercises()


def test_the_page() -> None:
    page = Path(mb.__file__).resolve().parents[1] / "docs" / "exercises.md"
    options = doctest.NORMALIZE_WHITESPACE
    results = doctest.testfile(str(page), module_relative=False, optionflags=options, encoding="utf-8")
    assert results.attempted == 7
    assert results.failed == 0
    assert all(f"`{name}`" in page.read_text(encoding="utf-8") for name in mb.exercises())

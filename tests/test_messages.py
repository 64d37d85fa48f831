"""What messages show of values, paths and names: all of what is short, and the ends of what is long."""

from pathlib import PurePosixPath

import pytest

from minibert.messages import listed, quoted, shown


@pytest.mark.parametrize(("length", "shown"), [(78, 80), (79, 80), (500, 80), (1, 3)])
def test_values_are_cut_to_fit_a_message(length, shown):
    text = quoted("x" * length)
    assert len(text) == shown
    assert text.endswith("...") == (length > 78)
    assert text.startswith("'x")


@pytest.mark.parametrize(("count", "end"), [(0, "nothing"), (1, "0"), (8, "6, 7"), (9, "6, 7 and 1 more")])
def test_lists_are_cut_to_fit_a_message(count, end):
    assert listed([str(number) for number in range(count)]).endswith(end)


def test_values_are_shortened():
    assert quoted("a" * 3000) == "'" + "a" * 76 + "..."
    assert quoted(b"a" * 3000) == "b'" + "a" * 75 + "..."
    assert quoted(list(range(3000))).endswith("...")
    assert len(quoted(list(range(3000)))) == 80
    assert quoted("\x1b[31m") == r"'\x1b[31m'"
    assert quoted(10**5000) == "a number of thousands of digits"
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert len(quoted(deep)) <= 80


def test_paths_and_names_are_shortened():
    assert shown("a" * 300) == "a" * 300
    assert shown("a" * 150 + "b" * 200) == "a" * 148 + "..." + "b" * 149
    assert listed(["a" * 81, "b" * 80]) == "a" * 77 + "..., " + "b" * 80


def test_a_path_is_shown_as_its_text() -> None:
    assert quoted(PurePosixPath("weights/model.safetensors")) == "'weights/model.safetensors'"
    assert shown(PurePosixPath("weights/model.safetensors")) == "weights/model.safetensors"


def test_more_names_are_counted() -> None:
    assert listed(["a", "b", "c", "d"], limit=2) == "a, b and 2 more"
    assert listed([]) == "nothing"

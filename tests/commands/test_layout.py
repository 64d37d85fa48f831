"""Rows as wide as the terminal, sizes and counts as words."""

import os
import shutil

import pytest

from minibert.commands.layout import aligned, plural, size_text, terminal_width

ROWS = [("one", "a few words that need more than one line"), ("longer name", "https://example.org/a/b-c-d-e-f-g-h")]


def test_words_start_in_one_column_and_wrap_in_it() -> None:
    lines = aligned(ROWS, 40)
    assert lines == [
        "  one          a few words that need",
        "               more than one line",
        "  longer name  https://example.org/a/b-c-d-e-f-g-h",
    ]


def test_a_wide_terminal_needs_no_wrapping() -> None:
    assert len(aligned(ROWS, 120)) == len(ROWS)


def test_a_very_narrow_terminal_leaves_twenty_columns_for_words() -> None:
    words = [line[15:] for line in aligned([*ROWS[:1], ("longer name", "x")], 1)]
    assert max(map(len, words)) <= 20
    assert " ".join(words) == f"{ROWS[0][1]} x"


def test_a_name_without_words_has_no_blank_at_its_end() -> None:
    assert aligned([("none", "")], 80) == ["  none"]


@pytest.mark.parametrize(("columns", "width"), [(60, 60), (120, 120), (300, 120)])
def test_the_width_is_the_terminals_up_to_120(columns: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((columns, 24)))
    assert terminal_width() == width


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_940, "99.9 kB"), (99_960, "100 kB"), (999_499, "999 kB"),
     (999_500, "1.0 MB"), (2.5e9, "2.5 GB"), (3e12, "3.0 TB"), (4e15, "4000 TB")],
)  # fmt: skip
def test_sizes_have_three_digits_at_most(count: float, text: str) -> None:
    assert size_text(count) == text


def test_one_is_singular() -> None:
    assert [plural(count, "layer") for count in (0, 1, 2, 1234)] == ["0 layers", "1 layer", "2 layers", "1,234 layers"]

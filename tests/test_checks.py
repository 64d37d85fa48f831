"""Checks of plain values: what fits passes, and anything else is one sentence with the name and the value."""

import enum
import re
from typing import Any

import numpy as np
import pytest

from minibert.checks import check_choice, check_count, check_number, check_text
from minibert.errors import InputError


def refusal(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 1 - 1e-9, 1e308])
def test_numbers(value: float) -> None:
    check_number("p", value)
    check_number("p", min(value, 0.5), lower=0.0, below=1.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1", None, [1], 10**400])
def test_what_is_no_number(value: Any) -> None:
    assert re.fullmatch(r"p is .*: a number belongs there\.", refusal(lambda: check_number("p", value)))


def test_numbers_out_of_bounds() -> None:
    assert refusal(lambda: check_number("p", -0.1, lower=0.0)) == "p is -0.1: a number of at least 0 belongs there."
    assert refusal(lambda: check_number("p", 1.0, below=1.0)) == "p is 1.0: a number below 1 belongs there."
    both = "p is 1.0: a number of at least 0 and below 1 belongs there."
    assert refusal(lambda: check_number("p", 1.0, lower=0.0, below=1.0)) == both


@pytest.mark.parametrize("value", [1, 7, np.int64(7), 2**63 - 1])
def test_counts(value: Any) -> None:
    counted = check_count("top_k", value)
    assert counted == value
    assert type(counted) is int


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "3", None, np.array([2])])
def test_what_is_no_count(value: Any) -> None:
    assert refusal(lambda: check_count("top_k", value)).endswith(": an integer of 1 or more belongs there.")


def test_counts_out_of_bounds() -> None:
    assert check_count("start", 0, least=0) == 0
    assert refusal(lambda: check_count("k", 2, least=3)) == "k is 2: an integer of 3 or more belongs there."
    assert refusal(lambda: check_count("k", 2**63)) == f"k is {2**63}: an integer of 64 bits belongs there."


class Pooling(enum.Enum):
    MEAN = "mean"


def test_choices() -> None:
    assert check_choice("pooling", "cls", ["mean", "cls"]) == "cls"
    assert check_choice("pooling", Pooling.MEAN, ["mean", "cls"]) == "mean"
    given = refusal(lambda: check_choice("pooling", "max", (name for name in ("mean", "cls"))))
    assert given == "pooling is 'max': choose one of mean, cls."


def test_texts() -> None:
    assert check_text("snow") == "snow"
    assert refusal(lambda: check_text(b"snow")) == "the input is a bytes: a text (str) belongs there."
    assert refusal(lambda: check_text(3, "the label")) == "the label is a int: a text (str) belongs there."

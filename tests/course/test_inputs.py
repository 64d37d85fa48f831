"""Inputs show themselves as a table, as text and in a notebook; each in a line."""

import numpy as np
import pytest

import minibert as mb
from minibert.course.inputs import Inputs, value_text
from tests.course.pictures import Boxes


def test_a_dict_of_arrays_has_a_row_for_each() -> None:
    inputs = Inputs({"weights": {"query": np.zeros((2, 3))}, "heads": 2}, {"N": 2})
    assert repr(inputs).splitlines() == [
        "weights    dict of 1 arrays",
        '  "query"  (2, 3) float64',
        "heads      2",
    ]
    assert inputs.sizes == {"N": 2}
    assert dict(inputs)["heads"] == 2


def test_the_table_of_a_notebook() -> None:
    assert Boxes(mb.exercise("gelu").inputs._repr_html_()).text == "x(2, 3, 5) float64"
    hostile = Inputs({"<b>": "<script>"}, {})._repr_html_()
    assert "<script>" not in hostile
    assert Boxes(hostile).text == "<b>'<script>'"


def described(x):
    """What x becomes."""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array([[1, 0], [1, 1]]), "(2, 2) int64 [[1, 0], [1, 1]]"),
        (np.zeros(25, dtype=np.int64), "(25,) int64"),
        (np.zeros(2), "(2,) float64"),
        (described, "a function: What x becomes."),
        ("a" * 98, repr("a" * 98)),
        ("a" * 99, "'" + "a" * 98 + "…"),
    ],
)
def test_a_value_takes_a_line(value: object, text: str) -> None:
    assert value_text(value) == text

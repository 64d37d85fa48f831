"""What counts as the same: numbers within rounding, hidden scores as hidden, everything else exactly."""

import numpy as np
import pytest

from minibert.course import comparing
from minibert.course.comparing import differences, distance, plain, same, same_input, same_within_its_dtype

RIGHT = np.array([[1.0, -2.0], [300.0, 0.5]])


def test_numbers_are_the_same_within_rounding_of_the_largest() -> None:
    largest = np.abs(RIGHT).max()
    assert same(RIGHT + 0.5 * comparing.TOLERANCE * largest, RIGHT)
    assert not same(RIGHT + 2 * comparing.TOLERANCE * largest, RIGHT)
    assert same(RIGHT.tolist(), RIGHT)
    assert not same(RIGHT[None], RIGHT)
    assert not same("text", RIGHT)


def test_integers_and_truth_values_are_compared_exactly() -> None:
    right = np.array([10**9, 1])
    assert same(right.copy(), right)
    assert not same(np.array([10**9, 2]), right)
    assert same(np.array([True, False]), np.array([True, False]))


def test_what_is_no_array_is_compared_as_python_would() -> None:
    assert same(("a", np.int64(3)), ["a", 3])
    assert not same(["a", "b"], ["b", "a"])
    assert plain(np.array([[1, 2]])) == [[1, 2]]


def test_float32_is_asked_for_what_it_can_hold() -> None:
    narrow = RIGHT + 1e-6 * np.abs(RIGHT).max()
    assert not same(narrow.astype(np.float32), RIGHT)
    assert same_within_its_dtype(narrow.astype(np.float32), RIGHT)
    assert not same_within_its_dtype(narrow, RIGHT)
    assert not same_within_its_dtype((RIGHT * 1.001).astype(np.float32), RIGHT)


@pytest.mark.parametrize("hidden", [-1e4, -1e9, float(np.finfo(np.float32).min), -np.inf])
def test_a_score_is_hidden_by_any_large_negative_number(hidden: float) -> None:
    right, own = np.array([1.0, -1e9]), np.array([1.0, hidden])
    assert distance(own, right) == 0.0
    assert distance(np.array([hidden, hidden]), right) == np.inf
    assert distance(np.array([1.0, -100.0]), right) == np.inf


def test_nan_equals_nan_alone() -> None:
    right = np.array([1.0, np.nan])
    assert distance(right, right) == 0.0
    assert distance(np.array([1.0, 2.0]), right) == np.inf
    assert distance(right, np.array([1.0, 2.0])) == np.inf
    assert distance(np.array([np.inf, 1.0]), np.array([-np.inf, 1.0])) == np.inf


def test_differences_by_place() -> None:
    value, right = np.array([1.0, np.nan, -1e9, 4.0]), np.array([1.5, np.nan, -1e4, -1e9])
    assert differences(value, right).tolist() == [0.5, 0.0, 0.0, np.inf]
    assert differences(np.array([np.nan]), np.array([1.0])).tolist() == [np.inf]


def test_an_input_is_what_it_was() -> None:
    before = {"x": np.array([1.0, np.nan]), "vocab": {"a": 1}}
    assert same_input({"x": np.array([1.0, np.nan]), "vocab": {"a": 1}}, before)
    assert not same_input({"x": np.array([1.0, 2.0]), "vocab": {"a": 1}}, before)
    assert not same_input({"x": before["x"], "vocab": {"a": 1, "b": 2}}, before)
    assert not same_input([1.0], np.array([1.0]))
    assert same_input(len, len)

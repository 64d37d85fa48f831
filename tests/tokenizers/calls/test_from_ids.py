"""Calls that start from ids."""

import numpy as np
import pytest

from minibert.errors import InputError
from minibert.tokenizers.calls.from_ids import as_list, collected, sequences_of, truncate_ids


def test_ids_of_any_kind():
    assert as_list(np.array([[1, 2]])) == [[1, 2]]
    assert as_list((1, np.int64(2), [3])) == [1, 2, [3]]
    assert as_list(np.int64(4)) == 4
    for wrong in ("a", b"a", {"a": 1}, 1.5, None):
        with pytest.raises(InputError, match=f"not {type(wrong).__name__}"):
            as_list(wrong)
    assert [sequence.ids for sequence in sequences_of((1,), np.array([2]))] == [[1], [2]]


@pytest.mark.parametrize(
    ("side", "expected"), [("right", ([1, 2], [4, 5], [2, 3, 5, 6])), ("left", ([2, 3], [5, 6], [1, 2, 4, 5]))]
)
def test_what_is_cut_off_comes_with_the_stride(side, expected):
    assert truncate_ids([1, 2, 3], [4, 5, 6], 2, "longest_first", 1, side, False) == expected


def test_more_than_there_is():
    with pytest.raises(InputError, match="4 tokens were to be removed, but there are 3"):
        truncate_ids([1, 2, 3], None, 4, "longest_first", 0, "right", False)


def test_what_calls_returned():
    assert collected([{"input_ids": np.array([1])}, {"input_ids": (2,)}]) == {"input_ids": [[1], [2]]}
    with pytest.raises(InputError, match="a non-empty list of dicts"):
        collected([])
    with pytest.raises(InputError, match="includes 'input_ids', but you provided"):
        collected({"labels": [1]})

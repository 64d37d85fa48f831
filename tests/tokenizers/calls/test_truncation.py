"""Which tokens stay, by lengths alone."""

from itertools import pairwise

import pytest

from minibert.errors import InputError
from minibert.tokenizers.calls.truncation import first_window, kept_lengths, window_pairs, windows


def test_equal_halves_give_the_second_the_odd_token():
    assert kept_lengths(5, 5, 5) == (2, 3)
    assert kept_lengths(6, 5, 5) == (3, 2)
    assert kept_lengths(2, 9, 6) == (2, 4)
    assert kept_lengths(9, 2, 6) == (4, 2)
    assert kept_lengths(9, 2, 6, google=True) == (4, 2)
    assert kept_lengths(4, 4, 5, google=True) == (3, 2)


def test_a_sequence_to_cut_keeps_at_least_one_token():
    assert kept_lengths(4, 4, 5, "only_first") == (1, 4)
    assert kept_lengths(4, 4, 5, "only_second") == (4, 1)
    for strategy in ("only_first", "only_second"):
        with pytest.raises(InputError, match=f"4 tokens must go with '{strategy}', and that sequence has 4"):
            kept_lengths(4, 4, 4, strategy)


def test_the_first_window_is_what_truncation_keeps():
    for size in range(12):
        for width in range(14):
            for stride in range(max(width, 1)):
                for side in ("left", "right"):
                    assert first_window(size, width, stride, side) == windows(size, width, stride, side)[0]


def test_windows_overlap_by_the_stride_and_reach_the_end():
    for size, width, stride in ((10, 4, 0), (10, 4, 1), (10, 4, 3), (9, 4, 2), (8, 4, 0)):
        found = windows(size, width, stride)
        assert found[0] == (0, width)
        assert found[-1][1] == size
        assert all(second[0] == first[0] + width - stride for first, second in pairwise(found))
        assert all(end < size for _, end in found[:-1])
        assert windows(size, width, stride, "left") == [(size - end, size - start) for start, end in found]


def test_a_stride_as_wide_as_the_window_is_refused():
    for function in (first_window, windows):
        with pytest.raises(InputError, match="stride of 4 tokens must be less than the 4 tokens"):
            function(10, 4, 4)
        assert function(3, 4, 4) in ((0, 3), [(0, 3)])  # nothing is cut


def test_pairs_of_windows():
    assert window_pairs([(0, 2)], None) == [((0, 2), None)]
    assert window_pairs([(0, 2), (2, 4)], [(0, 1)]) == [((0, 2), (0, 1)), ((2, 4), (0, 1))]

"""Rows of one length."""

import pytest

from minibert.errors import InputError
from minibert.tokenizers.calls.padding import PadValues, check_side, pad_columns, pad_list, padded_length


def test_lengths():
    assert [padded_length(*case) for case in ((5, None, 8), (8, None, 8), (9, 4, None), (0, None, 0))] == [8, 8, 4, 0]


def test_every_column_has_its_filler():
    columns = {
        "input_ids": [[7]], "token_type_ids": [[1]], "attention_mask": [[1]], "special_tokens_mask": [[0]],
        "offset_mapping": [[(0, 3)]], "word_ids": [[0]], "sequence_ids": [[0]], "labels": [[7]],
    }  # fmt: skip
    pad_columns(columns, 2, PadValues(9, 4), "left")
    assert columns == {
        "input_ids": [[9, 7]], "token_type_ids": [[4, 1]], "attention_mask": [[0, 1]], "special_tokens_mask": [[1, 0]],
        "offset_mapping": [[(0, 0), (0, 3)]], "word_ids": [[None, 0]], "sequence_ids": [[None, 0]], "labels": [[7]],
    }  # fmt: skip


def test_longer_rows_stay():
    row = [1, 2, 3]
    assert pad_list(row, 2, 0, "right") is row


def test_sides():
    assert check_side("left", "padding_side") == "left"
    with pytest.raises(InputError, match="padding_side must be 'left' or 'right', not 'middle'"):
        check_side("middle", "padding_side")

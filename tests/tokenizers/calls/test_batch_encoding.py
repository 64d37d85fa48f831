"""What a call returns: arrays, and questions about tokens, words and characters."""

import copy
import pickle

import numpy as np
import pytest
from small_tokenizers import bert

from minibert.errors import InputError
from minibert.tokenizers.calls.batch_encoding import convert_offsets

PAD, UNK, CLS, SEP, MASK, UN, AFF, ABLE, A, B, C = range(11)


@pytest.fixture
def tokenizer():
    return bert("un", "##aff", "##able", "a", "b", "c")


def test_arrays(tokenizer):
    batch = tokenizer(["a", "a b"], padding=True, return_tensors="np")
    assert batch["input_ids"].dtype == np.int64
    assert batch.input_ids.shape == (2, 4)
    assert tokenizer("a", return_tensors="np")["input_ids"].shape == (1, 3)
    ragged = tokenizer(["a", "a b"], return_tensors="np")["input_ids"]
    assert ragged.dtype == object
    assert [row.tolist() for row in ragged] == [[CLS, A, SEP], [CLS, A, B, SEP]]
    assert tokenizer.decode(batch["input_ids"][0]) == "[CLS] a [SEP] [PAD]"
    assert tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True) == ["a", "a b"]


def test_questions(tokenizer):
    row = tokenizer("a unaffable", "b")
    assert row.tokens() == ["[CLS]", "a", "un", "##aff", "##able", "[SEP]", "b", "[SEP]"]
    assert row.word_ids() == [None, 0, 1, 1, 1, None, 0, None]
    assert row.sequence_ids() == [None, 0, 0, 0, 0, None, 1, None]
    assert row.token_to_chars(3) == (4, 7)
    assert row.token_to_chars(0) is None
    assert (row.token_to_chars(3).start, row.token_to_chars(3).end) == (4, 7)
    assert row.char_to_token(5) == 3
    assert row.char_to_token(1) is None  # a blank
    assert row.char_to_token(0, sequence_index=1) == 6
    assert row.char_to_token(0, 5) == 3  # row 0, character 5
    assert row.char_to_word(5) == 1
    assert row.word_to_tokens(1) == (2, 5)
    assert row.word_to_tokens(9) is None
    assert row.word_to_chars(1) == (2, 11)
    assert row.token_to_word(4) == 1
    assert row.token_to_sequence(6) == 1
    assert row.n_sequences == 2
    assert row.is_fast
    for other in (pickle.loads(pickle.dumps(row)), copy.deepcopy(row)):
        assert other == row
        assert other.word_ids() == row.word_ids()
    assert {**row}["input_ids"] == row.input_ids == row.data["input_ids"]
    assert tokenizer(["a", "b"])[0:1]["input_ids"] == [[CLS, A, SEP]]


def test_batch_encoding_questions(tokenizer):
    row = tokenizer("a b")
    with pytest.raises(InputError, match="Token 9 was asked for, but this row has 4"):
        row.token_to_chars(9)
    with pytest.raises(InputError, match="Row 3 was asked for, but this batch has 1"):
        row.word_ids(3)
    with pytest.raises(AttributeError, match="no 'labels'"):
        _ = row.labels
    with pytest.raises(InputError, match="did not come from a tokenizer's call"):
        tokenizer.pad({"input_ids": [1]}).word_ids()
    with pytest.raises(InputError, match="includes 'input_ids', but you provided"):
        tokenizer.pad({"ids": [1]})


@pytest.mark.parametrize(("unit", "size"), [("utf-8", 1), ("utf-16-le", 2)])
def test_offsets_in_other_units(unit, size):
    text = "aé中😀b"
    offsets = convert_offsets(text, [(i, i + 1) for i in range(5)], unit.removesuffix("-le"))
    assert [text.encode(unit)[start * size : end * size].decode(unit) for start, end in offsets] == list(text)

"""A call from texts to its result: rows, padding, truncation, overflow; lone surrogates named by their place."""

import pytest
from small_tokenizers import bert, roberta

from minibert.errors import InputError
from minibert.tokenizers.bert import BertTokenizer

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "a", "b", "c", "!", "do", "n", "'", "t"]
PAD, UNK, CLS, SEP, MASK, UN, AFF, ABLE, A, B, C, BANG = range(12)


@pytest.fixture
def tokenizer():
    return BertTokenizer(vocab={token: i for i, token in enumerate(VOCAB)}, model_max_length=512)


def test_single_pair_and_batch(tokenizer):
    assert tokenizer("Unaffable a!") == {
        "input_ids": [CLS, UN, AFF, ABLE, A, BANG, SEP], "token_type_ids": [0] * 7, "attention_mask": [1] * 7,
    }  # fmt: skip
    assert tokenizer("a", "b c") == {
        "input_ids": [CLS, A, SEP, B, C, SEP], "token_type_ids": [0, 0, 0, 1, 1, 1], "attention_mask": [1] * 6,
    }  # fmt: skip
    assert tokenizer([("a", "b"), ["b", "c"]])["input_ids"] == tokenizer(["a", "b"], ["b", "c"])["input_ids"]
    assert tokenizer([]) == {"input_ids": [], "token_type_ids": [], "attention_mask": []}
    assert tokenizer("a", "")["input_ids"] == [CLS, A, SEP]  # an empty second text is none
    assert tokenizer(["a"], [""])["input_ids"] == [[CLS, A, SEP, SEP]]
    assert tokenizer(text="a", text_target="b")["labels"] == [CLS, B, SEP]
    assert tokenizer(text_target="b")["input_ids"] == [CLS, B, SEP]
    assert tokenizer(["Unaffable", "", "a b"], is_split_into_words=True).word_ids() == [None, 0, 0, 0, 2, 2, None]


def test_padding(tokenizer):
    batch = tokenizer(["a", "a b c"], padding=True)
    assert batch["input_ids"] == [[CLS, A, SEP, PAD, PAD], [CLS, A, B, C, SEP]]
    assert batch["attention_mask"] == [[1, 1, 1, 0, 0], [1] * 5]
    left = tokenizer(
        ["a", "a b c"], padding="max_length", max_length=6, padding_side="left", return_special_tokens_mask=True
    )
    assert left["input_ids"][0] == [PAD, PAD, PAD, CLS, A, SEP]
    assert left["special_tokens_mask"][0] == [1, 1, 1, 1, 0, 1]
    assert len(tokenizer("a", padding=True, pad_to_multiple_of=8)["input_ids"]) == 8
    assert tokenizer("a b c", padding="max_length", max_length=4)["input_ids"] == [CLS, A, B, C, SEP]  # never cuts
    for offsets in (False, True):  # both roads
        row = tokenizer(["a"], padding="max_length", max_length=4, return_length=True, return_offsets_mapping=offsets)
        assert row["length"] == [4]
        assert row["token_type_ids"] == [[0, 0, 0, 0]]
    assert row["offset_mapping"] == [[(0, 0), (0, 1), (0, 0), (0, 0)]]
    assert row[0].tokens == ["[CLS]", "a", "[SEP]", "[PAD]"]


def test_truncation_and_overflow(tokenizer):
    assert tokenizer("a b c a b", max_length=5)["input_ids"] == [CLS, A, B, C, SEP]
    assert tokenizer("a b c a b", max_length=5, truncation_side="left")["input_ids"] == [CLS, C, A, B, SEP]
    assert tokenizer("a b c", max_length=2)["input_ids"] == [CLS, SEP]
    assert tokenizer("a b c", max_length=1)["input_ids"] == [CLS, A, B, C, SEP]  # no room for [CLS] and [SEP]
    assert tokenizer("a b", truncation=True)["input_ids"] == [CLS, A, B, SEP]  # the model's length is larger
    rows = tokenizer("a b c a b", max_length=5, stride=1, return_overflowing_tokens=True, return_offsets_mapping=True)
    assert rows["input_ids"] == [[CLS, A, B, C, SEP], [CLS, C, A, B, SEP]]
    assert rows["overflow_to_sample_mapping"] == [0, 0]
    assert rows["offset_mapping"][1] == [(0, 0), (4, 5), (6, 7), (8, 9), (0, 0)]
    assert rows.word_ids(1) == [None, 2, 3, 4, None]


@pytest.mark.parametrize("text", ["a é \ud800", "a b \ud800", "[MASK]é \ud800"])
@pytest.mark.parametrize("offsets", [False, True])
def test_lone_surrogates(text, offsets):
    for tokenizer in (bert("a", "b"), roberta([("a", "b")])):
        with pytest.raises(InputError, match=rf"lone surrogate, U\+D800, at position {len(text) - 1}"):
            tokenizer(text, return_offsets_mapping=offsets)
        with pytest.raises(InputError, match="lone surrogate"):
            tokenizer.explain(text)

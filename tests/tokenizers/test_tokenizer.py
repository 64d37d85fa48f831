"""The call and its relatives, and the questions a result answers, by hand on a small vocabulary."""

import copy
import pickle

import numpy as np
import pytest

import minibert as mb
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "a", "b", "c", "!", "do", "n", "'", "t"]
PAD, UNK, CLS, SEP, MASK, UN, AFF, ABLE, A, B, C, BANG, DO, N, QUOTE, T = range(16)


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


def test_tokens_and_ids(tokenizer):
    assert tokenizer.tokenize("Unaffable x") == ["un", "##aff", "##able", "[UNK]"]
    assert tokenizer.encode("a b") == [CLS, A, B, SEP]
    assert tokenizer.encode(["a", "b"], add_special_tokens=False) == [A, B]  # tokens
    assert tokenizer.convert_tokens_to_ids(["a", "zzz"]) == [A, UNK]
    assert tokenizer.convert_tokens_to_ids("a") == A
    assert tokenizer.convert_ids_to_tokens([CLS, A], skip_special_tokens=True) == ["a"]
    assert tokenizer.convert_ids_to_tokens(A) == "a"
    assert tokenizer.build_inputs_with_special_tokens([A], [B]) == [CLS, A, SEP, B, SEP]
    assert tokenizer.create_token_type_ids_from_sequences([A], [B]) == [0, 0, 0, 1, 1]
    assert tokenizer.get_special_tokens_mask([A], [B]) == [1, 0, 1, 0, 1]
    assert tokenizer.get_special_tokens_mask([CLS, A, UNK, MASK], already_has_special_tokens=True) == [1, 0, 1, 1]
    assert tokenizer.num_special_tokens_to_add() == 2
    assert tokenizer.num_special_tokens_to_add(pair=True) == 3
    assert tokenizer.prepare_for_model([A, B, C], max_length=4, truncation=True)["input_ids"] == [CLS, A, B, SEP]
    assert tokenizer.truncate_sequences([A, B, C], num_tokens_to_remove=1, stride=1) == ([A, B], None, [B, C])
    padded = tokenizer.pad([tokenizer("a"), tokenizer("a b")], return_tensors="np")
    assert padded["input_ids"].tolist() == [[CLS, A, SEP, PAD], [CLS, A, B, SEP]]
    assert tokenizer.pad({"input_ids": [[A], [A, B]]})["attention_mask"] == [[1, 0], [1, 1]]
    assert tokenizer.decode([A, B, BANG]) == "a b!"
    assert tokenizer.decode([[A], [B]]) == ["a", "b"]
    assert len(tokenizer) == tokenizer.vocab_size == 16


def test_added_tokens(tokenizer):
    assert tokenizer.add_tokens(["new", "a", AddedToken("Lst", lstrip=True), "new"]) == 3
    assert tokenizer.get_added_vocab()["new"] == 16
    assert len(tokenizer) == 18
    assert tokenizer.tokenize("bnewb") == ["b", "new", "b"]
    assert tokenizer.tokenize("NEW") == ["new"]  # normalized: the text is lower-cased first
    assert tokenizer("b  lst", return_offsets_mapping=True)["offset_mapping"][2] == (1, 6)
    assert tokenizer.add_special_tokens({"bos_token": "[BOS]", "extra_special_tokens": ["[X]"]}) == 2
    assert tokenizer.bos_token_id == 18
    assert tokenizer.extra_special_tokens == ["[X]"] == tokenizer.additional_special_tokens
    assert tokenizer.tokenize("[x][X]") == ["[UNK]", "[UNK]", "[UNK]", "[X]"]
    assert tokenizer.decode([A, 19], skip_special_tokens=True) == "a"
    assert tokenizer.tokenize("[MASK]", split_special_tokens=True) == ["[UNK]", "[UNK]", "a", "[UNK]", "[UNK]"]
    tokenizer.cls_token = "[X]"
    assert tokenizer("a")["input_ids"][0] == 19


def test_special_tokens_in_text_are_not_masked(tokenizer):
    row = tokenizer("a [SEP]", return_special_tokens_mask=True)
    assert row["input_ids"] == [CLS, A, SEP, SEP]
    assert row["special_tokens_mask"] == [1, 0, 0, 1]


def test_too_long_is_said_once():
    tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate(VOCAB)}, model_max_length=3)
    with pytest.warns(UserWarning, match=r"\(5 > 3\)"):
        tokenizer("a b c")
    tokenizer("a b c")


def test_roberta():
    vocab = {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *BYTE_CHARS, "Ġa"])}
    tokenizer = RobertaTokenizer(vocab=vocab, merges=[("Ġ", "a")])
    row = tokenizer("a a", "a", return_offsets_mapping=True, return_token_type_ids=True)
    assert row.tokens() == ["<s>", "a", "Ġa", "</s>", "</s>", "a", "</s>"]
    assert row["offset_mapping"][2] == (2, 3)  # the blank is trimmed
    assert row["token_type_ids"] == [0] * 7
    assert list(row) == ["input_ids", "token_type_ids", "attention_mask", "offset_mapping"]
    assert list(tokenizer("a")) == ["input_ids", "attention_mask"]
    assert tokenizer.tokenize("a  <mask> a") == ["a", "<mask>", "Ġa"]
    assert tokenizer.decode(tokenizer("a é😀")["input_ids"]) == "<s>a é😀</s>"


# options that stages are made with


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("tiny-roberta", "add_prefix_space", True),
        ("tiny-roberta", "trim_offsets", False),
        ("tiny-rembert", "do_lower_case", True),
        ("tiny-rembert", "keep_accents", False),
    ],
)
def test_an_option_set_later_is_one_given_at_first(name: str, option: str, value: bool) -> None:
    texts = ["Two Dogs", "déjà  vu <x>", " a<x> B"]
    given = mb.AutoTokenizer.from_pretrained(name, **{option: value})
    changed = mb.AutoTokenizer.from_pretrained(name)
    for tokenizer in (given, changed):
        tokenizer.add_tokens([mb.AddedToken("<x>", normalized=True)])
    before = changed(texts, return_offsets_mapping=True)
    setattr(changed, option, value)
    assert getattr(changed, option) is value
    found = changed(texts, return_offsets_mapping=True)
    assert dict(found) == dict(given(texts, return_offsets_mapping=True))
    assert dict(found) != dict(before)
    setattr(changed, option, not value)
    assert dict(changed(texts, return_offsets_mapping=True)) == dict(before)

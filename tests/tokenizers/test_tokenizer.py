"""The call and its relatives, and the questions a result answers, by hand on a small vocabulary."""

import pytest

import minibert as mb
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.stages.added_tokens import AddedToken

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "a", "b", "c", "!", "do", "n", "'", "t"]
PAD, UNK, CLS, SEP, MASK, UN, AFF, ABLE, A, B, C, BANG, DO, N, QUOTE, T = range(16)


@pytest.fixture
def tokenizer():
    return BertTokenizer(vocab={token: i for i, token in enumerate(VOCAB)}, model_max_length=512)


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

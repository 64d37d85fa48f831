"""Bad input: one clear sentence each, with the names and numbers in it."""

import pytest

from minibert.errors import InputError, TokenizerError
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS

BERT = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])}
ROBERTA = {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *BYTE_CHARS, "ab"])}


@pytest.fixture
def bert():
    return BertTokenizer(vocab=BERT)


@pytest.fixture
def roberta():
    return RobertaTokenizer(vocab=ROBERTA, merges=[("a", "b")])


LONG = "x" * 3000


@pytest.mark.parametrize(
    "make",
    [
        lambda: RobertaTokenizer(vocab=ROBERTA, merges=[("a", LONG)]),
        lambda: BertTokenizer(vocab=BERT, unk_token=LONG),
        lambda: BertTokenizer(vocab=BERT, added_tokens_decoder={1: LONG}),
        lambda: BertTokenizer(vocab=BERT, profile=LONG),
    ],
)
def test_a_long_token_is_not_quoted_whole(make) -> None:
    with pytest.raises(TokenizerError, match="xxx") as error:
        make()
    assert len(str(error.value)) < 400


CALLS = [
    ({}, "You need to specify either `text` or `text_target`."),
    ({"text": b"a"}, "not bytes; decode the bytes first"),
    ({"text": 5}, "text input must be of type `str`.*not int 5"),
    ({"text": ["a", 5]}, "not int 5"),
    ({"text": {"a": 1}}, "not dict"),
    ({"text": ["a"], "text_pair": "b"}, "`text_pair` must be a list or tuple with the same length as `text`, not str"),
    (
        {"text": ["a", "b"], "text_pair": ["a"]},
        "batch length of `text`: 2 does not match batch length of `text_pair`: 1",
    ),
    ({"text": "a", "is_split_into_words": True}, "must be a list of words, not a str"),
    ({"text": "a", "padding": "foo"}, r"foo is not a valid padding strategy, please select one of \['longest'"),
    ({"text": "a", "padding": []}, r"\[\] is not a valid padding strategy"),
    ({"text": "a", "truncation": "foo"}, "foo is not a valid truncation strategy"),
    ({"text": "a", "max_length": -1}, "max_length must be an int of 0 or more, not -1"),
    ({"text": "a", "max_length": "8"}, "max_length must be an int, not '8'"),
    ({"text": "a", "max_length": 2.5}, "max_length must be an int, not 2.5"),
    ({"text": "a", "truncation": True, "max_length": 5, "stride": -2}, "stride must be an int of 0 or more, not -2"),
    ({"text": "a", "truncation": True, "max_length": 5, "stride": 4}, "stride set to 4, .* effective max length of 3"),
    ({"text": "a a a a a", "max_length": 5, "stride": 3}, "stride of 3 tokens must be less than the 3 tokens"),
    ({"text": "a", "padding_side": "middle"}, "padding_side must be 'left' or 'right', not 'middle'"),
    ({"text": "a", "truncation_side": "up"}, "truncation_side must be 'left' or 'right', not 'up'"),
    ({"text": "a", "return_tensors": "pt"}, r"return_tensors is 'pt', but minibert's arrays are NumPy's or CuPy's"),
    ({"text": "a", "return_tensors": "xx"}, r"xx is not a valid TensorType, please select one of \['np', 'cp'\]"),
    ({"text": "a", "offsets_unit": "bytes"}, "offsets_unit must be one of .*, not 'bytes'"),
    ({"text": "a a a", "max_length": 4, "truncation": "only_second"}, "Second sequence not provided"),
    (
        {"text": "a a a", "text_pair": "a a a", "max_length": 5, "truncation": "only_first"},
        "4 tokens must go with 'only_first', and that sequence has 3",
    ),
    (
        {"text": "a", "max_length": 10, "truncation": True, "padding": True, "pad_to_multiple_of": 8},
        r"truncation length \(10\) is not a multiple of pad_to_multiple_of \(8\)",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), CALLS, ids=[message for _, message in CALLS])
def test_calls(bert, arguments, message):
    with pytest.raises(InputError, match=message):
        bert(**arguments)


def test_ids_outside_the_vocabulary(bert):
    for ids in ([5, 99], [-1], 99):
        with pytest.raises(
            InputError, match=r"The id (99|-1) is outside the vocabulary .* 7 tokens have the ids 0 to 6"
        ):
            bert.decode(ids)
    with pytest.raises(InputError, match="outside the vocabulary"):
        bert.convert_ids_to_tokens([99])
    with pytest.raises(InputError, match="Ids must be ints"):
        bert.decode("a")


def test_padding_without_a_token():
    tokenizer = BertTokenizer(vocab=BERT, pad_token=None)
    with pytest.raises(InputError, match="does not have a padding token"):
        tokenizer(["a", "a b"], padding=True)
    with pytest.raises(InputError, match="does not have a padding token"):
        tokenizer(["a", "a b"], padding=True, return_offsets_mapping=True)


def test_roles(bert):
    with pytest.raises(InputError, match="'foo_token' is no role"):
        bert.add_special_tokens({"foo_token": "x"})
    with pytest.raises(TokenizerError, match="has no cls_token, which is needed here"):
        BertTokenizer(vocab=BERT, cls_token=None)("a")
    with pytest.raises(TokenizerError, match="profile must be one of"):
        BertTokenizer(vocab=BERT, profile="google")
    with pytest.raises(TokenizerError, match=r"must be a str or have a str 'content', not 5"):
        AddedToken.from_value(5)


# ---------------------------------------------------------------- folders


def test_a_folder_of_another_family(tmp_path, bert):
    bert.save_pretrained(tmp_path)
    with pytest.raises(TokenizerError, match="of the bert family, not for a RobertaTokenizer"):
        RobertaTokenizer.from_pretrained(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(TokenizerError, match="is a file, so a tokenizer cannot be saved"):
        bert.save_pretrained(tmp_path / "file")

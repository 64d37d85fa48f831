"""Every difference between the profiles, run both ways."""

import pytest

from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.profiles import DIFFERENCES
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS
from minibert.tokenizers.stages.pieces import Piece, PieceType, SentencePieceModel

BERT_VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "ab", "##a", "##b", "ασ", "ας", "!", "hello", ","]
ROBERTA_VOCAB = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *BYTE_CHARS, "Ġa"]


def bert(profile):
    return BertTokenizer(vocab={token: i for i, token in enumerate(BERT_VOCAB)}, profile=profile)


def roberta(profile, **options):
    vocab = {token: i for i, token in enumerate(ROBERTA_VOCAB)}
    return RobertaTokenizer(vocab=vocab, merges=[("Ġ", "a")], profile=profile, **options)


def rembert(profile):
    special = [
        Piece("[UNK]", 0, PieceType.UNKNOWN),
        *(Piece(name, 0, PieceType.CONTROL) for name in ("[CLS]", "[SEP]")),
    ]
    return RemBertTokenizer(model=SentencePieceModel((*special, Piece("▁a", -1.0), Piece("b", -2.0))), profile=profile)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.about)
@pytest.mark.parametrize("profile", ["transformers", "original"])
@pytest.mark.parametrize("details", [False, True])
def test_texts(difference, profile, details):
    tokenizer = bert(profile) if difference.family == "bert" else roberta(profile, add_prefix_space=True)
    row = tokenizer(difference.example, add_special_tokens=False, return_offsets_mapping=details)
    assert tokenizer.convert_ids_to_tokens(row["input_ids"]) == getattr(difference, profile)


@pytest.mark.parametrize(("profile", "kept"), [("transformers", (2, 3)), ("original", (3, 2))])
def test_truncation_of_a_pair(profile, kept):
    row = bert(profile)("a b a b a", "b " * 7, max_length=8, truncation=True)
    assert (row["token_type_ids"].count(0) - 2, row["token_type_ids"].count(1) - 1) == kept


@pytest.mark.parametrize(("profile", "text"), [("transformers", "hello, a!"), ("original", "hello , a !")])
def test_bert_decoding(profile, text):
    tokenizer = bert(profile)
    ids = tokenizer("hello, a!", add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=True) == "hello, a!"


def test_roberta_clean_up():
    ids = roberta("original")("a .", add_special_tokens=False)["input_ids"]
    assert roberta("original").decode(ids, clean_up_tokenization_spaces=True) == "a."
    with pytest.warns(UserWarning, match="is ignored for byte-level BPE"):
        assert roberta("transformers").decode(ids, clean_up_tokenization_spaces=True) == "a ."


@pytest.mark.parametrize("details", [False, True])
@pytest.mark.parametrize(("profile", "tokens"), [("transformers", ["a", "a"]), ("original", ["Ġa", "Ġa"])])
def test_roberta_words(profile, tokens, details):
    tokenizer = roberta(profile)
    row = tokenizer(["a", "a"], is_split_into_words=True, add_special_tokens=False, return_offsets_mapping=details)
    assert tokenizer.convert_ids_to_tokens(row["input_ids"]) == tokens
    assert row.word_ids() == [0, 1]


@pytest.mark.parametrize(("profile", "tokens"), [("transformers", ["a"]), ("original", ["a", "<unk>"])])
def test_roberta_byte_without_a_token(profile, tokens):
    vocab = {token: i for i, token in enumerate(ROBERTA_VOCAB) if token != "z"}
    tokenizer = RobertaTokenizer(vocab=vocab, merges=[], profile=profile)
    assert tokenizer.tokenize("az") == tokens


@pytest.mark.parametrize(("profile", "text"), [("transformers", "[CLS] ab[UNK][SEP]"), ("original", "ab ⁇ ")])
def test_rembert_decoding(profile, text):
    tokenizer = rembert(profile)
    assert tokenizer.decode(tokenizer("abx")["input_ids"]) == text


def test_the_profile_is_saved(tmp_path):
    bert("original").save_pretrained(tmp_path)
    assert BertTokenizer.from_pretrained(tmp_path).profile == "original"
    assert not (tmp_path / "tokenizer.json").exists()  # the compiled tokenizers know no such profile

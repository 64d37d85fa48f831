"""Live comparison with transformers' compiled tokenizers: thousands of generated texts for each family.

MINIBERT_LIVE_TEXTS=20000 raises the number of texts for each configuration, MINIBERT_LIVE_SEED changes them.
RemBERT, whose reference is SentencePiece, is in test_rembert_against_references.py.
"""

import os
import random

import pytest
from generated_texts import SENTENCES, generate

from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.added_tokens import AddedToken

pytestmark = pytest.mark.reference
COUNT = int(os.environ.get("MINIBERT_LIVE_TEXTS", "1000"))
SEED = int(os.environ.get("MINIBERT_LIVE_SEED", "0"))


@pytest.fixture(scope="module")
def transformers():
    module = pytest.importorskip("transformers", reason="the reference of this comparison")
    if not hasattr(module, "BertTokenizerFast"):
        pytest.skip("this transformers has no compiled tokenizers of version 4")
    module.logging.set_verbosity_error()
    return module


BERT = {
    "uncased": {},
    "cased": {"do_lower_case": False},
    "accents kept": {"strip_accents": False},
    "cased, stripped, no CJK": {
        "do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False,
    },
}  # fmt: skip
ROBERTA = {
    "plain": {},
    "prefix": {"add_prefix_space": True},
    "untrimmed": {"trim_offsets": False},
    "prefix, untrimmed": {"add_prefix_space": True, "trim_offsets": False},
}


@pytest.fixture(scope="module")
def make_bert(transformers, wordpiece_file):
    def make(**options):
        return (
            BertTokenizer(wordpiece_file, **options),
            transformers.BertTokenizerFast(str(wordpiece_file), **options),
        )

    return make


@pytest.fixture(scope="module")
def make_roberta(transformers, byte_bpe_folder):
    def make(**options):
        files = [str(byte_bpe_folder / name) for name in ("vocab.json", "merges.txt")]
        return RobertaTokenizer(*files, **options), transformers.RobertaTokenizerFast(*files, **options)

    return make


@pytest.mark.parametrize("name", BERT)
def test_bert_agrees_on_texts(make_bert, name):
    check_texts(*make_bert(**BERT[name]))


@pytest.mark.parametrize("name", ROBERTA)
def test_roberta_agrees_on_texts(make_roberta, name):
    check_texts(*make_roberta(**ROBERTA[name]))


def check_texts(ours, theirs):
    for text in generate(COUNT, SEED, ours.all_special_tokens):
        expected = theirs(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        got = ours(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        assert dict(got) == dict(expected), repr(text)
        assert ours(text)["input_ids"] == got["input_ids"], repr(text)  # the road without offsets
        assert got.word_ids() == expected.word_ids(), repr(text)
        assert got.tokens() == theirs.convert_ids_to_tokens(expected["input_ids"]), repr(text)
        check_decode(ours, theirs, expected["input_ids"], text)


def check_decode(ours, theirs, ids, text):
    for skip in (False, True):
        for clean in (False, True) if isinstance(ours, BertTokenizer) else (False,):
            expected = theirs.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=clean)
            assert ours.decode(ids, skip, clean) == expected, (skip, clean, text)


def test_bert_agrees_on_calls(make_bert):
    check_calls(*make_bert())


def test_roberta_agrees_on_calls(make_roberta):
    check_calls(*make_roberta())
    check_calls(*make_roberta(add_prefix_space=True))


def check_calls(ours, theirs):
    """Random arguments: both sides give the same, or both refuse."""
    rng = random.Random(SEED)
    refused = 0
    for _ in range(COUNT):
        arguments = random_call(rng, ours)
        try:
            expected = theirs(**arguments)
        except (ValueError, OverflowError) as error:
            expected = error
        except BaseException as error:  # the Rust side panics where we raise
            if "Panic" not in type(error).__name__ and "Truncation error" not in str(error):
                raise
            expected = error
        if isinstance(expected, BaseException):
            with pytest.raises(ValueError):  # noqa: PT011 - the texts are tested elsewhere
                ours(**arguments)
            refused += 1
            continue
        got = ours(**arguments)
        assert list(got) == list(expected), arguments
        for name in expected:
            same = plain(got[name]) == plain(expected[name])
            assert same, (arguments, name, got[name], expected[name])
        for row in range(len(got.encodings)):
            assert got.word_ids(row) == expected.word_ids(row), arguments
            assert got.sequence_ids(row) == expected.sequence_ids(row), arguments
            assert [tuple(span) for span in got[row].offsets] == expected[row].offsets, arguments
    assert refused < COUNT / 2


def plain(value):
    if hasattr(value, "tolist"):
        return [plain(row) for row in value.tolist()]
    return [plain(row) for row in value] if isinstance(value, list | tuple) else value


def random_call(rng, tokenizer):
    """One call's keyword arguments."""

    def text():
        if rng.random() < 0.1:
            return rng.choice(["", " ", tokenizer.mask_token, "a"])
        words = rng.choice(SENTENCES).split(" ")
        return rng.choice([" ", " ", "  "]).join(words[: rng.randint(1, 12)])

    def words():
        return [rng.choice(["", "Don't", "a b", "é", tokenizer.mask_token, "x"]) for _ in range(rng.randint(1, 6))]

    # today's compiled RoBERTa refuses words without a prefix space
    split = rng.random() < 0.2 and getattr(tokenizer, "add_prefix_space", True)
    one = words if split else text
    batch = rng.random() < 0.5
    size = rng.randint(1, 4)
    pair = rng.random() < 0.5
    arguments = {"text": [one() for _ in range(size)] if batch else one(), "is_split_into_words": split}
    if pair:
        arguments["text_pair"] = [one() for _ in range(size)] if batch else one() or "b"
        if arguments["text_pair"] == "":
            arguments["text_pair"] = "b"  # '' alone is no pair in transformers 5 and one in 4
    options = {
        "add_special_tokens": [True, True, True, False],
        "padding": [False, True, "longest", "max_length"],
        "truncation": [None, False, True, "only_first", "only_second", "longest_first"],
        "max_length": [None, 2, 3, 5, 8, 16, 24],
        "stride": [0, 0, 1, 2, 4],
        "pad_to_multiple_of": [None, None, 4, 8],
        "padding_side": [None, "left", "right"],
        "return_token_type_ids": [None, True, False],
        "return_attention_mask": [None, True, False],
        "return_special_tokens_mask": [False, True],
        "return_offsets_mapping": [False, True],
        "return_length": [False, False, True],
        "return_overflowing_tokens": [False, True],
    }
    for name, values in options.items():
        if rng.random() < 0.6:
            arguments[name] = rng.choice(values)
    if isinstance(tokenizer, RobertaTokenizer) and not arguments.get("add_special_tokens", True):
        arguments.pop("return_token_type_ids", None)  # the reference gives overflowing rows a type 1: see profiles.py
    return arguments


def test_added_tokens_agree(make_bert, make_roberta, transformers):
    added = [
        AddedToken("newtok", single_word=True), AddedToken("Norm"), AddedToken("Raw", normalized=False),
        AddedToken("lst", lstrip=True), AddedToken("rst", rstrip=True, normalized=False), AddedToken("ab"),
        AddedToken("abc"), AddedToken("é", special=True), AddedToken("[X]", special=True, lstrip=True, rstrip=True),
        AddedToken("two words"),
    ]  # fmt: skip
    pieces = ["newtok", "Norm", "norm", "NORM", "Raw", "raw", "lst", "rst", "ab", "abc", "abcd", "É", "é", "[X]", "x"]
    pieces += [" ", "  ", "\t", "_", "\u3000", "\u00a0", "(", ".", "e\u0301", "two words", "Two  Words", "two\nwords"]
    kinds = make_bert(), make_bert(do_lower_case=False), make_roberta(), make_roberta(add_prefix_space=True)
    for ours, theirs in kinds:
        flags = [token.to_dict() for token in added]
        reference = [transformers.AddedToken(flag.pop("content"), **flag) for flag in flags]
        assert ours.add_tokens(added) == theirs.add_tokens(reference)
        assert ours.get_added_vocab() == theirs.get_added_vocab()
        assert len(ours) == len(theirs)
        rng = random.Random(SEED)
        for _ in range(COUNT):
            text = "".join(rng.choice([*pieces, *ours.all_special_tokens]) for _ in range(rng.randint(1, 9)))
            for split in (False, True):
                expected = theirs(text, return_offsets_mapping=True, split_special_tokens=split)
                got = ours(text, return_offsets_mapping=True, split_special_tokens=split)
                assert dict(got) == dict(expected), (text, split)
                assert ours(text, split_special_tokens=split)["input_ids"] == got["input_ids"], text
                assert got.word_ids() == expected.word_ids(), text
                check_decode(ours, theirs, expected["input_ids"], text)

"""Texts made to be slow: every one must take seconds, and twice the text no more than some three times the time."""

import time

import pytest

from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS
from minibert.tokenizers.stages.pieces import Piece, PieceType, SentencePieceModel

SIZE = 300_000
LIMIT = 20.0  # seconds, on a slow and shared machine; a quadratic algorithm would take hours


def bert(**options):
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a", "é", "e"]
    return BertTokenizer(vocab={token: i for i, token in enumerate(vocab)}, **options)


def roberta():
    merges = [("a", "a"), ("aa", "aa"), ("aaaa", "aaaa"), ("a", "b")]
    vocab = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *BYTE_CHARS, "aa", "aaaa", "aaaaaaaa", "ab"]
    return RobertaTokenizer(vocab={token: i for i, token in enumerate(vocab)}, merges=merges)


def rembert():
    controls = [Piece(name, 0, PieceType.CONTROL) for name in ("[CLS]", "[SEP]", "[MASK]", "[PAD]")]
    pieces = [Piece("[UNK]", 0, PieceType.UNKNOWN), *controls]
    pieces += [Piece(text, -float(i)) for i, text in enumerate(["▁", "a", "aa", "aaa", "▁a"], 1)]
    return RemBertTokenizer(model=SentencePieceModel(tuple(pieces)))


TOKENIZERS = {
    "bert": bert, "bert accents kept": lambda: bert(strip_accents=False),
    "bert original": lambda: bert(profile="original"),
    "long words": lambda: bert(max_input_chars_per_word=10**9), "roberta": roberta, "rembert": rembert,
}  # fmt: skip
TEXTS = {
    "one letter": "a" * SIZE,
    "a word without a blank": "abcdefghij" * (SIZE // 10),
    "marks of falling class": "e" + "\u0301\u0323\u1dfa\u302e" * (SIZE // 4),
    "ideographs": "中" * SIZE,
    "blanks": " " * SIZE,
    "controls": "\x0b" * SIZE,
    "punctuation": "!" * SIZE,
    "openings of special tokens": "[<" * (SIZE // 2),
}


@pytest.mark.parametrize("offsets", [False, True])
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", TOKENIZERS)
def test_long_texts(name, text, offsets):
    tokenizer = TOKENIZERS[name]()
    start = time.process_time()
    tokenizer(TEXTS[text], return_offsets_mapping=offsets, verbose=False)
    assert time.process_time() - start < LIMIT


@pytest.mark.parametrize("name", TOKENIZERS)
def test_special_tokens(name):
    tokenizer = TOKENIZERS[name]()
    start = time.process_time()
    mask = tokenizer.mask_token
    for text in (mask * 100_000, f" {mask}" * 50_000, mask[:-1] * 100_000):
        ids = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["input_ids"]
        assert ids.count(tokenizer.mask_token_id) == text.count(mask)
    assert time.process_time() - start < LIMIT


def test_many_added_tokens():
    tokenizer = bert()
    start = time.process_time()
    tokenizer.add_tokens([f"token{i}" for i in range(20_000)])
    text = " ".join(f"token{i}" for i in range(20_000))
    assert len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) == 20_000
    assert time.process_time() - start < LIMIT


def test_windows_of_a_long_text():
    start = time.process_time()
    rows = bert()("a " * 100_000, max_length=16, truncation=True, stride=2, return_overflowing_tokens=True)
    assert len(rows["input_ids"]) == 8334
    assert time.process_time() - start < LIMIT

"""The stored vectors, without the references: both roads, fast and plain, and every stage."""

import json
from pathlib import Path

import pytest

from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.fast.byte_bpe import find_words
from minibert.tokenizers.fast.merging import merge_by_heap, merge_by_scan, number_merges
from minibert.tokenizers.fast.wordpiece import bert_words
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages import byte_bpe, wordpiece
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.pre_tokenizers import bert_pre_tokenize

FOLDER = Path(__file__).parent / "vectors"
NAMES = ["bert", "bert_cased", "roberta", "roberta_prefix"]


def read(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


@pytest.fixture(scope="module", params=NAMES)
def vectors(request):
    data = read(request.param)
    vocab = {token: i for i, token in enumerate(data["vocab"])}
    if "merges" in data:
        tokenizer = RobertaTokenizer(vocab=vocab, merges=[tuple(pair) for pair in data["merges"]], **data["options"])
    else:
        tokenizer = BertTokenizer(vocab=vocab, **data["options"])
    return tokenizer, data["cases"]


def test_ids_by_the_fast_road(vectors):
    tokenizer, cases = vectors
    for _ in range(2):  # the second time from the caches
        for case in cases:
            row = tokenizer(case["text"], return_special_tokens_mask=True)
            assert row["input_ids"] == case["ids"], case["text"]
            assert row["special_tokens_mask"] == case["special_tokens_mask"], case["text"]
            assert row["attention_mask"] == [1] * len(case["ids"])
    texts = [case["text"] for case in cases]
    assert tokenizer(texts)["input_ids"] == [case["ids"] for case in cases]


def test_offsets_and_words(vectors):
    tokenizer, cases = vectors
    for case in cases:
        row = tokenizer(case["text"], return_offsets_mapping=True)
        assert row["input_ids"] == case["ids"], case["text"]
        assert [list(span) for span in row["offset_mapping"]] == case["offsets"], case["text"]
        assert row.word_ids() == case["word_ids"], case["text"]


def test_the_plain_road(vectors):
    """`words` and `explain` use the plain functions only."""
    tokenizer, cases = vectors
    for case in cases:
        words = tokenizer.words(case["text"])
        assert [token.id for word in words for token in word] == case["ids"][1:-1], case["text"]
        explanation = tokenizer.explain(case["text"])
        assert explanation.ids == case["ids"], case["text"]
        assert json.loads(json.dumps(explanation.to_dict()))["ids"] == case["ids"]
        assert all(token in str(explanation) for token in explanation.tokens)


def test_normalization_and_words(vectors):
    tokenizer, cases = vectors
    for case in cases:
        normalized = tokenizer.normalize(AlignedText.from_text(case["text"]))
        assert normalized.text == case["normalized"] == tokenizer.road.memory.normalized(case["text"]), case["text"]
        assert len(normalized.spans) == len(normalized.text)
        if isinstance(tokenizer, BertTokenizer):
            found = [normalized.text[start:end] for start, end in bert_pre_tokenize(normalized.text)]
            assert found == bert_words().findall(normalized.text)
        else:
            words = [word.text for word in tokenizer.stages.pre_tokenizer.split(normalized)]
            assert words == find_words("".join(words))
            found = list(map(byte_bpe.to_byte_chars, words))
        assert found == case["words"], case["text"]


def test_words_by_the_plain_algorithms(vectors):
    tokenizer, cases = vectors
    for case in cases:
        for word in case["words"]:
            if isinstance(tokenizer, BertTokenizer):
                plain = wordpiece.encode_word(word, tokenizer.vocab)
                assert [tokenizer.vocab[piece] for piece in plain] == tokenizer.stages.model.ids(word)
                continue
            ids = [tokenizer.vocab[char] for char in word]
            expected = [tokenizer.vocab[symbol] for symbol in byte_bpe.merge_all(word, tokenizer.stages.model.ranks)]
            merges = number_merges(tokenizer.merges, tokenizer.vocab)
            assert merge_by_scan(ids, *merges) == merge_by_heap(ids, *merges) == expected


def test_decoding(vectors):
    tokenizer, cases = vectors
    for case in cases:
        assert tokenizer.decode(case["ids"], clean_up_tokenization_spaces=False) == case["decoded"]


def test_other_units_of_offsets(vectors):
    tokenizer, cases = vectors
    for case in cases:
        text = case["text"]
        for unit, encoding, size in (("utf-8", "utf-8", 1), ("utf-16", "utf-16-le", 2)):
            row = tokenizer(text, return_offsets_mapping=True, offsets_unit=unit)
            for (start, end), (first, last) in zip(row["offset_mapping"], case["offsets"], strict=True):
                assert text.encode(encoding)[start * size : end * size].decode(encoding) == text[first:last]


def test_pairs():
    data = read("bert")
    tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate(data["vocab"])})
    refused = 0
    for case in read("pairs")["cases"]:
        if "error" in case["result"]:
            refused += 1
            with pytest.raises(ValueError, match=r"Truncation error|stride"):
                tokenizer(**case["arguments"])
            continue
        result = json.loads(json.dumps(tokenizer(**case["arguments"])))
        assert result == case["result"], case["arguments"]
        assert list(result) == list(case["result"])
    assert 0 < refused < 30

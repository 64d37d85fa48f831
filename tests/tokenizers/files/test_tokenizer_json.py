"""tokenizer.json is read; what it may not say is refused by name."""

import json
import re
from pathlib import Path

import pytest

from minibert.errors import TokenizerError
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS

BERT = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])}
ROBERTA = {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *BYTE_CHARS, "ab"])}


@pytest.fixture
def bert():
    return BertTokenizer(vocab=BERT)


@pytest.fixture
def roberta():
    return RobertaTokenizer(vocab=ROBERTA, merges=[("a", "b")])


def saved(tokenizer, folder, change):
    """The folder of a saved tokenizer whose tokenizer.json was changed."""
    tokenizer.save_pretrained(folder)
    data = json.loads((folder / "tokenizer.json").read_text())
    change(data)
    (folder / "tokenizer.json").write_text(json.dumps(data))
    return folder


CHANGES = [
    (lambda data: data.pop("model"), "has no 'model'"),
    (lambda data: data["model"].update(type="WordLevel"), "the model 'WordLevel' is not supported"),
    (lambda data: data["normalizer"].update(type="NFKC"), "the normalizer 'NFKC' is not supported here, only BertNorm"),
    (lambda data: data["pre_tokenizer"].update(type="Digits"), "the pre_tokenizer 'Digits' is not supported"),
    (lambda data: data["post_processor"].update(type="X"), "the post_processor 'X' is not supported"),
    (lambda data: data["decoder"].update(type="CTC"), "the decoder 'CTC' is not supported"),
    (lambda data: data["model"].pop("vocab"), "a part of the file is missing or malformed"),
    (lambda data: data["model"]["vocab"].update(b=5), "both have the id 5"),
    (lambda data: data["added_tokens"][0].update(id=5), r"'\[PAD\]' has the id 5, but in the vocabulary it has 0"),
    (
        lambda data: data["added_tokens"].append({"content": "new", "id": 6}),
        "'new' has the id 6, which belongs to 'b'",
    ),
]


@pytest.mark.parametrize(("change", "message"), CHANGES, ids=[message for _, message in CHANGES])
def test_tokenizer_json(tmp_path, bert, change, message):
    with pytest.raises(TokenizerError, match=message):
        BertTokenizer.from_pretrained(saved(bert, tmp_path, change))


BPE_CHANGES = [
    (lambda data: data["model"].update(dropout=0.1), "dropout=0.1"),
    (lambda data: data["model"].update(ignore_merges=True), "ignore_merges=True"),
    (lambda data: data["model"].update(end_of_word_suffix="</w>"), "end_of_word_suffix='</w>'"),
    (lambda data: data["pre_tokenizer"].update(use_regex=False), "ByteLevel without use_regex"),
    (lambda data: data.update(normalizer={"type": "Lowercase"}), "the normalizer 'Lowercase' is not supported"),
    (lambda data: data["model"]["merges"].append("abc"), "merge 1, 'abc', is not a pair"),
]


@pytest.mark.parametrize(("change", "message"), BPE_CHANGES, ids=[message for _, message in BPE_CHANGES])
def test_tokenizer_json_of_roberta(tmp_path, roberta, change, message):
    with pytest.raises(TokenizerError, match=message):
        RobertaTokenizer.from_pretrained(saved(roberta, tmp_path, change))


def test_replacements_in_tokenizer_json(tmp_path):
    """Those that SentencePiece would not make are refused; its map's own, and those of transformers, are read."""
    tokenizer = RemBertTokenizer(Path(__file__).parents[1] / "unigram_vectors" / "nmt.model")

    def read(step):
        folder = saved(tokenizer, tmp_path, lambda data: data["normalizer"]["normalizers"].append(step))
        (folder / "sentencepiece.model").unlink()
        return RemBertTokenizer.from_pretrained(folder)

    for pattern, content in (("ガ", "ガ"), ("``", '"'), ("か\u3099", "が"), ("①", "1")):
        step = {"type": "Replace", "pattern": {"String": pattern}, "content": content}
        assert read(step)("ab か\u3099 ①  b")["input_ids"] == tokenizer("ab か\u3099 ①  b")["input_ids"]
    for pattern, content in (({"String": "a"}, "b"), ({"Regex": "[aeiou]"}, "e"), ({"Regex": " +"}, "-"), ({}, "x")):
        text = re.escape("".join(pattern.values()))
        message = rf"the normalizer 'Replace {text} by {content}' is not supported"
        with pytest.raises(TokenizerError, match=message):
            read({"type": "Replace", "pattern": pattern, "content": content})


def test_special_tokens_with_type_one(tmp_path):
    """A template with another type, as a tokenizer.json may have it, takes the general road."""
    BertTokenizer(vocab={**BERT}).save_pretrained(tmp_path)
    data = json.loads((tmp_path / "tokenizer.json").read_text())
    data["post_processor"]["single"][-1]["SpecialToken"]["type_id"] = 1
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    assert BertTokenizer.from_pretrained(tmp_path)("a")["token_type_ids"] == [0, 0, 1]

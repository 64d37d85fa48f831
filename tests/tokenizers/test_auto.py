"""Which of the three tokenizers a folder holds."""

import pytest
from small_tokenizers import bert, rembert

from minibert.errors import TokenizerError
from minibert.tokenizers.auto import AutoTokenizer
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.rembert import RemBertTokenizer


def test_folders(tmp_path):
    with pytest.raises(TokenizerError, match="no such folder"):
        AutoTokenizer.from_pretrained(tmp_path / "none")
    with pytest.raises(TokenizerError, match="nothing here says which tokenizer"):
        AutoTokenizer.from_pretrained(tmp_path)
    with pytest.raises(TokenizerError, match=r"neither a tokenizer.json nor vocab.txt; the folder holds nothing"):
        BertTokenizer.from_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "T5Tokenizer"}')
    with pytest.raises(TokenizerError, match="tokenizer_class is 'T5Tokenizer'; minibert has tokenizers for bert"):
        AutoTokenizer.from_pretrained(tmp_path)
    with pytest.raises(TokenizerError, match=r"AutoTokenizer.from_pretrained\(folder\)"):
        AutoTokenizer()


def test_the_class_is_chosen(tmp_path):
    bert(*"abc").save_pretrained(tmp_path / "bert")
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        (tmp_path / "bert" / name).unlink()
    assert isinstance(AutoTokenizer.from_pretrained(tmp_path / "bert"), BertTokenizer)  # by tokenizer.json
    (tmp_path / "bert" / "tokenizer.json").unlink()
    assert isinstance(AutoTokenizer.from_pretrained(tmp_path / "bert"), BertTokenizer)  # by vocab.txt
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "roberta"}')
    with pytest.raises(ValueError, match=r"vocab.json and merges.txt"):
        AutoTokenizer.from_pretrained(tmp_path / "bert")
    rembert().save_vocabulary(tmp_path)
    assert isinstance(AutoTokenizer.from_pretrained(tmp_path), RemBertTokenizer)
    (tmp_path / "sentencepiece.model").rename(tmp_path / "spiece.model")
    assert isinstance(AutoTokenizer.from_pretrained(tmp_path), RemBertTokenizer)

"""BERT's tokenizer: what it needs, its options, its file."""

import pytest
from small_tokenizers import bert

from minibert.errors import TokenizerError
from minibert.tokenizers.bert import BertTokenizer


def test_what_it_needs():
    with pytest.raises(TokenizerError, match=r"no '\[UNK\]', the unknown token"):
        BertTokenizer(vocab={"a": 0})
    with pytest.raises(TokenizerError, match=r"vocab\.txt"):
        BertTokenizer()


def test_options_reach_their_stages():
    tokens = ["É", "é", "e", "中文", "中", "文", "@@b"]
    assert bert(*tokens).tokenize("É") == ["e"]
    assert bert(*tokens, strip_accents=False).tokenize("É") == ["é"]
    assert bert(*tokens, do_lower_case=False).tokenize("É") == ["É"]
    assert bert(*tokens).tokenize("中文") == ["中", "文"]
    assert bert(*tokens, tokenize_chinese_chars=False).tokenize("中文") == ["中文"]
    assert bert(*tokens, wordpieces_prefix="@@").tokenize("eb") == ["e", "@@b"]
    assert bert(*tokens, wordpieces_prefix="@@", max_input_chars_per_word=1).tokenize("eb e") == ["[UNK]", "e"]


def test_its_file_reads_back(tmp_path):
    tokenizer = bert("a", "é")
    (path,) = tokenizer.save_vocabulary(tmp_path)
    assert BertTokenizer(path).vocab == tokenizer.vocab

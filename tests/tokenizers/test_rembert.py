"""RemBERT's tokenizer: what it needs, its options, its file."""

from dataclasses import replace

import pytest
from small_tokenizers import rembert

from minibert.errors import TokenizerError
from minibert.tokenizers.rembert import RemBertTokenizer


def test_what_it_needs():
    with pytest.raises(TokenizerError, match=r"\.model"):
        RemBertTokenizer()


def test_special_tokens_without_a_piece_come_after_the_last():
    model = replace(rembert().model, pieces=rembert().model.pieces[:4])
    tokenizer = RemBertTokenizer(model=model)
    assert tokenizer.vocab_size == 4
    roles = ("cls_token", "sep_token", "pad_token", "mask_token")
    assert sorted(tokenizer.special.id(role) for role in roles) == [4, 5, 6, 7]


def test_options_come_before_the_model():
    assert rembert().tokenize("Áb") == ["▁", "[UNK]", "b"]
    assert rembert(do_lower_case=True, keep_accents=False).tokenize("Áb") == ["▁a", "b"]


def test_its_file_reads_back(tmp_path):
    tokenizer = rembert(byte_fallback=True)
    (path,) = tokenizer.save_vocabulary(tmp_path)
    assert RemBertTokenizer(path).model == tokenizer.model

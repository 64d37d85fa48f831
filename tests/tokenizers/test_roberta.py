"""RoBERTa's tokenizer: its rows, its blanks, what it needs."""

import pytest
from small_tokenizers import roberta

from minibert.errors import TokenizerError
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS


def test_roberta():
    vocab = {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *BYTE_CHARS, "Ġa"])}
    tokenizer = RobertaTokenizer(vocab=vocab, merges=[("Ġ", "a")])
    row = tokenizer("a a", "a", return_offsets_mapping=True, return_token_type_ids=True)
    assert row.tokens() == ["<s>", "a", "Ġa", "</s>", "</s>", "a", "</s>"]
    assert row["offset_mapping"][2] == (2, 3)  # the blank is trimmed
    assert row["token_type_ids"] == [0] * 7
    assert list(row) == ["input_ids", "token_type_ids", "attention_mask", "offset_mapping"]
    assert list(tokenizer("a")) == ["input_ids", "attention_mask"]
    assert tokenizer.tokenize("a  <mask> a") == ["a", "<mask>", "Ġa"]
    assert tokenizer.decode(tokenizer("a é😀")["input_ids"]) == "<s>a é😀</s>"


def test_what_it_needs():
    with pytest.raises(TokenizerError, match=r"vocab\.json"):
        RobertaTokenizer()
    with pytest.raises(TokenizerError, match="needs its merges"):
        RobertaTokenizer(vocab=roberta([]).vocab)
    with pytest.raises(TokenizerError, match=r"merge 0, 'a' . 'x', needs the token 'ax', which is not among the 261"):
        RobertaTokenizer(vocab=roberta([]).vocab, merges=[("a", "x")])


def test_its_files_read_back(tmp_path):
    tokenizer = roberta([("Ġ", "a")])
    paths = tokenizer.save_vocabulary(tmp_path)
    again = RobertaTokenizer(*paths)
    assert (again.vocab, again.merges) == (tokenizer.vocab, [("Ġ", "a")])

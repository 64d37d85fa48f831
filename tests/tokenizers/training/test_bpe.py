"""Byte-level BPE learned from texts: small corpora by hand, and the files that are written."""

import json

from generated_texts import SENTENCES

import minibert as mb
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS
from minibert.tokenizers.training.bpe import train_bpe


def test_bpe_vocabulary_has_specials_bytes_and_merges_in_order():
    trained = train_bpe(["low lower lowest", "slow"], 270, progress=False)
    tokens = list(trained.vocab)
    assert tokens[:5] == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    assert tokens[5:261] == sorted(BYTE_CHARS)
    assert tokens[261:] == ["".join(pair) for pair in trained.merges]
    assert list(trained.vocab.values()) == list(range(len(tokens)))


def test_bpe_prefix_space():
    assert ("Ġ", "a") in train_bpe(["a", "a"], 300, add_prefix_space=True, progress=False).merges
    assert train_bpe([" a", " a"], 300, progress=False).merges == [("Ġ", "a")]


def test_bpe_prefix_space_is_not_doubled():
    assert train_bpe([" a", " a"], 300, add_prefix_space=True, progress=False).merges == [("Ġ", "a")]
    assert train_bpe([" ", " "], 300, add_prefix_space=True, progress=False).merges == []


def test_bpe_files_load(tmp_path):
    trained = train_bpe(SENTENCES * 2, 700, progress=False)
    paths = trained.save(tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["vocab.json", "merges.txt", "tokenizer_config.json"]
    assert json.loads(paths[0].read_text(encoding="utf-8")) == trained.vocab
    tokenizer = mb.RobertaTokenizer.from_pretrained(tmp_path / "new" / "folder")
    assert tokenizer.get_vocab() == trained.vocab
    for text in SENTENCES:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        assert len(ids) < len(text.encode())

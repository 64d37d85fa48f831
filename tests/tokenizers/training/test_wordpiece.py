"""WordPiece learned from texts: the order of the vocabulary, alphabets, options, files."""

from generated_texts import SENTENCES

import minibert as mb
from minibert.tokenizers.training.wordpiece import train_wordpiece


def test_wordpiece_vocabulary_order():
    trained = train_wordpiece(["Hug hugs!", "héhé"], 40, progress=False)
    assert list(trained.vocab)[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert list(trained.vocab)[5:15] == ["!", "e", "g", "h", "s", "u", "##e", "##g", "##h", "##s"]
    assert "hug" in trained.vocab


def test_wordpiece_options():
    cased = train_wordpiece(["Éa Éa"], 40, do_lower_case=False, progress=False).vocab
    assert {"É", "##a", "Éa"} <= set(cased)
    kept = train_wordpiece(["Éa Éa"], 40, strip_accents=False, progress=False).vocab
    assert "éa" in kept
    assert (
        "中文"
        in train_wordpiece(["中文 中文"], 40, tokenize_chinese_chars=False, wordpieces_prefix="", progress=False).vocab
    )
    assert "@@b" in train_wordpiece(["ab"], 40, wordpieces_prefix="@@", progress=False).vocab


def test_limited_alphabet_keeps_the_most_frequent_characters():
    trained = train_wordpiece(["aab aab ac"], 40, limit_alphabet=2, min_frequency=99, progress=False)
    assert list(trained.vocab)[5:] == ["a", "b", "##a", "##b"]


def test_the_alphabet_counts_occurrences_not_words():
    trained = train_wordpiece(["zzz b", "aq bq q"], 99, limit_alphabet=3, progress=False, special_tokens=["[UNK]"])
    assert {"z", "q", "b"} < set(trained.vocab)  # 3, 3 and 2 times; a once
    trained = train_wordpiece(["z"] * 5 + ["qa qb"], 99, limit_alphabet=1, progress=False, special_tokens=["[UNK]"])
    assert list(trained.vocab) == ["[UNK]", "z"]


def test_words_that_the_limited_alphabet_makes_equal_count_together():
    steps = []
    texts = ["ab"] * 5 + ["axb"] * 4
    train_wordpiece(texts, 99, limit_alphabet=2, progress=False, on_step=steps.append)
    assert [(step.merged, step.frequency) for step in steps] == [("ab", 9)]


def test_wordpiece_files_load(tmp_path):
    trained = train_wordpiece(SENTENCES, 900, do_lower_case=False, progress=False)
    assert [path.name for path in trained.save(tmp_path)] == ["vocab.txt", "tokenizer_config.json"]
    tokenizer = mb.BertTokenizer.from_pretrained(tmp_path)
    assert tokenizer.get_vocab() == trained.vocab
    assert tokenizer.do_lower_case is False
    assert "[UNK]" not in tokenizer.tokenize(SENTENCES[0])

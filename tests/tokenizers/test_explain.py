"""The steps that each stage tells."""

from minibert.tokenizers.auto import AutoTokenizer
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.stages.added_tokens import AddedToken

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##able", "a"]


def test_the_readable_form():
    tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate(VOCAB)})
    assert str(tokenizer.explain("Unable[MASK]")).splitlines() == [
        "WordPiece of 'Unable[MASK]'",
        "",
        "[0:6] text",
        "  lower-case: 'unable'",
        "  words: 'unable'",
        "  'unable' [0:6]",
        "    unable no",
        "    unabl no",
        "    unab no",
        "    una no",
        "    un found",
        "    ##able found",
        "    = un (5) ##able (6)",
        "",
        "[6:12] '[MASK]' is the added token 4",
        "",
        "with special tokens:",
        "  [CLS]  2  (added around the text)",
        "  un     5",
        "  ##able 6",
        "  [MASK] 4",
        "  [SEP]  3  (added around the text)",
    ]


def test_normalisation_is_told_once_for_a_text():
    tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate(VOCAB)})
    tokenizer.add_tokens(AddedToken("NEW"))
    parts = tokenizer.explain("A new A").parts
    assert [(part.text, part.added, len(part.normalization)) for part in parts] == [
        ("a ", None, 1), ("new", 8, 0), (" a", None, 0),
    ]  # fmt: skip


def test_nothing_is_left():
    tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate(VOCAB)})
    (part,) = tokenizer.explain("\x00").parts
    assert (part.text, part.normalized, part.words, part.normalization) == ("\x00", "", [], [("clean", "")])


def test_a_long_word_is_not_told_merge_by_merge() -> None:
    tokenizer = AutoTokenizer.from_pretrained("tiny-roberta")
    told = tokenizer.explain("." * 1000)
    assert told.ids == tokenizer("." * 1000, verbose=False)["input_ids"]
    assert len(str(told)) < 30_000
    assert "(its merges are not shown: it has 1000 bytes, more than 200)" in str(told)
    assert "not shown" not in str(tokenizer.explain("." * 200))

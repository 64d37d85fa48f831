"""The words of each family."""

from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.pre_tokenizers import (
    BertPreTokenizer,
    ByteLevelPreTokenizer,
    SentencePiecePreTokenizer,
    is_google_punctuation,
    original_opening,
)


def words(pre_tokenizer, text):
    return [word.text for word in pre_tokenizer.split(AlignedText.from_text(text))]


def test_bert():
    assert words(BertPreTokenizer(), " don't\u3000stop€!") == ["don", "'", "t", "stop€", "!"]
    assert words(BertPreTokenizer(), " \t") == []
    newer = "a\u2e52b"  # punctuation since Unicode 14
    assert words(BertPreTokenizer(), newer) == [newer]
    assert words(BertPreTokenizer(is_google_punctuation), newer) == ["a", "\u2e52", "b"]


def test_roberta():
    plain, prefixed = ByteLevelPreTokenizer(), ByteLevelPreTokenizer(add_prefix_space=True)
    assert words(plain, "it's  2\n\nfast") == ["it", "'s", " ", " 2", "\n", "\n", "fast"]
    assert words(prefixed, "a") == [" a"]
    assert words(prefixed, " a") == [" a"]
    assert words(prefixed, "\na") == [" ", "\n", "a"]
    assert words(prefixed, "") == []
    assert prefixed.split(AlignedText.from_text("a", 5))[0].spans == [(5, 6), (5, 6)]


def test_the_original_blank():
    assert original_opening(True, "a", False) == " "
    assert original_opening(False, "a", True) == " "
    for text in ("", " a", "\ta"):
        assert original_opening(True, text, True) == ""
    assert original_opening(False, "a", False) == ""


def test_rembert():
    assert words(SentencePiecePreTokenizer(), "ab▁c▁▁a") == ["ab", "▁c", "▁", "▁a"]
    schemes = [SentencePiecePreTokenizer(adds).to_json()["prepend_scheme"] for adds in (True, False)]
    assert schemes == ["always", "never"]


def test_words_keep_their_places():
    text = AlignedText("a b", [(3, 4), (4, 7), (9, 10)])
    assert BertPreTokenizer().split(text) == [AlignedText("a", [(3, 4)]), AlignedText("b", [(9, 10)])]

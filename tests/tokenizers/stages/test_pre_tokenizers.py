"""The words of each family."""

import pytest
from generated_texts import generate

from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.pre_tokenizers import (
    BertPreTokenizer,
    ByteLevelPreTokenizer,
    SentencePiecePreTokenizer,
    bert_pre_tokenize,
    byte_level_pre_tokenize,
    is_bert_punctuation,
    is_google_punctuation,
    original_opening,
    sentencepiece_pre_tokenize,
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


def strings(cut, text):
    return [text[start:end] for start, end in cut(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("  ", []),
        ("john johanson's house", ["john", "johanson", "'", "s", "house"]),  # the example of google-research/bert
        ("a--b", ["a", "-", "-", "b"]),
        ("¿qué?", ["¿", "qué", "?"]),
        ("3.50$", ["3", ".", "50", "$"]),
        ("a\u3000b\n", ["a", "b"]),
    ],
)
def test_the_examples_of_google(text, found):
    assert strings(bert_pre_tokenize, text) == found


def test_punctuation_is_ascii_signs_and_unicode_categories():
    ascii_signs = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    for is_punctuation in (is_bert_punctuation, is_google_punctuation):
        assert "".join(filter(is_punctuation, map(chr, range(128)))) == ascii_signs
        assert all(map(is_punctuation, "«»„“—、。"))
        assert not any(map(is_punctuation, "€©²ªé中"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello world", ["Hello", " world"]),
        ("Hello  world", ["Hello", " ", " world"]),
        ("a   ", ["a", "   "]),
        ("they'll we've I'm he'd can't it's you're", [
            "they", "'ll", " we", "'ve", " I", "'m", " he", "'d", " can", "'t", " it", "'s", " you", "'re",
        ]),
        ("IT'S", ["IT", "'", "S"]),  # contractions are lower case
        ("abc123!?", ["abc", "123", "!?"]),
        ("a\n\n b", ["a", "\n\n", " b"]),
        ("ñé中 ½", ["ñé中", " ½"]),
    ],
)  # fmt: skip
def test_gpt2(text, found):
    assert strings(byte_level_pre_tokenize, text) == found


def test_words_of_gpt2_and_of_sentencepiece_lose_nothing():
    for text in generate(300, 32, ["<mask>"]):
        assert "".join(strings(byte_level_pre_tokenize, text)) == text
        normalized = text.replace(" ", "▁")
        found = strings(sentencepiece_pre_tokenize, normalized)
        assert "".join(found) == normalized
        assert all("▁" not in word[1:] for word in found)

"""Stage 2, pre-tokenisation: the text cut into words, which the model then cuts into pieces.

BERT cuts at blanks and around punctuation. RoBERTa cuts with GPT-2's pattern, and a blank belongs to the word
after it. RemBERT's words begin at SentencePiece's "▁".

Sources: google-research/bert tokenization.py (BasicTokenizer); Radford et al., "Language Models are
Unsupervised Multitask Learners" (GPT-2, 2019), and its encoder.py; Kudo and Richardson 2018, "SentencePiece",
arXiv:1808.06226, section 3.2 for "▁".
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.pieces import SPACE
from minibert.tokenizers.stages.unicode_tables import (
    BERT_PUNCTUATION,
    LETTERS,
    NUMBERS,
    WHITESPACE,
    char_class,
    code_points,
)

# ---------------------------------------------------------------- BERT


def is_bert_punctuation(char: str) -> bool:
    """ASCII that is no letter, digit or blank, and Unicode's P* categories.

    >>> [is_bert_punctuation(char) for char in "$¿€a"]
    [True, True, False, False]
    """
    return ord(char) in code_points(BERT_PUNCTUATION)


def is_google_punctuation(char: str) -> bool:
    """The same, with the Unicode tables of the running Python, as Google's code asks them.

    >>> [is_google_punctuation(char) for char in "$¿€a"]
    [True, True, False, False]
    """
    return ("!" <= char <= "~" and not char.isalnum()) or unicodedata.category(char).startswith("P")


def bert_pre_tokenize(text: str, is_punctuation: Callable[[str], bool] = is_bert_punctuation) -> list[Span]:
    """Spans of the words: blanks separate and vanish, each punctuation character stands alone.

    >>> text = "don't stop"
    >>> [text[start:end] for start, end in bert_pre_tokenize(text)]
    ['don', "'", 't', 'stop']
    """
    spans: list[Span] = []
    start = 0  # of the word being read
    for i, char in enumerate(text):
        blank = ord(char) in code_points(WHITESPACE)
        if not blank and not is_punctuation(char):
            continue
        if start < i:
            spans.append((start, i))
        if not blank:
            spans.append((i, i + 1))
        start = i + 1
    if start < len(text):
        spans.append((start, len(text)))
    return spans


class BertPreTokenizer:
    """BERT's stage 2.

    >>> [word.text for word in BertPreTokenizer().split(AlignedText.from_text("don't stop"))]
    ['don', "'", 't', 'stop']
    """

    def __init__(self, is_punctuation: Callable[[str], bool] = is_bert_punctuation) -> None:
        self.is_punctuation = is_punctuation

    def split(self, text: AlignedText) -> list[AlignedText]:
        """The words of normalised text."""
        return text.cut(bert_pre_tokenize(text.text, self.is_punctuation))

    def to_json(self) -> dict[str, Any]:
        """The section "pre_tokenizer" of a tokenizer.json."""
        return {"type": "BertPreTokenizer"}


# ---------------------------------------------------------------- RoBERTa


def gpt2_pattern(letter: str, number: str, blank: str) -> str:
    """GPT-2's pattern for given character classes: contractions, words, numbers, other signs, blanks."""
    return (
        "'s|'t|'re|'ve|'m|'ll|'d"
        f"| ?[{letter}]+| ?[{number}]+| ?[^{blank}{letter}{number}]+"
        f"|[{blank}]+(?![^{blank}])|[{blank}]+"
    )


@cache
def gpt2_words() -> re.Pattern[str]:
    """The pattern with the character classes of Unicode 15.1, as the compiled tokenizers have them.

    >>> gpt2_words().findall("Hello  world's 2nd né")
    ['Hello', ' ', ' world', "'s", ' 2', 'nd', ' né']
    """
    return re.compile(gpt2_pattern(char_class(LETTERS), char_class(NUMBERS), char_class(WHITESPACE)))


def byte_level_pre_tokenize(text: str) -> list[Span]:
    """Spans of the words; a blank belongs to the word after it.

    >>> text = "it's  2 fast"
    >>> [text[start:end] for start, end in byte_level_pre_tokenize(text)]
    ['it', "'s", ' ', ' 2', ' fast']
    """
    return [match.span() for match in gpt2_words().finditer(text)]


class ByteLevelPreTokenizer:
    """RoBERTa's stage 2. `add_prefix_space`: each text between special tokens gets a blank, unless it begins with one.

    >>> split = ByteLevelPreTokenizer(add_prefix_space=True).split
    >>> split(AlignedText.from_text("a b"))
    [AlignedText(text=' a', spans=[(0, 1), (0, 1)]), AlignedText(text=' b', spans=[(1, 2), (2, 3)])]
    """

    def __init__(self, add_prefix_space: bool = False, trim_offsets: bool = True) -> None:
        self.add_prefix_space = add_prefix_space
        self.trim_offsets = trim_offsets  # only written into files: the post-processor trims

    def adds_space(self, text: str) -> bool:
        """Whether a text between special tokens gets a blank."""
        return self.add_prefix_space and text[:1] not in ("", " ")

    def split(self, text: AlignedText) -> list[AlignedText]:
        """The words. A blank that was put in front stands where the text begins."""
        if self.adds_space(text.text):
            text = AlignedText(" " + text.text, text.spans[:1] + text.spans)
        return text.cut(byte_level_pre_tokenize(text.text))

    def to_json(self) -> dict[str, Any]:
        """The section "pre_tokenizer" of a tokenizer.json."""
        return {
            "type": "ByteLevel",
            "add_prefix_space": self.add_prefix_space,
            "trim_offsets": self.trim_offsets,
            "use_regex": True,
        }


def original_opening(add_prefix_space: bool, text: str, is_word: bool) -> str:
    """What the original Python code puts before a whole text, or before a word of a text that came as words.

    It is a blank, put there once; a text that begins with white space of any kind gets none.

    >>> original_opening(True, "a", False), original_opening(True, "\\na", False), original_opening(False, "a", True)
    (' ', '', ' ')
    """
    return " " if (add_prefix_space or is_word) and text and not text[0].isspace() else ""


# ---------------------------------------------------------------- RemBERT


_SPACE_WORDS = re.compile(f"{SPACE}[^{SPACE}]*|[^{SPACE}]+")


def sentencepiece_pre_tokenize(text: str) -> list[Span]:
    """Spans of the words: each "▁" begins one.

    >>> text = "▁hello▁▁world"
    >>> [text[start:end] for start, end in sentencepiece_pre_tokenize(text)]
    ['▁hello', '▁', '▁world']
    """
    return [match.span() for match in _SPACE_WORDS.finditer(text)]


def metaspace_json(adds_space: bool) -> dict[str, Any]:
    """The section of a tokenizer.json that says that "▁" stands for a blank: of the pre-tokenizer and the decoder."""
    scheme = "always" if adds_space else "never"
    return {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": True}


class SentencePiecePreTokenizer:
    """RemBERT's stage 2. `adds_space`: whether the normaliser puts a "▁" before the text (only written into files).

    >>> [word.text for word in SentencePiecePreTokenizer().split(AlignedText.from_text("▁hello▁world"))]
    ['▁hello', '▁world']
    """

    def __init__(self, adds_space: bool = True) -> None:
        self.adds_space = adds_space

    def split(self, text: AlignedText) -> list[AlignedText]:
        """The words of normalised text."""
        return text.cut(sentencepiece_pre_tokenize(text.text))

    def to_json(self) -> dict[str, Any]:
        """The section "pre_tokenizer" of a tokenizer.json."""
        return metaspace_json(self.adds_space)

"""Stage 2, pre-tokenisation: the text cut into words, which the model then cuts into pieces.

BERT cuts at blanks and around punctuation; RoBERTa cuts with GPT-2's pattern. Both give spans of the
normalised text. RemBERT's words begin at SentencePiece's "▁" (`unigram.py`).
"""

import re
import unicodedata
from functools import cache
from typing import Any

from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.unicode_tables import (
    BERT_PUNCTUATION,
    WHITESPACE,
    char_class,
    code_points,
)


def is_bert_punctuation(char: str) -> bool:
    """ASCII that is no letter, digit or blank, and Unicode's P* categories.

    >>> [is_bert_punctuation(char) for char in "$¿€a"]
    [True, True, False, False]
    """
    return ord(char) in code_points(BERT_PUNCTUATION)


def is_google_punctuation(char: str) -> bool:
    """The same, with the Unicode tables of the running Python, as Google's code asks them."""
    return ("!" <= char <= "~" and not char.isalnum()) or unicodedata.category(char).startswith("P")


def bert_pre_tokenize(text: str, is_punctuation: Any = is_bert_punctuation) -> list[Span]:
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


@cache
def bert_word_pattern() -> re.Pattern[str]:
    """The same cut as one pattern: its matches are the words.

    >>> bert_word_pattern().findall("don't stop")
    ['don', "'", 't', 'stop']
    """
    blank, punctuation = char_class(WHITESPACE), char_class(BERT_PUNCTUATION)
    return re.compile(f"[^{blank}{punctuation}]+|[{punctuation}]")


# The same for ASCII text, where the classes are short: the fast path's common case.
BERT_ASCII_WORDS = re.compile(r"[0-9A-Za-z]+|[!-/:-@\[-`{-~]")

"""Stage 1, normalisation: BERT's cleaning, CJK spacing, accents and case.

Each step is a function of an `AlignedText`, so that it can be called alone and its effect on offsets is
in view; `bert_normalize` runs them in the reference's order. `BertTranslator` is the fast form: nearly
every step looks at one character at a time, so their chain is one table for `str.translate`.

RoBERTa has no normalisation; RemBERT's is the map inside its SentencePiece model (`charsmap.py`).

Sources: google-research/bert tokenization.py (BasicTokenizer); `BertNormalizer` of Hugging Face's tokenizers.
"""

import unicodedata
from dataclasses import dataclass

from minibert.errors import InputError
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.unicode_tables import (
    BERT_CJK,
    BERT_MARKS,
    BERT_REMOVED,
    BERT_TO_SPACE,
    GOOGLE_CJK,
    NEWER_LOWER,
    NFD_UNORDERED,
    NFD_WHOLE,
    code_points,
)


@dataclass(frozen=True)
class BertNormalizerOptions:
    """What BERT's normaliser does; the fields are those of tokenizer.json's `BertNormalizer`."""

    clean_text: bool = True
    handle_chinese_chars: bool = True
    strip_accents: bool | None = None  # None: as `lowercase` says
    lowercase: bool = True

    @property
    def strips_accents(self) -> bool:
        return self.lowercase if self.strip_accents is None else self.strip_accents


# ---------------------------------------------------------------- the steps, plainly


def clean_text(text: AlignedText) -> AlignedText:
    r"""Controls, formats, private use and U+FFFD vanish; every kind of blank becomes ' '.

    >>> clean_text(AlignedText.from_text("a\x0bb\u3000c")).text
    'ab c'
    """
    return text.replace_each(_clean_char)


def _clean_char(char: str) -> str:
    if ord(char) in code_points(BERT_TO_SPACE):
        return " "
    return "" if ord(char) in code_points(BERT_REMOVED) else char


def space_cjk(text: AlignedText) -> AlignedText:
    """Each ideograph gets a blank on both sides, so that it becomes a word of its own.

    >>> space_cjk(AlignedText.from_text("a中b")).text
    'a 中 b'
    """
    return text.replace_each(_space_cjk_char)


def _space_cjk_char(char: str) -> str:
    return f" {char} " if ord(char) in code_points(BERT_CJK) else char


def strip_accents(text: AlignedText) -> AlignedText:
    """Canonical decomposition, then the nonspacing marks are dropped.

    >>> strip_accents(AlignedText.from_text("Éa")).text
    'Ea'
    """
    decomposed = decompose(text)
    kept = [i for i, char in enumerate(decomposed.text) if ord(char) not in code_points(BERT_MARKS)]
    return AlignedText("".join(decomposed.text[i] for i in kept), [decomposed.spans[i] for i in kept])


def lowercase(text: AlignedText) -> AlignedText:
    """Lower case of each character by itself: a final sigma is like any other.

    >>> lowercase(AlignedText.from_text("ΟΔΟΣ")).text
    'οδοσ'
    """
    return text.replace_each(lower_char)


def lower_char(char: str) -> str:
    """One character's lower case, in the Unicode version of the compiled tokenizers."""
    newer = NEWER_LOWER.get(ord(char))
    return char.lower() if newer is None else chr(newer)


def decompose_char(char: str) -> str:
    """One character's full canonical decomposition.

    >>> [f"{ord(c):X}" for c in decompose_char("ế")]
    ['65', '302', '301']
    """
    return char if ord(char) in code_points(NFD_WHOLE) else unicodedata.normalize("NFD", char)


def combining_class(char: str) -> int:
    """Where a mark stands among others in NFD; 0 for characters that stay where they are.

    >>> combining_class("\u0323"), combining_class("a")
    (220, 0)
    """
    return 0 if ord(char) in code_points(NFD_UNORDERED) else unicodedata.combining(char)


def decompose(text: AlignedText) -> AlignedText:
    """NFD: decompose each character, then put each run of marks in the order of their combining classes.

    `unicodedata.normalize` does the same to a whole string, but sorts a run of n marks in n * n steps.
    The first character that a decomposition gives takes the next source span; the others take the span
    before them. After sorting, that bookkeeping moves along with the characters, as the reference has it.
    """
    units = [(char, i > 0) for source in text.text for i, char in enumerate(decompose_char(source))]
    units = _sort_marks(units)
    sources = -1
    spans = []
    for _, added in units:
        sources += not added
        spans.append(text.spans[max(sources, 0)])
    return AlignedText("".join(char for char, _ in units), spans)


def _sort_marks(units: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Canonical ordering: a stable sort by combining class inside each run of non-zero classes."""
    classes = [combining_class(char) for char, _ in units]
    start = 0
    while start < len(units):
        end = start
        while end < len(units) and classes[end]:
            end += 1
        if end - start > 1:
            order = sorted(range(start, end), key=classes.__getitem__)
            units[start:end] = [units[i] for i in order]
        start = end + 1
    return units


def bert_normalize(text: AlignedText, options: BertNormalizerOptions) -> AlignedText:
    """All steps that the options ask for, in the reference's order.

    >>> bert_normalize(AlignedText.from_text("Ünï中"), BertNormalizerOptions()).text
    'uni 中 '
    """
    check_no_surrogates(text.text)
    if options.clean_text:
        text = clean_text(text)
    if options.handle_chinese_chars:
        text = space_cjk(text)
    if options.strips_accents:
        text = strip_accents(text)
    if options.lowercase:
        text = lowercase(text)
    return text


def check_no_surrogates(text: str) -> None:
    """Raise InputError when half of a surrogate pair stands in the text: it is no character, and no UTF-8.

    >>> check_no_surrogates("fine")
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"The text holds a lone surrogate, U+{ord(text[error.start]):04X}, at position {error.start}; "
            "it is no character, so it cannot be tokenized: decode the source with errors='replace'."
        ) from None


# ---------------------------------------------------------------- the same, as one table


class BertTranslator(dict[int, str]):
    """code point -> what the whole chain of steps makes of it, filled as characters are met.

    The chain looks at one character at a time, with one exception: NFD may swap two marks that both
    stay. A character that leaves such a mark is refused here (`NeedsPlainPath`), and its text takes
    the plain functions.

    >>> "Ünï中".translate(BertTranslator(BertNormalizerOptions()))
    'uni 中 '
    """

    def __init__(self, options: BertNormalizerOptions) -> None:
        super().__init__()
        self.options = options

    def __missing__(self, code: int) -> str:
        char = chr(code)
        result = bert_normalize(AlignedText.from_text(char), self.options).text
        if self.options.strips_accents and any(map(combining_class, result)):
            raise NeedsPlainPath
        self[code] = result
        return result


class NeedsPlainPath(Exception):
    """The text holds something that the fast path does not handle; the plain functions do."""


# ---------------------------------------------------------------- Google's original


def google_normalize(text: AlignedText, options: BertNormalizerOptions) -> AlignedText:
    """As google-research/bert does it: Python's Unicode tables, whole-word lower case, then accents.

    Differences from `bert_normalize` stand in the table of `profiles.py`.

    >>> google_normalize(AlignedText.from_text("ΟΔΟΣ"), BertNormalizerOptions()).text
    'οδος'
    """
    check_no_surrogates(text.text)
    if options.clean_text:
        text = text.replace_each(_google_clean_char)
    if options.handle_chinese_chars:
        text = text.replace_each(lambda char: f" {char} " if ord(char) in code_points(GOOGLE_CJK) else char)
    if options.lowercase:
        text = _lower_words(text)
    if options.strips_accents:
        decomposed = decompose(text)
        kept = [i for i, char in enumerate(decomposed.text) if unicodedata.category(char) != "Mn"]
        text = AlignedText("".join(decomposed.text[i] for i in kept), [decomposed.spans[i] for i in kept])
    return text


def _google_clean_char(char: str) -> str:
    if char in " \t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    return "" if char in "\0\ufffd" or unicodedata.category(char) in ("Cc", "Cf") else char


def _lower_words(text: AlignedText) -> AlignedText:
    """`str.lower` of the whole text: only a capital sigma at a word's end differs from its own lower case."""
    lowered = text.replace_each(str.lower)
    whole = text.text.lower()
    return AlignedText(whole, lowered.spans)

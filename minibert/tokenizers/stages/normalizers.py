"""Stage 1, normalisation: BERT's cleaning, CJK spacing, accents and case.

Each step is a function of an `AlignedText`, so that it can be called alone, and its effect on offsets is in
view. `BertNormalizer` runs them in the reference's order.

RoBERTa has no normalisation. RemBERT's is the map inside its SentencePiece model (`unigram_normalizer.py`).

Sources: google-research/bert tokenization.py (BasicTokenizer); `BertNormalizer` of Hugging Face's tokenizers.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

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

# ---------------------------------------------------------------- the steps


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


# ---------------------------------------------------------------- the stage


@dataclass(frozen=True)
class BertNormalizer:
    """BERT's stage 1; the fields are those of tokenizer.json's `BertNormalizer`.

    >>> BertNormalizer().normalize(AlignedText.from_text("Ünï中")).text
    'uni 中 '
    """

    clean_text: bool = True
    handle_chinese_chars: bool = True
    strip_accents: bool | None = None  # None: as `lowercase` says
    lowercase: bool = True

    @property
    def strips_accents(self) -> bool:
        """Whether accents go: as `strip_accents` says, or else as `lowercase` does."""
        return self.lowercase if self.strip_accents is None else self.strip_accents

    def normalize(self, text: AlignedText) -> AlignedText:
        """The text after all steps. Raises InputError for lone surrogates."""
        check_no_surrogates(text.text)
        for _, after in self.steps(text):
            text = after
        return text

    def steps(self, text: AlignedText) -> Iterator[tuple[str, AlignedText]]:
        """Each step that the fields ask for: its name, and the text after it."""
        if self.clean_text:
            text = clean_text(text)
            yield "clean", text
        if self.handle_chinese_chars:
            text = space_cjk(text)
            yield "space ideographs", text
        if self.strips_accents:
            text = strip_accents(text)
            yield "strip accents", text
        if self.lowercase:
            yield "lower-case", lowercase(text)

    def surface(self, content: str) -> str:
        """How an added token looks in normalised text."""
        return self.normalize(AlignedText.from_text(content)).text

    def to_json(self) -> dict[str, Any] | None:
        """The section "normalizer" of a tokenizer.json."""
        return {"type": "BertNormalizer", **asdict(self)}


class GoogleNormalizer(BertNormalizer):
    """As google-research/bert does it: Python's Unicode tables, whole-word lower case, then accents.

    Differences from `BertNormalizer` stand in the table of `profiles.py`.

    >>> GoogleNormalizer().normalize(AlignedText.from_text("ΟΔΟΣ")).text
    'οδος'
    """

    def steps(self, text: AlignedText) -> Iterator[tuple[str, AlignedText]]:
        """One step, in which all is done."""
        if self.clean_text:
            text = text.replace_each(_google_clean_char)
        if self.handle_chinese_chars:
            text = text.replace_each(lambda char: f" {char} " if ord(char) in code_points(GOOGLE_CJK) else char)
        if self.lowercase:
            text = _lower_words(text)
        if self.strips_accents:
            decomposed = decompose(text)
            kept = [i for i, char in enumerate(decomposed.text) if unicodedata.category(char) != "Mn"]
            text = AlignedText("".join(decomposed.text[i] for i in kept), [decomposed.spans[i] for i in kept])
        yield "normalise", text


class NoNormalizer:
    """RoBERTa's stage 1: text stays as it is.

    >>> NoNormalizer().normalize(AlignedText.from_text("É")).text
    'É'
    """

    def normalize(self, text: AlignedText) -> AlignedText:
        """The text itself. Raises InputError for lone surrogates."""
        check_no_surrogates(text.text)
        return text

    def steps(self, text: AlignedText) -> Iterator[tuple[str, AlignedText]]:
        """None."""
        return iter(())

    def surface(self, content: str) -> str:
        """An added token looks in normalised text as it does anywhere."""
        return content

    def to_json(self) -> None:
        """The section "normalizer" of a tokenizer.json: there is none."""
        return None


def _google_clean_char(char: str) -> str:
    if char in " \t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    return "" if char in "\0\ufffd" or unicodedata.category(char) in ("Cc", "Cf") else char


def _lower_words(text: AlignedText) -> AlignedText:
    """`str.lower` of the whole text: only a capital sigma at a word's end differs from its own lower case."""
    lowered = text.replace_each(str.lower)
    whole = text.text.lower()
    return AlignedText(whole, lowered.spans)

"""Stage 1 for RemBERT: what SentencePiece does to a text before it looks for pieces.

Characters are rewritten by the model's map (`charsmap.py`), blanks are collapsed and become ▁ (U+2581), and a
▁ is put in front. Symbols that the user defined stay as they are. All of it is done rule by rule, so that each
character knows where it comes from.

Source: SentencePiece's normaliser, whose corners were found by experiment.
"""

import base64
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.charsmap import CharsMap
from minibert.tokenizers.stages.normalizers import check_no_surrogates, lower_char
from minibert.tokenizers.stages.pieces import SPACE, PieceType, SentencePieceModel


class UnigramNormalizer:
    """The normaliser of a model.

    >>> from minibert.tokenizers.stages.pieces import Piece
    >>> normalizer = UnigramNormalizer(SentencePieceModel((Piece("<unk>", 0, PieceType.UNKNOWN), Piece("a", -1))))
    >>> normalizer.normalize(AlignedText.from_text("a  b"))
    AlignedText(text='▁a▁b', spans=[(0, 1), (0, 1), (2, 3), (3, 4)])
    """

    def __init__(self, model: SentencePieceModel) -> None:
        options = model.normalizer
        self.charsmap = CharsMap(options.charsmap, name=model.name)
        self.space = SPACE if options.escape_whitespaces else " "
        self.collapses = options.remove_extra_whitespaces
        self.adds_prefix = options.add_dummy_prefix and not model.treat_whitespace_as_suffix
        self.adds_suffix = options.add_dummy_prefix and model.treat_whitespace_as_suffix
        self.symbols = SymbolMatcher([piece.text for piece in model.pieces if piece.type == PieceType.USER_DEFINED])

    def normalize(self, source: AlignedText) -> AlignedText:
        """The normalised text, each character with the span of the original that it stands for.

        All characters that a rule writes stand for all characters that it replaced. A ▁ stands for the
        last blank of its run; one that was put in front, for the first character after it.
        """
        rules = list(self._rules(source.text))
        first = self._first_kept(rules)
        if first == len(rules):
            return AlignedText("", [])
        blank = source.span(*rules[first - 1][:2]) if first else None  # the last of the leading blanks
        written: list[str] = [self.space] if self.adds_prefix else []
        spans: list[Span] = [blank or (0, 0)] if self.adds_prefix else []
        after_blank = self.collapses
        for start, end, target in rules[first:]:
            span = source.span(start, end)
            if after_blank and target.startswith(" "):
                target = target.lstrip(" ")
                if spans:
                    spans[-1] = blank = span
            if target:
                if len(spans) == 1 and self.adds_prefix and blank is None:
                    spans[0] = span
                written.append(target.replace(" ", self.space))
                spans.extend([span] * len(target))
                after_blank = self.collapses and target.endswith(" ")
        return self._ended(AlignedText("".join(written), spans), source)

    def _ended(self, text: AlignedText, source: AlignedText) -> AlignedText:
        """The end of a normalised text: blanks go, or one is put there, which stands for the last character."""
        if self.collapses:
            text = text.part(0, len(text.text.rstrip(self.space)))
        if self.adds_suffix:
            text = AlignedText(text.text + self.space, [*text.spans, source.spans[-1]])
        return text

    def _first_kept(self, rules: list[tuple[int, int, str]]) -> int:
        """Where the leading blanks end."""
        if not self.collapses:
            return 0
        return next((i for i, (_, _, target) in enumerate(rules) if target != " "), len(rules))

    def _rules(self, text: str) -> Iterator[tuple[int, int, str]]:
        """(start, end, what is written for these characters), for the whole text, left to right."""
        match, symbol_at = self.charsmap.match, self.symbols.match
        at = 0
        while at < len(text):
            if length := symbol_at(text, at):
                target = text[at : at + length]
            else:
                length, target = match(text, at)
            yield at, at + length, target
            at += length


class SymbolMatcher:
    """Finds user-defined symbols: the longest one at a place.

    >>> matcher = SymbolMatcher(["ab", "abc", "<x>"])
    >>> matcher.match("abcd", 0), matcher.match("abcd", 1), matcher.found_in("a <x>")
    (3, 0, True)
    """

    def __init__(self, symbols: list[str]) -> None:
        self._symbols = frozenset(symbols)
        lengths: dict[str, set[int]] = {}
        for symbol in symbols:
            lengths.setdefault(symbol[0], set()).add(len(symbol))
        # first character -> lengths of the symbols that start with it, longest first
        self._lengths = {first: sorted(found, reverse=True) for first, found in lengths.items()}

    def match(self, text: str, at: int) -> int:
        """The length of the longest symbol that starts here, or 0."""
        for length in self._lengths.get(text[at], ()):
            if at + length <= len(text) and text[at : at + length] in self._symbols:
                return length
        return 0

    def found_in(self, text: str) -> bool:
        """Whether any symbol stands anywhere in the text."""
        if not self._lengths:
            return False
        return any(self.match(text, at) for first in self._lengths for at in _places(text, first))


def _places(text: str, char: str) -> Iterator[int]:
    at = text.find(char)
    while at >= 0:
        yield at
        at = text.find(char, at + 1)


# ---------------------------------------------------------------- the stage


def drop_marks(text: AlignedText) -> AlignedText:
    """Compatibility decomposition (NFKD), then all combining marks go.

    >>> drop_marks(AlignedText.from_text("éﬁ")).text
    'efi'
    """
    units = [
        (char, span)
        for source, span in zip(text.text, text.spans, strict=True)
        for char in unicodedata.normalize("NFKD", source)
        if not unicodedata.category(char).startswith("M")
    ]
    return AlignedText("".join(char for char, _ in units), [span for _, span in units])


class RemBertNormalizer:
    """RemBERT's stage 1: the options of the tokenizer, then the model's own normaliser.

    `do_lower_case`: lower case first of all. `keep_accents=False`: before that, `drop_marks`.

    >>> from minibert.tokenizers.stages.pieces import Piece
    >>> model = SentencePieceModel((Piece("<unk>", 0, PieceType.UNKNOWN), Piece("a", -1)))
    >>> RemBertNormalizer(model, do_lower_case=True, keep_accents=False).normalize(AlignedText.from_text("É")).text
    '▁e'
    """

    def __init__(self, model: SentencePieceModel, do_lower_case: bool = False, keep_accents: bool = True) -> None:
        self.model = model
        self.unigram = UnigramNormalizer(model)
        self.do_lower_case = do_lower_case
        self.keep_accents = keep_accents

    def prepare(self, text: AlignedText) -> AlignedText:
        """What the options ask for."""
        if not self.keep_accents:
            text = drop_marks(text)
        if self.do_lower_case:
            text = text.replace_each(lower_char)
        return text

    def normalize(self, text: AlignedText) -> AlignedText:
        """The options' steps, then the model's map, blanks and dummy prefix. Raises InputError for lone surrogates."""
        check_no_surrogates(text.text)
        return self.unigram.normalize(self.prepare(text))

    def steps(self, text: AlignedText) -> Iterator[tuple[str, AlignedText]]:
        """The two steps, each with the text after it."""
        prepared = self.prepare(text)
        yield "options (accents, case)", prepared
        yield "the model's map, blanks, prefix", self.unigram.normalize(prepared)

    def surface(self, content: str) -> None:
        """SentencePiece knows no added tokens: all of them are found in the text as it is."""
        return None

    def to_json(self) -> dict[str, Any]:
        """The section "normalizer" of a tokenizer.json.

        The map comes first, then the rules that the compiled tokenizers' step for it misses, then blanks.
        """
        options = self.model.normalizer
        steps: list[dict[str, Any]] = []
        if not self.keep_accents:
            steps += [{"type": "NFKD"}, {"type": "StripAccents"}]
        if self.do_lower_case:
            steps.append({"type": "Lowercase"})
        if options.charsmap:
            charsmap = base64.b64encode(options.charsmap).decode("ascii")
            steps.append({"type": "Precompiled", "precompiled_charsmap": charsmap})
            steps += _compositions(self.unigram.charsmap)
        if options.remove_extra_whitespaces:
            steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
            steps.append({"type": "Replace", "pattern": {"Regex": r"\A +| +\z"}, "content": ""})
        return {"type": "Sequence", "normalizers": steps}


_HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7a3]").match


def _compositions(charsmap: CharsMap) -> list[dict[str, Any]]:
    """Steps for the rules on two characters that the compiled tokenizers' own step for the map misses.

    That one looks up a grapheme cluster as a whole only if it has less than six bytes: kana with a voicing mark and the
    Indic vowel signs of two parts come out of it in two parts. (The same holds for Hangul in conjoining letters, which
    would take 11,000 steps and is left as it is.)
    """
    return [
        {"type": "Replace", "pattern": {"String": source}, "content": target}
        for source, target in sorted(charsmap.pairs())
        if len(source.encode()) >= 6 and not _HANGUL(source) and "".join(map(charsmap.replace, source)) == source
    ]

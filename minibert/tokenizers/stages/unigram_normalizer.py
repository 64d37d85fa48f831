"""Stage 1 of Unigram: what SentencePiece does to a text before it looks for pieces.

Characters are rewritten by the model's map (`charsmap.py`), blanks are collapsed and become ▁ (U+2581), and a
▁ is put in front. Symbols that the user defined stay as they are. `normalize` does it rule by rule and
keeps track of where each character comes from; `normalize_text` is the fast form without that.
"""

import re
from collections.abc import Iterator

from minibert.tokenizers.files.sentencepiece_model import SPACE, PieceType, SentencePieceModel
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.charsmap import CharsMap, one_of

_WORDS = re.compile("[^ ]+").finditer


class UnigramNormalizer:
    """The normaliser of a model.

    >>> from minibert.tokenizers.files.sentencepiece_model import Piece
    >>> normalizer = UnigramNormalizer(SentencePieceModel((Piece("<unk>", 0, PieceType.UNKNOWN), Piece("a", -1))))
    >>> normalizer.normalize_text("  a  b ")
    '▁a▁b'
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
        symbols = [piece.text for piece in model.pieces if piece.type == PieceType.USER_DEFINED]
        self.symbols = SymbolMatcher(symbols)
        self._other_blanks = one_of(self.charsmap.written_as(" "))
        # collapsing the blanks of the whole text at once is the same, unless a rule writes two in a row
        self._targets_are_simple = not any("  " in target for target in self.charsmap.targets)

    def normalize_text(self, text: str) -> str:
        """The normalised text; what `normalize` gives, without the alignment, and faster."""
        if self.adds_suffix or not self._targets_are_simple or not text or self.symbols.found_in(text):
            return self.normalize(AlignedText.from_text(text)).text
        return self._finish(self.charsmap.replace(text))

    def normalize_chunk(self, chunk: str) -> str:
        """What stands between two blanks of a text, normalised alone, ▁ in front.

        The same as inside the text if `chunks_are_independent`, and no ▁ and no symbol stands in the text.
        """
        if not chunk:
            return "" if self.collapses else self.space
        text = self.charsmap.replace(chunk)
        if text and " " not in text and self.space not in text:
            return self.space + text
        return self._finish(text)

    def write_blanks(self, text: str) -> str:
        """The text with " " for each character that the map turns into it: the same to everything that follows."""
        return text if self._other_blanks is None or text.isprintable() else self._other_blanks.sub(" ", text)

    def keeps_places(self, chunk: str, normalized: str) -> bool:
        """Whether each character of a chunk became one character of the normalised chunk, after its ▁."""
        if normalized == self.space + chunk:
            return True
        return len(normalized) == len(chunk) + 1 and self.charsmap.keeps_places(chunk)

    @property
    def chunks_are_independent(self) -> bool:
        """Whether blanks cut a text into parts that can be normalised one by one."""
        return self.adds_prefix and self._targets_are_simple and not self.charsmap.mentions(" ")

    def _finish(self, text: str) -> str:
        """Blanks and prefix, for a text that has gone through the map."""
        if not self.collapses:
            text = text.replace(" ", self.space)
            return self.space + text if self.adds_prefix else text
        text = self.space.join([word for word in text.split(" ") if word])
        return (self.space + text if self.adds_prefix else text).rstrip(self.space)

    def normalize(self, source: AlignedText) -> AlignedText:
        """The normalised text, each character with the span of the original that it stands for.

        All characters that a rule writes stand for all characters that it replaced. A ▁ stands for the
        last blank of its run; one that was put in front, for the first character after it.
        """
        text = source.text
        if self.adds_suffix or not self.charsmap.keeps_places(text) or self.symbols.found_in(text):
            return self.normalize_plainly(source)
        return self._align(source) if text else source

    def _align(self, source: AlignedText) -> AlignedText:
        """What `normalize_plainly` gives, if each character becomes one character and no symbol is in the text."""
        text, origin = self.charsmap.replace(source.text), source.spans
        normalized = self._finish(text)
        spans: list[Span] = []
        if not self.collapses:
            spans = [origin[0], *origin] if self.adds_prefix else origin
        for word in _WORDS(text) if self.collapses else ():
            start, end = word.span()
            if spans or self.adds_prefix:
                spans.append(origin[start - 1 if start else 0])
            spans += origin[start:end]
        return AlignedText(normalized, spans[: len(normalized)])

    def normalize_plainly(self, source: AlignedText) -> AlignedText:
        """What `normalize` gives, rule by rule."""
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
        text = "".join(written)
        if self.collapses:
            text = text.rstrip(self.space)
            del spans[len(text) :]
        if self.adds_suffix:
            text += self.space
            spans.append(source.span(len(source.text) - 1, len(source.text)))
        return AlignedText(text, spans)

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

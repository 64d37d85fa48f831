"""SentencePiece's normaliser, faster where a text allows it.

`normalize_text` needs no spans: the whole text goes through the map at once, then its blanks are collapsed.
`normalize_chunk` does the same to what stands between two blanks. `normalize` keeps spans: where every character
becomes one character, they are those of the text, moved by the blanks.
"""

import re

from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.charsmap import one_of
from minibert.tokenizers.stages.unigram_normalizer import UnigramNormalizer

_WORDS = re.compile("[^ ]+").finditer


class QuickNormalizer:
    """The faster forms of a normaliser.

    >>> from minibert.tokenizers.stages.pieces import Piece, PieceType, SentencePieceModel
    >>> model = SentencePieceModel((Piece("<unk>", 0, PieceType.UNKNOWN), Piece("a", -1)))
    >>> quick = QuickNormalizer(UnigramNormalizer(model))
    >>> quick.normalize_text("  a  b ")
    '▁a▁b'
    """

    def __init__(self, plain: UnigramNormalizer) -> None:
        self.plain = plain
        self.charsmap, self.symbols, self.space = plain.charsmap, plain.symbols, plain.space
        self.collapses, self.adds_prefix, self.adds_suffix = plain.collapses, plain.adds_prefix, plain.adds_suffix
        self._other_blanks = one_of(self.charsmap.written_as(" "))
        # collapsing the blanks of the whole text at once is the same, unless a rule writes two in a row
        self._targets_are_simple = not any("  " in target for target in self.charsmap.targets)

    @property
    def chunks_are_independent(self) -> bool:
        """Whether blanks cut a text into parts that can be normalised one by one."""
        return self.adds_prefix and self._targets_are_simple and not self.charsmap.mentions(" ")

    def normalize_text(self, text: str) -> str:
        """The normalised text."""
        if self.adds_suffix or not self._targets_are_simple or not text or self.symbols.found_in(text):
            return self.plain.normalize(AlignedText.from_text(text)).text
        return self._collapse(self.charsmap.replace(text))

    def normalize_chunk(self, chunk: str) -> str:
        """What stands between two blanks of a text, normalised alone, ▁ in front.

        The same as inside the text if `chunks_are_independent`, and no ▁ and no symbol stands in the text.
        """
        if not chunk:
            return "" if self.collapses else self.space
        text = self.charsmap.replace(chunk)
        if text and " " not in text and self.space not in text:
            return self.space + text
        return self._collapse(text)

    def write_blanks(self, text: str) -> str:
        """The text with " " for each character that the map turns into it: the same to everything that follows."""
        return text if self._other_blanks is None or text.isprintable() else self._other_blanks.sub(" ", text)

    def keeps_places(self, chunk: str, normalized: str) -> bool:
        """Whether each character of a chunk became one character of the normalised chunk, after its ▁."""
        if normalized == self.space + chunk:
            return True
        return len(normalized) == len(chunk) + 1 and self.charsmap.keeps_places(chunk)

    def _collapse(self, text: str) -> str:
        """Blanks and prefix, for a text that has gone through the map."""
        if not self.collapses:
            text = text.replace(" ", self.space)
            return self.space + text if self.adds_prefix else text
        text = self.space.join([word for word in text.split(" ") if word])
        return (self.space + text if self.adds_prefix else text).rstrip(self.space)

    def normalize(self, source: AlignedText) -> AlignedText:
        """The normalised text with its spans."""
        text = source.text
        if self.adds_suffix or not self.charsmap.keeps_places(text) or self.symbols.found_in(text):
            return self.plain.normalize(source)
        return self._align(source) if text else source

    def _align(self, source: AlignedText) -> AlignedText:
        """The same, if each character becomes one character and no symbol stands in the text."""
        text, origin = self.charsmap.replace(source.text), source.spans
        normalized = self._collapse(text)
        spans: list[Span] = []
        if not self.collapses:
            spans = [origin[0], *origin] if self.adds_prefix else origin
        for word in _WORDS(text) if self.collapses else ():
            start, end = word.span()
            if spans or self.adds_prefix:
                spans.append(origin[start - 1 if start else 0])
            spans += origin[start:end]
        return AlignedText(normalized, spans[: len(normalized)])

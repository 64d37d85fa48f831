"""Text that remembers where in the original each of its characters comes from.

Normalisation removes, adds and replaces characters, yet offsets must point into the text the user
typed. `AlignedText` carries, beside the normalised characters, the span of the original that each of
them stands for: after "É" became "e", the span of "e" is still that of "É".
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

Span = tuple[int, int]


class AlignedText(NamedTuple):
    """`text[i]` stands for `original[spans[i][0]:spans[i][1]]`, in code points."""

    text: str
    spans: list[Span]

    @classmethod
    def from_text(cls, text: str, start: int = 0) -> "AlignedText":
        """A text that is its own original; `start` is where it begins in a longer one.

        >>> AlignedText.from_text("ab", 5)
        AlignedText(text='ab', spans=[(5, 6), (6, 7)])
        """
        return cls(text, [(i, i + 1) for i in range(start, start + len(text))])

    def part(self, start: int, end: int) -> "AlignedText":
        """Characters start..end, still aligned with the original."""
        return AlignedText(self.text[start:end], self.spans[start:end])

    def span(self, start: int, end: int) -> Span:
        """Where characters start..end (at least one) stand in the original."""
        return self.spans[start][0], self.spans[end - 1][1]

    def whole_span(self) -> Span:
        """Where the text, at least one character, stands in the original.

        >>> AlignedText("ab", [(3, 4), (6, 7)]).whole_span()
        (3, 7)
        """
        return self.span(0, len(self.text))

    def cut(self, spans: Iterable[Span]) -> list["AlignedText"]:
        """The parts that stand at these spans of `text`.

        >>> AlignedText.from_text("a b").cut([(0, 1), (2, 3)])
        [AlignedText(text='a', spans=[(0, 1)]), AlignedText(text='b', spans=[(2, 3)])]
        """
        return [self.part(start, end) for start, end in spans]

    def replace_each(self, replacement: Callable[[str], str]) -> "AlignedText":
        """Each character gives way to a string, possibly empty; all of it keeps the character's span.

        >>> AlignedText.from_text("Ab").replace_each(lambda char: char.lower() * 2)
        AlignedText(text='aabb', spans=[(0, 1), (0, 1), (1, 2), (1, 2)])
        """
        pieces = [replacement(char) for char in self.text]
        spans = [span for span, piece in zip(self.spans, pieces, strict=True) for _ in piece]
        return AlignedText("".join(pieces), spans)


def join_aligned(parts: Iterable[AlignedText]) -> AlignedText:
    """Parts one after the other.

    >>> join_aligned([AlignedText("a", [(0, 1)]), AlignedText("b", [(3, 4)])])
    AlignedText(text='ab', spans=[(0, 1), (3, 4)])
    """
    parts = list(parts)
    return AlignedText("".join(part.text for part in parts), [span for part in parts for span in part.spans])

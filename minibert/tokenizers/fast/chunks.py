"""Tokens with their spans, remembered for each part of a text.

A part is what stands between two blanks, or a word of RoBERTa's pattern: nothing in it depends on what stands around
it. So a part gives the same tokens wherever it stands, and only its place moves:

    "low" is found once: ids (7, 9), spans 0-2 and 2-3
    in "a low" it begins at 2: ids (7, 9), spans 2-4 and 4-5
"""

import re
from collections.abc import Callable, Iterable

from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.stage import Token

CACHE_LIMIT = 1 << 18  # parts kept; natural text in a hundred languages has about 90,000 words
LONGEST_KEPT = 64  # characters; longer parts hardly ever come back, and would fill the memory
SHARED_UP_TO = 2048  # characters; spans that begin later in a text are made anew each time


class SpansOfLength(dict[int, Span]):
    """place -> the span of this length that starts there, or `before` characters behind it.

    The spans of many texts are the same objects: fewer to make and to free.

    >>> SpansOfLength(3)[5], SpansOfLength(3, 1)[5]
    ((5, 8), (6, 9))
    """

    def __init__(self, length: int, before: int = 0) -> None:
        super().__init__()
        self.length = length
        self.before = before

    def __missing__(self, place: int) -> Span:
        start = place + self.before
        span = start, start + self.length
        if place < SHARED_UP_TO:
            self[place] = span
        return span


_SPANS = [[SpansOfLength(length, before) for length in range(LONGEST_KEPT + 1)] for before in (0, 1)]


def spans_of_length(length: int, before: int = 0) -> SpansOfLength:
    """The spans of a length; short ones are shared. `before` is 0, or 1 for what stands behind a blank."""
    return _SPANS[before][length] if length <= LONGEST_KEPT else SpansOfLength(length, before)


# Of a token in a part: how many characters stand before it there, and the spans of its length.
Place = tuple[int, SpansOfLength]
# Of a part, in this order:
#   its ids
#   the spans of its only token, if that begins with it or behind one character, else None
#   the places of its tokens
#   how many tokens each of its words has; None: it is a single word
# These are plain tuples, because the loops that unpack them take a fifth longer with named ones.
Located = tuple[tuple[int, ...], SpansOfLength | None, tuple[Place, ...], tuple[int, ...] | None]


LocatedText = tuple[list[int], list[Span]]  # of a text: its ids and their spans


def located(ids: Iterable[int], spans: Iterable[Span], word_sizes: Iterable[int] | None = None) -> Located:
    """A part's tokens, whose spans count from the part's start.

    >>> ids, alone, places, word_sizes = located([7, 9], [(0, 2), (2, 3)])
    >>> ids, alone, [spans[100 + before] for before, spans in places], word_sizes
    ((7, 9), None, [(100, 102), (102, 103)], None)
    """
    places = tuple([(start, spans_of_length(end - start)) for start, end in spans])
    alone = None
    if len(places) == 1 and places[0][0] <= 1:
        before, of_length = places[0]
        alone = spans_of_length(of_length.length, before)
    return tuple(ids), alone, places, None if word_sizes is None else tuple(word_sizes)


def located_words(words: list[list[Token]]) -> Located:
    """The same from words that the plain stages found."""
    tokens = [token for word in words for token in word]
    return located([token.id for token in tokens], [token.span for token in tokens], map(len, words))


class LocatedCache(dict[str, Located]):
    """part -> its tokens, which `find` finds.

    >>> cache = LocatedCache(lambda part: located([len(part)], [(0, len(part))]))
    >>> cache.locate(re.finditer("[a-z]+", "a low"), 0, None)
    ([1, 3], [(0, 1), (2, 5)])
    """

    def __init__(self, find: Callable[[str], Located]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, part: str) -> Located:
        found = self._find(part)
        if len(part) > LONGEST_KEPT:
            return found
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[part] = found
        return found

    def locate(self, parts: Iterable[re.Match[str]], start: int, sizes: list[int] | None) -> LocatedText:
        """The tokens of a text that begins at `start`, from its parts; other characters may stand between them.

        `sizes`, if given, is told how many tokens each word has.
        """
        ids: list[int] = []
        offsets: list[Span] = []
        for match in parts:
            found, alone, places, word_sizes = self[match[0]]
            ids += found
            at = start + match.start()
            if alone is not None:
                offsets.append(alone[at])
            else:
                for before, spans in places:
                    offsets.append(spans[at + before])
            if sizes is not None:
                sizes += (len(found),) if word_sizes is None else word_sizes
        return ids, offsets

    def locate_all(self, parts: Iterable[str], start: int, sizes: list[int] | None) -> LocatedText:
        """The same where each part begins as the one before it ends."""
        ids: list[int] = []
        offsets: list[Span] = []
        at = start
        for part in parts:
            found, alone, places, word_sizes = self[part]
            ids += found
            if alone is not None:
                offsets.append(alone[at])
            else:
                for before, spans in places:
                    offsets.append(spans[at + before])
            if sizes is not None:
                sizes += (len(found),) if word_sizes is None else word_sizes
            at += len(part)
        return ids, offsets

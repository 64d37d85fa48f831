"""The fast road: a part of the text is tokenized once and remembered.

The parts are BERT's words, or where the text is not ASCII what stands between two blanks; the words of RoBERTa's
pattern; what stands between RemBERT's blanks. Normalisation, cutting and the model never look across their ends, so a
part gives the same tokens wherever it stands, and its offsets only move along. A test runs texts through this road
and through the plain functions.
"""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.unicode_tables import char_class
from minibert.tokenizers.stages.wordpiece import CACHE_LIMIT

if TYPE_CHECKING:
    from minibert.tokenizers.base import Token, TokenizerBase

LONGEST_KEPT = 64  # characters; longer parts hardly ever come back, and would fill the memory
SHARED_UP_TO = 2048  # characters; spans that begin later in a text are made anew each time


class _SpansOf(dict[int, Span]):
    """start -> the span of this length. The spans of many texts are the same objects: fewer to make and to free."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def __missing__(self, start: int) -> Span:
        span = start, start + self.length
        if start < SHARED_UP_TO:
            self[start] = span
        return span


_SPANS = [_SpansOf(length) for length in range(LONGEST_KEPT + 1)]

# What is known about a part: plain tuples, which cost the garbage collector nothing.
#   ids
#   before, spans: of a single token, how many characters of the part stand before it, and the spans of its length
#   tokens: the same of each token
#   sizes: how many tokens each of its words has; None for a single word
Located = tuple[tuple[int, ...], int, _SpansOf | None, tuple[tuple[int, _SpansOf], ...], tuple[int, ...] | None]
# Of a text: its ids, their spans, and if asked for how many tokens each word has.
LocatedText = tuple[list[int], list[Span], list[int] | None]


def located(ids: Iterable[int], spans: Iterable[Span], sizes: Iterable[int] | None = None) -> Located:
    """What is kept about a part, whose tokens have these spans from its start."""
    tokens = [
        (start, _SPANS[end - start] if end - start <= LONGEST_KEPT else _SpansOf(end - start)) for start, end in spans
    ]
    before, alone = tokens[0] if len(tokens) == 1 else (0, None)
    return tuple(ids), before, alone, tuple(tokens), None if sizes is None else tuple(sizes)


def located_words(words: "list[list[Token]]") -> Located:
    """The same from words that the plain functions found."""
    tokens = [token for word in words for token in word]
    return located([token.id for token in tokens], [token.span for token in tokens], map(len, words))


class ChunkCache(dict[str, tuple[int, ...]]):
    """chunk -> ids. `blanks` is the table of characters that separate; `split` gives the chunks of a text."""

    def __init__(self, tokenizer: "TokenizerBase", blanks: str) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        pattern = re.compile(f"[^{char_class(blanks)}]+")
        self.split, self.matches = pattern.findall, pattern.finditer

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        tokenizer = self._tokenizer
        ids = tuple(tokenizer._normalized_ids(tokenizer._normalized(chunk)))
        if len(chunk) > LONGEST_KEPT:
            return ids
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[chunk] = ids
        return ids


class LocatedCache(dict[str, Located]):
    """part -> its tokens with spans, which `find` knows."""

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

    def locate(self, parts: Iterable[re.Match[str]], start: int, with_sizes: bool) -> LocatedText:
        """The tokens of a text that begins at `start`, from its parts, other characters standing between them."""
        ids: list[int] = []
        offsets: list[Span] = []
        sizes: list[int] | None = [] if with_sizes else None
        for match in parts:
            found, before, alone, tokens, words = self[match[0]]
            ids += found
            at = match.start() + before
            if alone is not None:
                offsets.append(alone[at])
            else:
                offsets += [spans[at + inside] for inside, spans in tokens]
            if sizes is not None:
                sizes += (len(found),) if words is None else words
        return ids, offsets if not start else [(start + a, start + b) for a, b in offsets], sizes

    def locate_all(self, parts: Iterable[str], start: int, with_sizes: bool) -> LocatedText:
        """The same where one part begins as the other ends, which is faster."""
        ids: list[int] = []
        offsets: list[Span] = []
        sizes: list[int] | None = [] if with_sizes else None
        at = start
        for part in parts:
            found, before, alone, tokens, words = self[part]
            ids += found
            if alone is not None:
                offsets.append(alone[at + before])
            else:
                offsets += [spans[at + inside] for inside, spans in tokens]
            if sizes is not None:
                sizes += (len(found),) if words is None else words
            at += len(part)
        return ids, offsets, sizes

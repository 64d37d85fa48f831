"""The fast road: what stands between two blanks is tokenized once and remembered.

A chunk is a run of characters without a blank. Normalisation, cutting and the model never look across a
blank, so a chunk gives the same tokens wherever it stands, and its offsets only move along. The plain
functions fill the caches; a test runs texts through both roads. RoBERTa's chunks are the words of its pattern,
which have a blank in front.
"""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from minibert.tokenizers.aligned_text import Span
from minibert.tokenizers.unicode_tables import char_class
from minibert.tokenizers.wordpiece import CACHE_LIMIT

if TYPE_CHECKING:
    from minibert.tokenizers.base import Token, TokenizerBase

# A chunk's tokens: the ids of each of its words, and the tokens' spans from the chunk's start. None for the spans:
# there is one token, and it covers the whole chunk. Plain tuples, which cost the garbage collector nothing.
Located = tuple[tuple[tuple[int, ...], ...], tuple[Span, ...] | None]


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
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[chunk] = ids
        return ids


class LocatedCache(dict[str, Located]):
    """chunk -> its tokens with spans; `words_of` finds them, plainly."""

    def __init__(self, words_of: "Callable[[str], list[list[Token]]]") -> None:
        super().__init__()
        self._words_of = words_of

    def __missing__(self, chunk: str) -> Located:
        words = self._words_of(chunk)
        spans = tuple([token.span for word in words for token in word])
        found: Located = (
            tuple([tuple([token.id for token in word]) for word in words]),
            None if spans == ((0, len(chunk)),) else spans,
        )
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[chunk] = found
        return found

    def locate(self, chunks: Iterable[re.Match[str]], start: int = 0) -> tuple[list[tuple[int, ...]], list[Span]]:
        """The ids of each word of a text that begins at `start`, and the spans of all tokens."""
        words: list[tuple[int, ...]] = []
        offsets: list[Span] = []
        for match in chunks:
            found, spans = self[match[0]]
            words += found
            if spans is None:
                offsets.append(match.span())
            else:
                at = match.start()
                offsets += [(at + a, at + b) for a, b in spans]
        return words, [(start + a, start + b) for a, b in offsets] if start else offsets

"""The fast road: what stands between two blanks is tokenized once and remembered.

A chunk is a run of characters without a blank. Normalisation, cutting and the model never look across a
blank, so a chunk gives the same tokens wherever it stands, and its offsets only move along. The plain
functions fill the cache; a test runs texts through both roads.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from minibert.tokenizers.aligned_text import AlignedText, Span
from minibert.tokenizers.unicode_tables import char_class
from minibert.tokenizers.wordpiece import CACHE_LIMIT

if TYPE_CHECKING:
    from minibert.tokenizers.base import TokenizerBase


class Located(NamedTuple):
    """A chunk's tokens: ids, spans from the chunk's start, and for each the word inside the chunk."""

    ids: tuple[int, ...]
    spans: tuple[Span, ...]
    words: tuple[int, ...]
    word_count: int


class ChunkCache(dict[str, tuple[int, ...]]):
    """chunk -> ids; `located` has the spans too. `blanks` is the table of characters that separate."""

    def __init__(self, tokenizer: "TokenizerBase", blanks: str) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        self._pattern = re.compile(f"[^{char_class(blanks)}]+")
        self.split = self._pattern.findall
        self.located = LocatedCache(tokenizer)

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        tokenizer = self._tokenizer
        ids = tuple(tokenizer._normalized_ids(tokenizer._normalized(chunk)))
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[chunk] = ids
        return ids

    def sequence(self, text: str, start: int, first_word: int) -> tuple[list[int], list[Span], list[int], int]:
        """ids, offsets, word ids of a text that begins at `start`, and the number of the next word."""
        ids: list[int] = []
        offsets: list[Span] = []
        words: list[int] = []
        located, word = self.located, first_word
        for match in self._pattern.finditer(text):
            found = located[match[0]]
            at = start + match.start()
            ids += found.ids
            offsets += [(at + a, at + b) for a, b in found.spans]
            words += [word + i for i in found.words]
            word += found.word_count
        return ids, offsets, words, word


class LocatedCache(dict[str, Located]):
    """chunk -> its tokens with spans, from the plain functions."""

    def __init__(self, tokenizer: "TokenizerBase") -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, chunk: str) -> Located:
        words = self._tokenizer._words(self._tokenizer.normalize(AlignedText.from_text(chunk)))
        found = Located(
            tuple(token.id for word in words for token in word),
            tuple(token.span for word in words for token in word),
            tuple(i for i, word in enumerate(words) for _ in word),
            len(words),
        )
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[chunk] = found
        return found

"""BERT's stages, remembered.

    ASCII text: lower case, then one pattern finds all words; each distinct word is cut once
    other text: each distinct chunk between two blanks is normalised and cut once
    with spans: the same, by word or by chunk

Normalisation, cutting into words and the model never look beyond a blank, so a chunk gives the same tokens anywhere.
"""

import re
from functools import cache
from itertools import chain

from minibert.tokenizers.fast.chunks import (
    CACHE_LIMIT,
    LONGEST_KEPT,
    Located,
    LocatedCache,
    LocatedText,
    located,
    located_words,
)
from minibert.tokenizers.fast.memory import Memory
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.normalizers import BertNormalizer, combining_class
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.unicode_tables import BERT_PUNCTUATION, BERT_TO_SPACE, WHITESPACE, char_class
from minibert.tokenizers.stages.wordpiece import WordPiece

# BERT's words in ASCII text; and characters there that cleaning removes.
ASCII_WORDS = re.compile(r"[0-9A-Za-z]+|[!-/:-@\[-`{-~]")
_ASCII_REMOVED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]").search


@cache
def bert_words() -> re.Pattern[str]:
    """BERT's words in any normalised text: what `bert_pre_tokenize` gives, as the matches of a pattern.

    >>> bert_words().findall("don't stop")
    ['don', "'", 't', 'stop']
    """
    blank, punctuation = char_class(WHITESPACE), char_class(BERT_PUNCTUATION)
    return re.compile(f"[^{blank}{punctuation}]+|[{punctuation}]")


class NeedsPlainStages(Exception):
    """The text holds something that a faster form does not handle; the plain stages do."""


class BertTranslator(dict[int, str]):
    """BERT's normaliser as one table for `str.translate`, filled as characters are met.

    The normaliser's steps look at one character at a time, with one exception: NFD may swap two marks that both
    stay. A character that leaves such a mark is refused (`NeedsPlainStages`).

    >>> "Ünï中".translate(BertTranslator(BertNormalizer()))
    'uni 中 '
    """

    def __init__(self, normalizer: BertNormalizer) -> None:
        super().__init__()
        self.normalizer = normalizer

    def __missing__(self, code: int) -> str:
        result = self.normalizer.surface(chr(code))
        if self.normalizer.strips_accents and any(map(combining_class, result)):
            raise NeedsPlainStages
        self[code] = result
        return result


class BertWords:
    """BERT's stages 1 and 2 of a whole text, as strings.

    >>> BertWords(BertNormalizer()).find("Don't stop")
    ['don', "'", 't', 'stop']
    """

    def __init__(self, normalizer: BertNormalizer) -> None:
        self.normalizer = normalizer
        self._translator = BertTranslator(normalizer)

    def normalize(self, text: str) -> str:
        """Stage 1."""
        try:
            return text.translate(self._translator)
        except NeedsPlainStages:
            return self.normalizer.surface(text)

    def find(self, text: str) -> list[str]:
        """The words of a text."""
        return self.split(self.normalize(text))

    def split(self, normalized: str) -> list[str]:
        """Stage 2 of normalised text."""
        ascii_only = normalized.isascii() and self.normalizer.clean_text
        return (ASCII_WORDS if ascii_only else bert_words()).findall(normalized)

    def written(self, chunk: str) -> list[str]:
        """What each character of a chunk becomes. Raises NeedsPlainStages where marks may be swapped."""
        return list(map(self._translator.__getitem__, map(ord, chunk)))


class WordCache(dict[str, tuple[int, ...]]):
    """word -> its ids, found once.

    >>> WordCache(WordPiece({"[UNK]": 0, "un": 1, "##able": 2}))["unable"]
    (1, 2)
    """

    def __init__(self, model: WordPiece) -> None:
        super().__init__()
        self._model = model

    def __missing__(self, word: str) -> tuple[int, ...]:
        ids = tuple(self._model.ids(word))
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[word] = ids
        return ids


class ChunkCache(dict[str, tuple[int, ...]]):
    """chunk -> its ids, found once; a chunk is what stands between two blanks."""

    def __init__(self, memory: "WordPieceMemory") -> None:
        super().__init__()
        self._memory = memory

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        ids = tuple(self._memory.normalized_ids(self._memory.normalized(chunk)))
        if len(chunk) > LONGEST_KEPT:
            return ids
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[chunk] = ids
        return ids


class WordPieceMemory(Memory):
    """The answers of BERT's stages, found once for each word or chunk."""

    def __init__(self, stages: Stages, normalizer: BertNormalizer, model: WordPiece) -> None:
        super().__init__(stages)
        self._cleans, self._lowers = normalizer.clean_text, normalizer.lowercase
        self._wordpiece = model
        self._text_words = BertWords(normalizer)
        self._ids_of = WordCache(model)
        self._chunks = ChunkCache(self)
        between_blanks = re.compile(f"[^{char_class(BERT_TO_SPACE if normalizer.clean_text else WHITESPACE)}]+")
        self._split, self._matches = between_blanks.findall, between_blanks.finditer
        self._located_words = LocatedCache(self._locate_word)
        self._located_chunks = LocatedCache(self._locate_chunk)

    def normalized(self, text: str) -> str:
        """Stage 1 of a text without added tokens."""
        return self._text_words.normalize(text)

    def normalized_ids(self, text: str) -> list[int]:
        """Stages 2 and 3 of normalised text."""
        return list(chain.from_iterable(map(self._ids_of.__getitem__, self._text_words.split(text))))

    def ids(self, text: str) -> list[int]:
        """Stages 1 to 3 of a text without added tokens."""
        if self._cleans and text.isascii() and not _ASCII_REMOVED(text):
            # lower case is all that is left to do: the pattern of words passes over blanks of any kind
            if self._lowers:
                text = text.lower()
            return list(chain.from_iterable(map(self._ids_of.__getitem__, ASCII_WORDS.findall(text))))
        if text.isascii():
            return super().ids(text)
        return list(chain.from_iterable(map(self._chunks.__getitem__, self._split(text))))

    def locate(self, text: str, start: int, trims: bool, sizes: list[int] | None) -> LocatedText:
        """The same with spans."""
        if self._cleans and text.isascii() and not _ASCII_REMOVED(text):
            # ASCII keeps its length: a word of the lower-cased text stands where it stood before
            text = text.lower() if self._lowers else text
            return self._located_words.locate(ASCII_WORDS.finditer(text), start, sizes)
        return self._located_chunks.locate(self._matches(text), start, sizes)

    def _locate_word(self, word: str) -> Located:
        pieces = self._wordpiece.pieces(word)
        return located([self._wordpiece.vocab[piece] for piece in pieces], self._wordpiece.spans(word, pieces))

    def _locate_chunk(self, chunk: str) -> Located:
        try:
            written = self._text_words.written(chunk)
        except NeedsPlainStages:
            normalized = self.stages.normalizer.normalize(AlignedText.from_text(chunk))
            return located_words(self._wordpiece.cut(self.stages.pre_tokenizer.split(normalized)))
        source = [i for i, chars in enumerate(written) for _ in chars]  # of each normalised character
        ids: list[int] = []
        spans: list[Span] = []
        sizes: list[int] = []
        for match in bert_words().finditer("".join(written)):
            found, _, places, _ = self._located_words[match[0]]
            ids += found
            for before, spans_of_length in places:
                first, end = spans_of_length[match.start() + before]
                spans.append((source[first], source[end - 1] + 1))
            sizes.append(len(found))
        return located(ids, spans, sizes)

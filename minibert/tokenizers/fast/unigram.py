"""RemBERT's stages, remembered: each distinct chunk between two blanks is normalised and cut once.

Three roads, of which a text takes the first that it may:

    by chunks: the tokens of each chunk are looked up
    by words: the text is normalised, and the best path of each word is looked up (`unigram_words.py`)
    as a whole: the text is normalised, and searched in one go
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, chain, pairwise

from minibert.tokenizers.fast import unigram_words
from minibert.tokenizers.fast.chunks import Located, LocatedCache, LocatedText, located, located_words
from minibert.tokenizers.fast.collector import collector_paused
from minibert.tokenizers.fast.memory import Memory
from minibert.tokenizers.fast.unigram_normalizer import QuickNormalizer
from minibert.tokenizers.fast.unigram_words import INFINITY, LONGEST_KEPT, KnownWords
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.normalizers import check_no_surrogates
from minibert.tokenizers.stages.pieces import SPACE
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.unigram import Unigram
from minibert.tokenizers.stages.unigram_normalizer import RemBertNormalizer

LONG_TEXT = 8000  # characters; longer texts are encoded word by word
COST = 12.0  # a character; see `ChunkIds`
# Chunks with the blanks before them; the token of a chunk's ▁ covers the last of these.
CHUNKS = re.compile(" *[^ ]+| +").findall


class TooLong(Exception):
    """A chunk is longer than those that are kept."""


class ChunkIds(dict[str, tuple[int, ...]]):
    """chunk -> its ids, found once.

    The sum before a place in the text is not carried along here, but bounded: by `COST` for each character before it,
    which is more than the sum in nearly every text. Nearly every chunk is cut the same below that bound, in any text of
    at most `LONG_TEXT` characters. `limits` has the few others: up to which bound what was found for them holds.
    """

    def __init__(self, words: KnownWords, normalizer: QuickNormalizer) -> None:
        super().__init__()
        self._words, self._normalizer = words, normalizer
        self.limits: dict[str, float] = {}

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        if len(chunk) > LONGEST_KEPT:
            raise TooLong
        check_no_surrogates(chunk)
        ids, limit, cost = self._words.find_all(self._normalizer.normalize_chunk(chunk))
        if cost > COST * (len(chunk) + 1):
            self.limits[chunk] = -1.0  # it costs more than the bound allows for
        elif limit <= COST * (LONG_TEXT + 1):
            self.limits[chunk] = limit
        self[chunk] = ids
        return ids

    @property
    def full(self) -> bool:
        """Whether it is time to forget everything."""
        return len(self) >= unigram_words.WORDS_KEPT

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self.limits.clear()

    def stand_in(self, chunks: list[str], size: int) -> bool:
        """Whether chunks, all known, are cut in a text of `size` characters as they are alone."""
        if size > LONG_TEXT:
            return False
        bound = COST * (size + 1)
        return self.limits.keys().isdisjoint(chunks) or all(
            self.limits.get(chunk, INFINITY) > bound for chunk in chunks
        )


class QuickUnigram(Unigram):
    """The same model, whose best paths are put together from those of the words."""

    def __init__(self, plain: Unigram) -> None:
        vars(self).update(vars(plain))  # the same pieces, which are read once
        with collector_paused:
            self.words = KnownWords(plain)
        inner = any(SPACE in text[1:] for text in self.scored.ids)
        self.words_are_independent = not inner and self.model.normalizer.escape_whitespaces

    def path(self, text: str) -> list[tuple[int, int]]:
        """The most probable pieces of a normalised text: where each ends, and its id."""
        return self.words.path(self.words.split(text) if self.words_are_independent else [text])

    def ids(self, text: str) -> list[int]:
        """The ids of a normalised text."""
        return self.words.to_ids(text, self.path(text))


class QuickRemBertNormalizer(RemBertNormalizer):
    """The same normaliser, which keeps spans in one go where every character becomes one."""

    def __init__(self, plain: RemBertNormalizer) -> None:
        vars(self).update(vars(plain))  # the same map, which is read once
        self.quick = QuickNormalizer(plain.unigram)

    def normalize(self, text: AlignedText) -> AlignedText:
        """The options' steps, then the model's map, blanks and dummy prefix."""
        check_no_surrogates(text.text)
        return self.quick.normalize(self.prepare(text))


class UnigramMemory(Memory):
    """The answers of RemBERT's stages, found once for each chunk or word."""

    def __init__(self, stages: Stages, normalizer: RemBertNormalizer, model: Unigram) -> None:
        self._normalizer, self._model = QuickRemBertNormalizer(normalizer), QuickUnigram(model)
        super().__init__(replace(stages, normalizer=self._normalizer, model=self._model))
        self._has_options = normalizer.do_lower_case or not normalizer.keep_accents
        self._quick, self._words = self._normalizer.quick, self._model.words
        # the first piece of a word must not be unknown, or it could be fused with the word before
        independent = self._model.words_are_independent and SPACE in self._model.scored.ids
        self._goes_by_chunks = independent and self._quick.chunks_are_independent
        self._sizes = list(map(len, model.model.texts))
        self._chunk_ids = ChunkIds(self._words, self._quick)
        self._located = LocatedCache(self._locate_chunk)

    # ------------------------------------------------------------ ids

    def ids(self, text: str) -> list[int]:
        """The ids of a text without added tokens. Raises InputError for lone surrogates."""
        if self._has_options:
            text = self._normalizer.prepare(AlignedText.from_text(text)).text
        ids = self._ids_by_chunks(text) if self._may_go_by_chunks(text) else None
        if ids is not None:
            return ids
        check_no_surrogates(text)
        return self._model.ids(self._quick.normalize_text(text))

    def _may_go_by_chunks(self, text: str) -> bool:
        """Whether the blanks of this text cut it into parts that are independent, but for how sums are rounded."""
        return self._goes_by_chunks and text != "" and SPACE not in text and not self._quick.symbols.found_in(text)

    def _ids_by_chunks(self, text: str) -> list[int] | None:
        """The ids, or None where rounding may cut a chunk otherwise in this text."""
        self._make_room()
        text = self._quick.write_blanks(text)
        chunks = text.split(" ")
        try:
            ids = list(chain.from_iterable(map(self._chunk_ids.__getitem__, chunks)))
        except TooLong:
            return None
        return ids if self._chunk_ids.stand_in(chunks, len(text)) else None

    def _make_room(self) -> None:
        """Forget everything when there is too much; spans go with the limits of their chunks."""
        if self._chunk_ids.full:
            self._chunk_ids.clear()
            self._located.clear()

    # ------------------------------------------------------------ with spans

    def locate(self, text: str, start: int, trims: bool, sizes: list[int] | None) -> LocatedText | None:
        """Ids and spans of a text that begins at `start`; None: it does not go by chunks."""
        # where blanks are not collapsed, a chunk would bring a ▁ of its own
        if self._has_options or not self._quick.collapses or not self._may_go_by_chunks(text):
            return None
        self._make_room()
        text = self._quick.write_blanks(text)
        try:
            found = self._located.locate_all(CHUNKS(text), start, sizes)
        except TooLong:
            return None
        return found if self._chunk_ids.stand_in(text.split(" "), len(text)) else None

    def _locate_chunk(self, part: str) -> Located:
        """A chunk that comes with the blanks before it."""
        found = self._pieces_in_place(part)
        if found is not None:
            return located(*found)
        normalized = self.stages.normalizer.normalize(AlignedText.from_text(part))
        return located_words(self._model.cut(self.stages.pre_tokenizer.split(normalized)))

    def _pieces_in_place(self, part: str) -> tuple[Sequence[int], list[Span]] | None:
        """The ids and spans of such a chunk, or None where this takes a closer look.

        Where normalising writes a character for each character, the pieces lie end to end in the part, the last
        of its blanks being the ▁. A part without a blank begins the text, and its ▁ stands for its first character.
        """
        chunk = part.lstrip(" ")
        ids = self._chunk_ids[chunk]
        normalized = self._quick.normalize_chunk(chunk)
        if SPACE in normalized[1:] or not self._quick.keeps_places(chunk, normalized):
            return None
        if not self._words.irregular.isdisjoint(ids):
            return None
        places = accumulate([self._sizes[id_] for id_ in ids], initial=len(part) - len(normalized))
        spans = list(pairwise(places))
        if len(part) == len(chunk):
            spans[0] = (0, max(spans[0][1], 1))
        return ids, spans

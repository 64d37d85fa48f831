"""RoBERTa's stages, remembered: GPT-2's pattern finds all words of a text, and each distinct word is cut once."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, chain, pairwise
from typing import Any

from minibert.tokenizers.fast.chunks import CACHE_LIMIT, Located, LocatedCache, LocatedText, located
from minibert.tokenizers.fast.memory import Memory
from minibert.tokenizers.fast.merging import merge_numbers, number_merges
from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS, ByteBPE, byte_spans
from minibert.tokenizers.stages.normalizers import check_no_surrogates
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.post_processors import RobertaPostProcessor
from minibert.tokenizers.stages.pre_tokenizers import ByteLevelPreTokenizer, gpt2_pattern, gpt2_words
from minibert.tokenizers.stages.trimming import blanks_around, trimmed
from minibert.tokenizers.stages.unicode_tables import LETTERS, NUMBERS, WHITESPACE, char_class

ASCII_WORDS = re.compile(gpt2_pattern("A-Za-z", "0-9", r"\t-\r "))


@cache
def quick_words() -> Any:
    """GPT-2's pattern with the classes of the installed `regex`, which knows newer letters; see `newer_letter`."""
    import regex

    return regex.compile(gpt2_pattern(r"\p{L}", r"\p{N}", char_class(WHITESPACE)))


@cache
def newer_letter() -> Any:
    """A search for characters that are letters or numbers to the installed `regex`, but not in Unicode 15.1."""
    import regex

    known = char_class(LETTERS) + char_class(NUMBERS)
    return regex.compile(rf"(?V1)[[\p{{L}}\p{{N}}]--[{known}]]").search


def find_words(text: str) -> list[str]:
    """What `exact_words` gives, faster; not where a `newer_letter` stands in the text.

    >>> find_words("it's  2 fast")
    ['it', "'s", ' ', ' 2', ' fast']
    """
    return (ASCII_WORDS if text.isascii() else quick_words()).findall(text)


def exact_words(text: str) -> list[str]:
    """What `byte_level_pre_tokenize` gives, as strings.

    >>> exact_words("né 2")
    ['né', ' 2']
    """
    return (ASCII_WORDS if text.isascii() else gpt2_words()).findall(text)


class NewerLetter(Exception):
    """A word holds a letter that is none to the stages, so the text may have been cut in the wrong place."""


class BytePairCache(dict[str, tuple[int, ...]]):
    """word -> its ids, found once, by numbers.

    Raises TokenizerError when the merges do not fit the vocabulary.

    >>> vocab = {"s": 0, "l": 1, "o": 2, "w": 3, "lo": 4, "low": 5}
    >>> BytePairCache(ByteBPE(vocab, [("l", "o"), ("lo", "w")]))["slow"]
    (0, 5)
    """

    def __init__(self, model: ByteBPE) -> None:
        super().__init__()
        self.merges = number_merges(model.merges, model.vocab)
        unknown = None if model.unknown is None else model.vocab[model.unknown]
        found = [model.vocab.get(char, unknown) for char in BYTE_CHARS]
        self._byte_ids = [-1 if id_ is None else id_ for id_ in found]  # -1: the byte vanishes
        self._may_vanish = -1 in self._byte_ids

    def __missing__(self, word: str) -> tuple[int, ...]:
        if not word.isascii() and newer_letter()(word):
            raise NewerLetter
        ids = tuple(self.cut(word))
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[word] = ids
        return ids

    def cut(self, word: str) -> list[int]:
        """The ids of one word. Raises InputError for lone surrogates."""
        try:
            data = word.encode()
        except UnicodeEncodeError:
            check_no_surrogates(word)
            raise
        byte_ids = self._byte_ids
        ids = [byte_ids[byte] for byte in data]
        return merge_numbers([id_ for id_ in ids if id_ >= 0] if self._may_vanish else ids, self.merges)


class ByteBPEMemory(Memory):
    """The answers of RoBERTa's stages, found once for each word."""

    def __init__(
        self, stages: Stages, pre_tokenizer: ByteLevelPreTokenizer, model: ByteBPE, post_processor: RobertaPostProcessor
    ) -> None:
        super().__init__(stages)
        self._adds_space = pre_tokenizer.adds_space
        self._ids_of = BytePairCache(model)
        self._tokens = {id_: token for token, id_ in model.vocab.items()}
        self._sizes_of = model.sizes
        self._trims = post_processor.trim_offsets
        # whether an added blank is trimmed depends on which token is the first after truncation
        self.keeps_trimmed = not post_processor.add_prefix_space
        self._located = LocatedCache(self._locate_word)
        self._trimmed = LocatedCache(self._locate_trimmed)

    def normalized(self, text: str) -> str:
        """Stage 1 of a text without added tokens: nothing is done."""
        return text

    def normalized_ids(self, text: str) -> list[int]:
        """Stages 2 and 3 of normalised text."""
        if self._adds_space(text):
            text = " " + text
        try:
            return list(chain.from_iterable(map(self._ids_of.__getitem__, find_words(text))))
        except NewerLetter:
            return [id_ for word in exact_words(text) for id_ in self._ids_of.cut(word)]

    ids = normalized_ids

    def locate(self, text: str, start: int, trims: bool, sizes: list[int] | None) -> LocatedText | None:
        """The same with spans; None where a letter is newer than the stages."""
        if self._adds_space(text):
            found = self.locate(" " + text, start - 1, False, sizes)
            if found is not None:  # the blank has no place of its own
                _, offsets = found
                offsets[:1] = [(start, max(end, start + 1)) for _, end in offsets[:1]]
            return found
        cache = self._trimmed if trims and self._trims else self._located
        try:
            return cache.locate_all(find_words(text), start, sizes)
        except NewerLetter:
            return None

    def _locate_word(self, word: str) -> Located:
        ids = self._ids_of[word]
        return located(ids, self._spans(word, ids))

    def _locate_trimmed(self, word: str) -> Located:
        ids = self._ids_of[word]
        blanks = [blanks_around(self._tokens[id_]) for id_ in ids]
        spans = self._spans(word, ids)
        return located(ids, [trimmed(*span, *ends) for span, ends in zip(spans, blanks, strict=True)])

    def _spans(self, word: str, ids: Sequence[int]) -> list[Span]:
        """Where in a word its tokens stand; in ASCII a byte is a character."""
        sizes = self._sizes_of([self._tokens[id_] for id_ in ids])
        return list(pairwise(accumulate(sizes, initial=0))) if word.isascii() else byte_spans(word, sizes)

"""From a text to its tokens, by what is remembered where that can be, else by the plain stages.

Added tokens are found first; what stands between them is asked of a memory, which knows words and chunks. The plain
road (`stages/pipeline.py`) gives the same; a test sends texts down both.
"""

from collections.abc import Iterable
from itertools import chain, count, repeat

from minibert.tokenizers.fast.byte_bpe import ByteBPEMemory
from minibert.tokenizers.fast.chunks import LocatedText
from minibert.tokenizers.fast.memory import Memory
from minibert.tokenizers.fast.unigram import UnigramMemory
from minibert.tokenizers.fast.wordpiece import WordPieceMemory
from minibert.tokenizers.stages.added_tokens import AddedVocabulary
from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.byte_bpe import ByteBPE
from minibert.tokenizers.stages.normalizers import BertNormalizer
from minibert.tokenizers.stages.pipeline import Stages, text_words
from minibert.tokenizers.stages.post_processors import RobertaPostProcessor
from minibert.tokenizers.stages.pre_tokenizers import ByteLevelPreTokenizer
from minibert.tokenizers.stages.template import Sequence
from minibert.tokenizers.stages.unigram import Unigram
from minibert.tokenizers.stages.unigram_normalizer import RemBertNormalizer
from minibert.tokenizers.stages.wordpiece import WordPiece


def memory_of(stages: Stages) -> Memory:
    """The memory that knows these stages; where none does, the stages themselves."""
    first, second, third, fourth = stages.normalizer, stages.pre_tokenizer, stages.model, stages.post_processor
    if type(first) is BertNormalizer and isinstance(third, WordPiece):
        return WordPieceMemory(stages, first, third)
    if isinstance(first, RemBertNormalizer) and isinstance(third, Unigram):
        return UnigramMemory(stages, first, third)
    match second, third, fourth:
        case ByteLevelPreTokenizer(), ByteBPE(), RobertaPostProcessor():
            return ByteBPEMemory(stages, second, third, fourth)
    return Memory(stages)


class Road:
    """The way of one text through the stages."""

    def __init__(self, stages: Stages, added: AddedVocabulary) -> None:
        self.stages = stages
        self.added = added
        self.memory = memory_of(stages)
        self._opening = stages.opening

    def ids(self, text: str, split_special: bool = False, is_word: bool = False) -> list[int]:
        """The ids of a text. Arguments: `pipeline.text_words`."""
        if self._opening is not None:
            text = self._opening(text, is_word) + text
        raw, late = self.added.raw, self.added.normalized
        if raw.absent(text) and not late.tokens:
            return self.memory.ids(text)
        ids: list[int] = []
        for match in raw.split(text, split_special):
            if match.id is not None:
                ids.append(match.id)
            else:
                ids += self._part_ids(text[match.start : match.end], split_special)
        return ids

    def _part_ids(self, text: str, split_special: bool) -> list[int]:
        """The ids of text between two added tokens, searched for others after normalisation."""
        memory, late = self.memory, self.added.normalized
        if not late.tokens:
            return memory.ids(text)
        normalized = memory.normalized(text)
        if late.absent(normalized):
            return memory.ids(text)
        ids: list[int] = []
        for match in late.split(normalized, split_special):
            if match.id is not None:
                ids.append(match.id)
            else:
                ids += memory.normalized_ids(normalized[match.start : match.end])
        return ids

    def tokens(
        self, text: str, split_special: bool = False, is_word: bool = False, with_words: bool = True
    ) -> Sequence:
        """The ids of a text with their spans and, unless `with_words` is False, the words they belong to."""
        found = self._remembered(text, split_special, is_word, with_words)
        if found is not None:
            return found
        words = text_words(text, self.memory.stages, self.added, split_special, is_word)
        return Sequence(
            [token.id for word in words for token in word],
            [token.span for word in words for token in word],
            [i for i, word in enumerate(words) for _ in word],
        )

    def _remembered(self, text: str, split_special: bool, is_word: bool, with_words: bool) -> Sequence | None:
        """The same from memory, or None if this text must take the plain road."""
        memory, raw, late = self.memory, self.added.raw, self.added.normalized
        if self._opening is not None and self._opening(text, is_word):
            return None
        if late.tokens and not late.absent(memory.normalized(text)):
            return None
        sizes: list[int] | None = [] if with_words else None
        trims = False
        if raw.absent(text):
            trims = memory.keeps_trimmed and not with_words
            found = memory.locate(text, 0, trims, sizes)
        else:
            found = self._located_parts(text, split_special, sizes)
        return None if found is None else Sequence(found[0], found[1], owners(sizes), trims)

    def _located_parts(self, text: str, split_special: bool, sizes: list[int] | None) -> LocatedText | None:
        """Added tokens in their places, and what is remembered of the text between them."""
        ids: list[int] = []
        offsets: list[Span] = []
        for match in self.added.raw.split(text, split_special):
            if match.id is not None:
                ids.append(match.id)
                offsets.append((match.start, match.end))
                if sizes is not None:
                    sizes.append(1)
                continue
            found = self.memory.locate(text[match.start : match.end], match.start, False, sizes)
            if found is None:
                return None
            ids += found[0]
            offsets += found[1]
        return ids, offsets

    def ids_of_words(self, words: Iterable[str], split_special: bool = False) -> list[int]:
        """The ids of a text that comes as words."""
        return [id_ for word in words for id_ in self.ids(word, split_special, True)]

    def tokens_of_words(self, words: Iterable[str], split_special: bool = False) -> Sequence:
        """The same with spans, which count from the start of each word."""
        ids: list[int] = []
        offsets: list[Span] = []
        owner: list[int | None] = []
        for i, word in enumerate(words):
            part = self.tokens(word, split_special, True)
            ids += part.ids
            offsets += part.offsets or ()
            owner += [i] * len(part.ids)
        return Sequence(ids, offsets, owner)


def owners(sizes: list[int] | None) -> list[int | None] | None:
    """For each token the index of its word, from how many tokens each word has.

    >>> owners([1, 2])
    [0, 1, 1]
    """
    return None if sizes is None else list(chain.from_iterable(map(repeat, count(), sizes)))

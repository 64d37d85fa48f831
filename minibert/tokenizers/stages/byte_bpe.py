"""Stages 2 and 3 for RoBERTa: GPT-2's pattern cuts words, byte-level BPE cuts words into pieces.

A word is written as UTF-8, each byte as one of 256 printable characters ("Ġ" is the blank), and then
neighbours are merged: always the pair that stands first in merges.txt, the leftmost one of several,
until no pair is in the list. Nothing is ever unknown, because every byte has a token.

No special tokens here: see `added_tokens.py`.

Sources: Sennrich et al., arXiv:1508.07909; Radford et al., "Language Models are Unsupervised Multitask
Learners" (GPT-2), and its encoder.py; the priority queue is that of Hugging Face's tokenizers.
"""

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.normalizers import NeedsPlainPath, check_no_surrogates
from minibert.tokenizers.stages.unicode_tables import LETTERS, NUMBERS, WHITESPACE, char_class, code_points
from minibert.tokenizers.stages.wordpiece import CACHE_LIMIT

LONG_WORD = 48  # symbols; from here on a priority queue beats looking at every pair again

# ---------------------------------------------------------------- the byte alphabet


def _byte_alphabet() -> str:
    """Printable Latin-1 stands for itself; the other 68 bytes get the characters from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in printable else next(others)) for byte in range(256))


BYTE_CHARS = _byte_alphabet()
_CHAR_BYTES = {char: byte for byte, char in enumerate(BYTE_CHARS)}


def to_byte_chars(text: str) -> str:
    """Text as the vocabulary writes it: one printable character for each byte of its UTF-8.

    >>> to_byte_chars(" né")
    'ĠnÃ©'
    """
    return "".join([BYTE_CHARS[byte] for byte in text.encode()])


def from_byte_chars(tokens: Iterable[str]) -> str:
    """Tokens back to text; bytes that are no UTF-8 become U+FFFD. Foreign characters stay as they are.

    >>> from_byte_chars(["ĠnÃ", "©", "<s>"])
    ' né<s>'
    """
    data = bytearray()
    for token in tokens:
        try:
            data += bytes([_CHAR_BYTES[char] for char in token])
        except KeyError:
            data += token.encode()
    return data.decode("utf-8", errors="replace")


# ---------------------------------------------------------------- stage 2: words


def _pattern(letter: str, number: str, blank: str) -> str:
    """GPT-2's pattern for given character classes: contractions, words, numbers, other signs, blanks."""
    return (
        "'s|'t|'re|'ve|'m|'ll|'d"
        f"| ?[{letter}]+| ?[{number}]+| ?[^{blank}{letter}{number}]+"
        f"|[{blank}]+(?![^{blank}])|[{blank}]+"
    )


ASCII_WORDS = re.compile(_pattern("A-Za-z", "0-9", r"\t-\r "))


@cache
def exact_words() -> re.Pattern[str]:
    """The pattern with the character classes of Unicode 15.1, as the compiled tokenizers have them.

    >>> exact_words().findall("Hello  world's 2nd né")
    ['Hello', ' ', ' world', "'s", ' 2', 'nd', ' né']
    """
    return re.compile(_pattern(char_class(LETTERS), char_class(NUMBERS), char_class(WHITESPACE)))


@cache
def fast_words() -> Any:
    """The same with the classes of the installed `regex`, which knows newer letters; see `is_newer`."""
    import regex

    return regex.compile(_pattern(r"\p{L}", r"\p{N}", char_class(WHITESPACE)))


@cache
def has_newer() -> Any:
    """A search for characters that are letters or numbers to the installed `regex`, but not in Unicode 15.1."""
    import regex

    known = char_class(LETTERS) + char_class(NUMBERS)
    return regex.compile(rf"(?V1)[[\p{{L}}\p{{N}}]--[{known}]]").search


def byte_level_pre_tokenize(text: str) -> list[Span]:
    """Spans of the words; a blank belongs to the word after it.

    >>> text = "it's  2 fast"
    >>> [text[start:end] for start, end in byte_level_pre_tokenize(text)]
    ['it', "'s", ' ', ' 2', ' fast']
    """
    pattern = ASCII_WORDS if text.isascii() else exact_words()
    return [match.span() for match in pattern.finditer(text)]


# ---------------------------------------------------------------- stage 3: merges


class Merge(NamedTuple):
    """One step: which pair was merged, its rank (line in merges.txt), and all symbols afterwards."""

    pair: tuple[str, str]
    rank: int
    symbols: list[str]


def merge_steps(symbols: Sequence[str], ranks: Mapping[tuple[str, str], int]) -> Iterator[Merge]:
    """Merge the pair of the lowest rank, the leftmost of several, until none is left; every step is given.

    >>> ranks = {("l", "o"): 0, ("lo", "w"): 1}
    >>> for step in merge_steps("slow", ranks): print(step.rank, step.symbols)
    0 ['s', 'lo', 'w']
    1 ['s', 'low']
    """
    symbols = list(symbols)
    while True:
        known = [(ranks[pair], i) for i, pair in enumerate(pairwise(symbols)) if pair in ranks]
        if not known:
            return
        rank, i = min(known)
        pair = (symbols[i], symbols[i + 1])
        symbols[i : i + 2] = ["".join(pair)]
        yield Merge(pair, rank, list(symbols))


def encode_word(word: str, ranks: Mapping[tuple[str, str], int]) -> list[str]:
    """The pieces of one word, plainly.

    >>> encode_word(" low", {("l", "o"): 0, ("lo", "w"): 1})
    ['Ġ', 'low']
    """
    symbols = list(to_byte_chars(word))
    for step in merge_steps(symbols, ranks):
        symbols = step.symbols
    return symbols


class BytePairCache(dict[str, tuple[int, ...]]):
    """word -> its ids, found once: the fast form of `encode_word`, on ids instead of strings.

    A byte without a token gives `unknown`, or nothing if that is None, as in the compiled tokenizers.
    Raises TokenizerError when the merges do not fit the vocabulary.

    >>> vocab = {"s": 0, "l": 1, "o": 2, "w": 3, "lo": 4, "low": 5}
    >>> BytePairCache(vocab, [("l", "o"), ("lo", "w")])["slow"]
    (0, 5)
    """

    def __init__(self, vocab: Mapping[str, int], merges: Sequence[tuple[str, str]], unknown: int | None = None) -> None:
        super().__init__()
        self.ranks, self.joined = _numbered_merges(vocab, merges)
        self.byte_ids = [vocab.get(char, unknown) for char in BYTE_CHARS]
        self._complete = None not in self.byte_ids

    def __missing__(self, word: str) -> tuple[int, ...]:
        if not word.isascii() and has_newer()(word):
            raise NeedsPlainPath  # the fast pattern may have cut this text elsewhere
        ids = tuple(self.cut(word))
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[word] = ids
        return ids

    def cut(self, word: str) -> list[int]:
        """The ids of one word."""
        try:
            data = word.encode()
        except UnicodeEncodeError:
            check_no_surrogates(word)
            raise
        ids = [self.byte_ids[byte] for byte in data]
        known = ids if self._complete else [id_ for id_ in ids if id_ is not None]
        return self.merge(known)  # type: ignore[arg-type]

    def merge(self, ids: list[int]) -> list[int]:
        """All merges of one word's ids."""
        merge = merge_by_scan if len(ids) < LONG_WORD else merge_by_heap
        return merge(ids, self.ranks, self.joined)


Ranks = dict[tuple[int, int], int]  # (left id, right id) -> rank


def _numbered_merges(vocab: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> tuple[Ranks, list[int]]:
    """The merges on ids, and for each rank the id of the token that it makes.

    A pair listed twice has the rank of its last line, as in the reference.
    """
    try:
        ranks = {(vocab[left], vocab[right]): rank for rank, (left, right) in enumerate(merges)}
        return ranks, [vocab[left + right] for left, right in merges]
    except KeyError:
        pass
    for rank, (left, right) in enumerate(merges):
        for token in (left, right, left + right):
            if token not in vocab:
                raise TokenizerError(
                    f"The merges do not fit the vocabulary: merge {rank}, {left!r} + {right!r}, "
                    f"needs the token {token!r}, which is not among the {len(vocab)} tokens."
                )
    raise AssertionError("unreachable")


_NEVER = (1 << 30) - 1  # the rank of a pair that is not merged


def merge_by_scan(ids: list[int], ranks: Ranks, joined: Sequence[int]) -> list[int]:
    """Merge the best of all pairs, look its two neighbours up anew, and again: the fastest for usual words."""
    get = ranks.get
    ids = list(ids)
    found = [get(pair, _NEVER) for pair in pairwise(ids)]
    while found:
        best = min(found)
        if best == _NEVER:
            break
        i = found.index(best)
        ids[i] = merged = joined[best]
        del ids[i + 1], found[i]
        if i:
            found[i - 1] = get((ids[i - 1], merged), _NEVER)
        if i < len(found):
            found[i] = get((merged, ids[i + 1]), _NEVER)
    return ids


def merge_by_heap(ids: list[int], ranks: Ranks, joined: Sequence[int]) -> list[int]:
    """The same with a queue of candidates over a linked list: n log n steps for a word of n bytes."""
    ids = list(ids)
    after = [*range(1, len(ids)), -1]
    before = list(range(-1, len(ids) - 1))
    queue = [(ranks[pair], i) for i, pair in enumerate(pairwise(ids)) if pair in ranks]
    heapq.heapify(queue)  # by rank, then by place

    def offer(left: int, right: int) -> None:
        if left >= 0 and right >= 0 and (ids[left], ids[right]) in ranks:
            heapq.heappush(queue, (ranks[ids[left], ids[right]], left))

    while queue:
        rank, left = heapq.heappop(queue)
        right = after[left] if ids[left] >= 0 else -1
        if right < 0 or ranks.get((ids[left], ids[right])) != rank:
            continue  # one of the two has been merged with another neighbour since
        ids[left], ids[right] = joined[rank], -1
        after[left] = after[right]
        if after[right] >= 0:
            before[after[right]] = left
        offer(before[left], left)
        offer(left, after[left])
    return [id_ for id_ in ids if id_ >= 0]


def byte_spans(word: str, sizes: Sequence[int]) -> list[Span]:
    """Spans in code points of pieces that cover `sizes` bytes each; a character cut in two is in both.

    >>> byte_spans("aé", [1, 1, 1]), byte_spans("é😀", [3, 3])
    ([(0, 1), (1, 2), (1, 2)], [(0, 2), (1, 2)])
    """
    if word.isascii():
        return list(pairwise(accumulate(sizes, initial=0)))
    owners = [i for i, char in enumerate(word) for _ in char.encode()]
    spans, start = [], 0
    for size in sizes:
        spans.append((owners[start], owners[start + size - 1] + 1))
        start += size
    return spans


# What trimming of offsets takes for blanks inside a token: "Ġ", and Unicode's white space.
BLANK_CHARS = "Ġ" + "".join(map(chr, sorted(code_points(WHITESPACE))))

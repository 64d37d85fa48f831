"""The loop that BPE and WordPiece training share: join the most frequent pair of neighbours, again and again.

Words start as single symbols. Each round takes the pair of neighbouring symbols that is most frequent over
all words (of equally frequent ones the pair whose symbols have the smaller ids), makes a new symbol of it,
and rewrites the words that hold the pair. Only those words change, so counts are kept up to date pair by
pair, and a heap whose entries may be out of date finds the next pair: an entry is checked when it comes up.

The results are those of `BpeTrainer` of Hugging Face's tokenizers 0.22, pair for pair, two corners included:
a pair that was joined keeps its count, so if it forms anew it counts from there; and when that gives the
same pair a second entry in the list, the later one stands.

Source: Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword Units".
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

from minibert.tokenizers.training.counting import progress_bar

_SHIFT = 32  # a pair of ids is one integer, left << 32 | right, which sorts as the pair does


class MergeStep(NamedTuple):
    """One round: which pair was joined into what, and how often it stood in the words."""

    rank: int
    left: str
    right: str
    merged: str
    frequency: int


class Symbols:
    """The vocabulary while it grows: symbol -> id and id -> symbol."""

    def __init__(self, symbols: Iterable[str] = ()) -> None:
        self.texts: list[str] = []
        self.ids: dict[str, int] = {}
        for symbol in symbols:
            self.add(symbol)

    def add(self, symbol: str) -> int:
        """The symbol's id; a new one if it has none."""
        if symbol not in self.ids:
            self.ids[symbol] = len(self.texts)
            self.texts.append(symbol)
        return self.ids[symbol]


def learn_merges(
    words: dict[tuple[int, ...], int],
    symbols: Symbols,
    vocab_size: int,
    min_frequency: int,
    *,
    prefix: str = "",
    progress: bool = False,
    on_step: Callable[[MergeStep], object] | None = None,
) -> list[tuple[str, str]]:
    """Join pairs until the vocabulary has `vocab_size` symbols or no pair occurs `min_frequency` times.

    words: each word as ids of symbols, and how often it occurs. symbols: grows by the new symbols.
    prefix: what continuations of a word begin with ("##"); it is dropped from the right part of a pair.
    Gives the pairs in the order in which they were joined.

    >>> symbols = Symbols("abn")
    >>> steps = []
    >>> learn_merges({(1, 0, 2, 0, 2, 0): 2, (0, 2): 1}, symbols, 6, 1, on_step=steps.append)
    [('a', 'n'), ('b', 'an'), ('an', 'a')]
    >>> steps[0]
    MergeStep(rank=0, left='a', right='n', merged='an', frequency=5)
    """
    spelled = [list(word) for word in words]
    counts = list(words.values())
    pair_counts, places = _count_pairs(spelled, counts)
    heap = [(-pair_counts[pair], pair, at, found) for at, (pair, found) in enumerate(places.items())]
    heapq.heapify(heap)
    pushed = len(heap)  # makes heap entries comparable without looking at the sets
    ranks: dict[int, int] = {}  # pair -> when it was joined; later entries replace earlier ones
    bar = progress_bar(None, label="Join pairs", shown=progress, total=max(vocab_size - len(symbols.ids), 0))
    while len(symbols.ids) < vocab_size and heap:
        negative, pair, _, found = heapq.heappop(heap)
        count = pair_counts[pair]
        if -negative != count:
            pushed += 1
            heapq.heappush(heap, (-count, pair, pushed, found))
            continue
        if count < max(min_frequency, 1):
            break
        left, right = pair >> _SHIFT, pair & (1 << _SHIFT) - 1
        merged = symbols.texts[left] + symbols.texts[right].removeprefix(prefix)
        new = symbols.add(merged)
        if on_step is not None:
            on_step(MergeStep(len(ranks), symbols.texts[left], symbols.texts[right], merged, count))
        ranks.pop(pair, None)
        ranks[pair] = new
        changed: dict[int, set[int]] = defaultdict(set)
        for index in found:
            _join(spelled[index], left, right, new, counts[index], pair_counts, changed, index)
        for new_pair, where in changed.items():
            if pair_counts[new_pair] > 0:
                pushed += 1
                heapq.heappush(heap, (-pair_counts[new_pair], new_pair, pushed, where))
        bar.update(1)
    bar.close()
    texts = symbols.texts
    return [(texts[pair >> _SHIFT], texts[pair & (1 << _SHIFT) - 1]) for pair in ranks]


def _count_pairs(words: list[list[int]], counts: list[int]) -> tuple[defaultdict[int, int], defaultdict[int, set[int]]]:
    """How often each pair stands in the words, and in which words."""
    pair_counts: defaultdict[int, int] = defaultdict(int)
    places: defaultdict[int, set[int]] = defaultdict(set)
    for index, word in enumerate(words):
        count = counts[index]
        for left, right in pairwise(word):
            pair = left << _SHIFT | right
            pair_counts[pair] += count
            places[pair].add(index)
    return pair_counts, places


def _join(
    word: list[int],
    left: int,
    right: int,
    new: int,
    count: int,
    pair_counts: defaultdict[int, int],
    changed: dict[int, set[int]],
    index: int,
) -> None:
    """Join the pair wherever it stands in the word, left to right, and correct the counts of its neighbours."""
    at = 0
    while at < len(word) - 1:
        if word[at] != left or word[at + 1] != right:
            at += 1
            continue
        if at > 0:
            before = word[at - 1] << _SHIFT
            pair_counts[before | left] -= count
            pair_counts[before | new] += count
            changed[before | new].add(index)
        if at + 2 < len(word):
            after = word[at + 2]
            pair_counts[right << _SHIFT | after] -= count
            pair_counts[new << _SHIFT | after] += count
            changed[new << _SHIFT | after].add(index)
        word[at : at + 2] = [new]
        at += 1

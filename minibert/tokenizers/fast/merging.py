"""Byte-level BPE on numbers: `byte_bpe.merge_all` on ids instead of strings, several times faster.

Two forms of the same: for usual words the ranks of all neighbours in a list, for very long ones a priority queue.

Source of the queue: Hugging Face's tokenizers.
"""

import heapq
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from minibert.tokenizers.stages.byte_bpe import check_merges

LONG_WORD = 48  # symbols; from here on a priority queue beats looking at every pair again
_NEVER = (1 << 30) - 1  # the rank of a pair that is not merged

Ranks = dict[tuple[int, int], int]  # (left id, right id) -> rank


class NumberedMerges(NamedTuple):
    """The merges on ids: the rank of each pair, and for each rank the id of the token that it makes."""

    ranks: Ranks
    joined: list[int]


def number_merges(merges: Sequence[tuple[str, str]], vocab: Mapping[str, int]) -> NumberedMerges:
    """The merges as numbers. Raises TokenizerError when they do not fit the vocabulary.

    >>> number_merges([("l", "o")], {"l": 5, "o": 6, "lo": 7})
    NumberedMerges(ranks={(5, 6): 0}, joined=[7])
    """
    try:
        ranks = {(vocab[left], vocab[right]): rank for rank, (left, right) in enumerate(merges)}
        return NumberedMerges(ranks, [vocab[left + right] for left, right in merges])
    except KeyError:
        check_merges(merges, vocab)
        raise


def merge_numbers(ids: list[int], merges: NumberedMerges) -> list[int]:
    """All merges of one word's ids.

    >>> merge_numbers([5, 6, 6], NumberedMerges({(5, 6): 0}, [7]))
    [7, 6]
    """
    ranks, joined = merges
    return merge_by_scan(ids, ranks, joined) if len(ids) < LONG_WORD else merge_by_heap(ids, ranks, joined)


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

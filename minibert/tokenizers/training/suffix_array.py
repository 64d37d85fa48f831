"""Which substrings of the words repeat: the seeds that Unigram training starts from.

The suffixes of all words are sorted, so that those with a common beginning stand next to each other; how
many characters each has in common with the one before (LCP) then shows every repeated substring as a run
of neighbours. Of those runs only the ones that cannot be made longer without losing an occurrence are
interesting: if "ebr" is always followed by "u", then "ebru" says it all. This is the tree of LCP intervals
of Abouelhoda, Kurtz and Ohlebusch 2004 ("Replacing suffix trees with enhanced suffix arrays"), whose
inner nodes are those runs; here it is walked level by level with NumPy instead of node by node.

Pieces have at most some 16 characters, so suffixes are sorted by as many characters only: prefix doubling
(Manber and Myers 1990) ends after four or five rounds.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Repeats(NamedTuple):
    """Substrings by place: `text[start : start + length]` occurs `count` times."""

    starts: Ints
    lengths: Ints
    counts: Ints


class Followers(NamedTuple):
    """What may follow a substring, as numbers; two followers are told apart if their numbers differ.

    `inside[place]`: the number of the character at this place. Where a word ends, the lowest and the highest
    number of what follows it; equal if that is always the same.
    """

    inside: Ints
    end_low: Ints
    end_high: Ints

    @classmethod
    def by_character(cls, text: Ints) -> "Followers":
        """Characters are told apart, and words may be followed by anything."""
        return cls(text, np.zeros(len(text), np.int64), np.full(len(text), 1 << 21))


def repeated_substrings(
    text: Ints, room: Ints, weights: Ints, longest: int, followers: Followers | None = None
) -> Repeats:
    """The substrings of 2 to `longest` characters that occur at least twice and cannot be made longer.

    text: code points of the words, one after the other. room: how many characters are left in the word from
    here on. weights: how often the word at this place occurs. followers: says when a substring can be made
    longer: if all of its occurrences have the same follower. Substrings are given once each, in no
    particular order.

    >>> word = np.array([ord(char) for char in "banana"])
    >>> found = repeated_substrings(word, np.arange(6, 0, -1), np.ones(6, int), 16)
    >>> sorted(("banana"[at : at + size], int(count)) for at, size, count in zip(*found))
    [('ana', 2), ('na', 2)]
    """
    followers = followers or Followers.by_character(text)
    order = sort_suffixes(text, room, longest)
    order = order[room[order] >= 2]
    common = common_prefixes(text, room, order, longest)
    total = np.concatenate([[0], np.cumsum(weights[order])])
    found = []
    for depth in range(2, longest + 1):
        begins = np.flatnonzero(common < depth)  # runs of suffixes with the same first `depth` characters
        ends = np.append(begins[1:], len(order))
        counts = total[ends] - total[begins]
        keep = (room[order[begins]] >= depth) & (counts >= 2) & _can_not_grow(followers, order, room, depth, begins)
        found.append((order[begins[keep]], np.full(keep.sum(), depth), counts[keep]))
    starts, lengths, counts = (np.concatenate(column) for column in zip(*found, strict=True))
    return Repeats(starts, lengths, counts)


def _can_not_grow(followers: Followers, order: Ints, room: Ints, depth: int, begins: Ints) -> NDArray[np.bool_]:
    """Whether the suffixes of each run have different followers after `depth` characters."""
    inside = room[order] > depth
    after = followers.inside[np.minimum(order + depth, len(followers.inside) - 1)]
    low = np.where(inside, after, followers.end_low[order])
    high = np.where(inside, after, followers.end_high[order])
    return np.minimum.reduceat(low, begins) != np.maximum.reduceat(high, begins)


def sort_suffixes(text: Ints, room: Ints, longest: int) -> Ints:
    """The places of the text, sorted by the characters that start there: at most `longest`, within `room`.

    Equal ones stay in the order of the text.
    """
    size = len(text)
    _, ranks = np.unique(text, return_inverse=True)
    ranks = ranks + 1  # 0 stands for "the word has ended"
    width = 1
    while width < longest:
        behind = np.zeros(size, np.int64)
        behind[:-width] = ranks[width:] if width < size else 0
        behind[room <= width] = 0
        _, ranks = np.unique(ranks * (size + 2) + behind, return_inverse=True)
        ranks = ranks + 1
        width *= 2
    return np.argsort(ranks, kind="stable")


def common_prefixes(text: Ints, room: Ints, order: Ints, longest: int) -> Ints:
    """How many characters each suffix shares with the one before it; 0 for the first."""
    common = np.zeros(len(order), np.int64)
    before, here = order[:-1], order[1:]
    both = np.minimum(room[before], room[here])
    alike = np.ones(len(here), bool)
    for depth in range(longest):
        alike &= both > depth
        at = np.flatnonzero(alike)
        alike[at] = text[before[at] + depth] == text[here[at] + depth]
        common[1:] += alike
    return common

"""How probable pieces are, and which of them can go: the two halves of a round of Unigram training.

All words are looked at together. Their lattices (see `stages/unigram.py`) become one table of edges, each a
piece at a place; the sums over all ways to cut a word (forward and backward) and the best way are then found
for all words at once, one step for each place within a word.

Source: Kudo 2018, "Subword Regularization", section 3.2; the pruning is that of SentencePiece.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
UNKNOWN_PENALTY = 10.0
LEAST_EXPECTED = 0.5  # pieces that are expected less often than this are dropped


def digamma(x: Floats) -> Floats:
    """The derivative of log gamma, for x > 0: an asymptotic series around x - 1/2, after a recurrence to x >= 7.

    >>> digamma(np.array([1.0, 10.0])).round(6)
    array([-0.577216,  2.251753])
    """
    x = np.array(x, float)
    result = np.zeros_like(x)
    while (small := x < 7).any():
        result[small] -= 1 / x[small]
        x[small] += 1
    x = x - 0.5
    square = 1 / (x * x)
    series = square * (1 / 24 - square * (7 / 960 - square * (31 / 8064 - square * 127 / 30720)))
    return result + np.log(x) + series


class Lattice:
    """The pieces at all places of many texts. Places are counted through all texts; each text has one more.

    `pieces[edge]` is -1 for an unknown character: it stands where no piece of one character does.
    """

    def __init__(self, texts: Sequence[str], ids: dict[str, int], *, whole: bool = True) -> None:
        """`ids`: piece -> number. `whole`: whether a text may be one piece."""
        lengths = np.array([len(text) for text in texts], np.int64)
        self.first = np.cumsum(lengths + 1) - lengths - 1  # place where each text begins
        self.last = self.first + lengths
        starts, ends, pieces = _edges(texts, ids, whole)
        depth = np.concatenate([np.arange(length + 1) for length in lengths]) if len(lengths) else lengths
        order = np.lexsort((starts, ends, depth[ends]))
        self.starts, self.ends, self.pieces = starts[order], ends[order], pieces[order]
        self._size = int((lengths + 1).sum())
        self._depth = depth

    def keep(self, renumber: Ints) -> None:
        """Give pieces new numbers; those whose new number is -1 go, or become unknown characters."""
        new = np.where(self.pieces >= 0, renumber[self.pieces], -1)
        stays = (new >= 0) | (self.ends == self.starts + 1)
        self.starts, self.ends, self.pieces = self.starts[stays], self.ends[stays], new[stays]

    def keep_texts(self, texts: Ints) -> None:
        """Drop all texts but these, given by number in ascending order."""
        stays = np.zeros(len(self.first), bool)
        stays[texts] = True
        place_stays = np.repeat(stays, self.last - self.first + 1)
        renumber = np.cumsum(place_stays) - 1
        edges = place_stays[self.starts]
        self.starts, self.ends = renumber[self.starts[edges]], renumber[self.ends[edges]]
        self.pieces = self.pieces[edges]
        self.first, self.last = renumber[self.first[texts]], renumber[self.last[texts]]
        self._depth = self._depth[place_stays]
        self._size = int(place_stays.sum())

    def _steps(self) -> list[tuple[slice, Ints]]:
        """For each place within a text, from left to right: its edges, and where in them each end begins."""
        if not len(self.ends):
            return []
        begins = np.flatnonzero(np.diff(self.ends, prepend=-1))  # edges are sorted: equal ends stand together
        depths = self._depth[self.ends[begins]]
        cuts = np.flatnonzero(np.diff(depths, prepend=-1))
        bounds = [*cuts.tolist(), len(begins)]
        steps = []
        for low, high in pairwise(bounds):
            at = int(begins[low])
            stop = int(begins[high]) if high < len(begins) else len(self.ends)
            steps.append((slice(at, stop), begins[low:high] - at))
        return steps

    def expectations(self, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """How often each piece is expected over all ways to cut the texts, and each text's log probability.

        scores: log probability of each piece; the last one is the unknown character's. weights: how often
        each text occurs. The expectation of the unknown character comes last, too.
        """
        forward, backward = np.full(self._size, -np.inf), np.full(self._size, -np.inf)
        forward[self.first] = 0.0
        backward[self.last] = 0.0
        edge_scores = scores[self.pieces]
        steps = self._steps()
        for edges, begins in steps:
            sums = _log_sums(forward[self.starts[edges]] + edge_scores[edges], begins)
            forward[self.ends[edges][begins]] = sums
        for edges, order, begins in self._backward_steps():
            sums = _log_sums(backward[self.ends[edges][order]] + edge_scores[edges][order], begins)
            backward[self.starts[edges][order][begins]] = np.logaddexp(
                backward[self.starts[edges][order][begins]], sums
            )
        total = forward[self.last]
        text = np.searchsorted(self.first, self.starts, "right") - 1
        with np.errstate(under="ignore"):
            share = np.exp(forward[self.starts] + edge_scores + backward[self.ends] - total[text])
        expected = np.bincount(self.pieces + 1, share * weights[text], len(scores))
        return np.roll(expected, -1), total

    def _backward_steps(self) -> Iterator[tuple[slice, Ints, Ints]]:
        for edges, _ in reversed(self._steps()):
            order = np.argsort(self.starts[edges], kind="stable")
            begins = np.flatnonzero(np.diff(self.starts[edges][order], prepend=-1))
            yield edges, order, begins

    def best_paths(self, scores: Floats) -> tuple[Floats, Ints]:
        """The best sum of each text (minus infinity if there is no way), and the last edge on it at each place."""
        best = np.full(self._size, -np.inf)
        best[self.first] = 0.0
        last = np.full(self._size, -1)
        edge_scores = scores[self.pieces]
        for edges, begins in self._steps():
            sums = best[self.starts[edges]] + edge_scores[edges]
            highest = np.maximum.reduceat(sums, begins)
            counts = np.diff(begins, append=len(sums))
            at = np.flatnonzero(sums == np.repeat(highest, counts))
            group = np.searchsorted(begins, at, "right") - 1
            _, chosen = np.unique(group, return_index=True)  # the first of equal ones: the longest piece
            ends = self.ends[edges][begins]
            best[ends] = highest
            last[ends] = edges.start + at[chosen]
        return best[self.last], last

    def walk(self, last: Ints) -> Iterator[tuple[Ints, Ints]]:
        """The best paths, one piece a round, from their ends: (which texts, the piece of each)."""
        texts = np.arange(len(self.first))
        places = self.last.copy()
        while len(texts):
            going = (places > self.first[texts]) & (last[places] >= 0)
            texts, places = texts[going], places[going]
            edges = last[places]
            if len(texts):
                yield texts, self.pieces[edges]
            places = self.starts[edges]


def _log_sums(values: Floats, begins: Ints) -> Floats:
    """log(sum(exp(...))) of each run of values that begins at these places."""
    highest = np.maximum.reduceat(values, begins)
    counts = np.diff(begins, append=len(values))
    safe = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(under="ignore", divide="ignore"):
        return safe + np.log(np.add.reduceat(np.exp(values - np.repeat(safe, counts)), begins))


def _edges(texts: Sequence[str], ids: dict[str, int], whole: bool) -> tuple[Ints, Ints, Ints]:
    starts: list[int] = []
    ends: list[int] = []
    pieces: list[int] = []
    lengths: dict[str, set[int]] = {}
    for known in ids:
        lengths.setdefault(known[:2], set()).add(len(known))
    longer = {start: sorted(found - {1}) for start, found in lengths.items() if len(start) > 1}
    find = ids.get
    base = 0
    for text in texts:
        size = len(text)
        for at in range(size):
            if whole or size > 1:
                starts.append(base + at)
                ends.append(base + at + 1)
                pieces.append(find(text[at], -1))
            for length in longer.get(text[at : at + 2], ()):
                if at + length > size:
                    break
                piece = find(text[at : at + length], -1)
                if piece >= 0 and (whole or length < size):
                    starts.append(base + at)
                    ends.append(base + at + length)
                    pieces.append(piece)
        base += size + 1
    return np.array(starts, np.int64), np.array(ends, np.int64), np.array(pieces, np.int64)


class Kept(NamedTuple):
    """What a pruning decided: the numbers of the pieces that stay, and what it cost to drop the others."""

    pieces: Ints
    dropped: Ints
    losses: Floats  # of the dropped ones, per token; 0 for those that no best path needs
    tokens: int


def estimate(expected: Floats) -> tuple[Ints, Floats]:
    """The pieces worth keeping and their new log probabilities.

    Not the plain relative frequencies, but what a Bayesian estimate with a sparse prior gives: frequencies
    go through exp(digamma), which takes away from rare pieces most (Liang et al. 2007).
    """
    kept = np.flatnonzero(expected >= LEAST_EXPECTED)
    return kept, digamma(expected[kept]) - digamma(np.array([expected[kept].sum()]))[0]


def with_unknown(scores: Floats) -> Floats:
    """The scores with the unknown character's behind them, where -1 finds it."""
    return np.append(scores, scores.min(initial=0.0) - UNKNOWN_PENALTY)


def prune(
    words: Lattice, weights: Floats, alternatives: Lattice, scores: Floats, target: int, unknown_as_first: bool
) -> Kept:
    """Drop the pieces whose loss hurts the likelihood of the words least, down to `target` pieces.

    words: the lattice of the corpus, its texts weighing `weights`. alternatives: the lattice of the pieces
    themselves, each without itself: how a piece would be cut if it were gone. The loss of a piece: how much
    less probable the best paths become when its alternative takes its place. unknown_as_first: count unknown
    characters as the first piece, as SentencePiece does.
    """
    _, last = words.best_paths(scores)
    count = len(scores) - 1
    frequency = np.zeros(count + 1)
    for texts, pieces in words.walk(last):
        frequency += np.bincount(pieces + 1, weights[texts], count + 1)
    tokens = int(frequency.sum())
    unknown, frequency = frequency[0], frequency[1:]
    if unknown_as_first:
        frequency[0] += unknown
    best, last = alternatives.best_paths(scores)
    parts = np.zeros(count)
    log_parts = np.zeros(count)
    for texts, pieces in alternatives.walk(last):
        pieces = np.maximum(pieces, 0) if unknown_as_first else pieces
        known = pieces >= 0
        parts[texts] += 1
        with np.errstate(divide="ignore"):
            log_parts[texts[known]] += np.log(frequency[pieces[known]] + frequency[texts[known]])
    total = frequency.sum()
    used = (frequency > 0) & (best <= scores[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        log_without = log_parts - parts * np.log(total + frequency * (parts - 1))
        losses = frequency / total * (np.log(frequency) - np.log(total) - log_without)
    needed = used & (parts == 0)  # nothing could take their place
    order = np.argsort(np.where(used & ~needed, -losses, np.inf), kind="stable")
    room = max(target - int(needed.sum()), 0)
    chosen = order[: min(room, int((used & ~needed).sum()))]
    stays = needed.copy()
    stays[chosen] = True
    dropped = np.flatnonzero(~stays)
    return Kept(np.flatnonzero(stays), dropped, np.where(used, losses, 0.0)[dropped], tokens)

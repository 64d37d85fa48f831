"""Stage 3 of Unigram: the most probable way to cut a normalised text into pieces.

Every piece has a log probability; a way to cut the text scores the sum over its pieces; the Viterbi
algorithm finds the best sum by asking, at each place, which pieces start here and what they add to the best
sum so far (Kudo 2018, "Subword Regularization", section 3.2). `best_path` is that, plainly; `lattice`
gives the same as data, with all the pieces that lost; `unigram_words.py` is the fast form.

To get SentencePiece's answer on ties, three things must be its own: sums are float32, a later candidate
wins only if it is strictly better, and places are visited left to right, so that of two equal ways the
one whose last piece is longer wins. Sums that grow beyond 100,000 are shifted back to 0, as it does.
"""

from array import array
from operator import itemgetter
from typing import NamedTuple

from minibert.tokenizers.files.sentencepiece_model import PieceType, SentencePieceModel

UNKNOWN_PENALTY = 10.0  # an unknown character scores this much less than the least probable piece
RESET_ABOVE = 100_000.0  # where SentencePiece shifts its sums, so that float32 keeps its precision
FLOAT32_MAX = 3.4028234663852886e38


def float32(value: float) -> float:
    """The nearest float32, as a float.

    >>> float32(0.1)
    0.10000000149011612
    """
    return array("f", (value,))[0]


class Node(NamedTuple):
    """A piece at a place of the text: `text[start:end]`. `best` is the best sum of a way that ends with it."""

    start: int
    end: int
    id: int
    score: float
    best: float = 0.0
    on_best_path: bool = False


class Vocabulary:
    """The pieces of a model as the search wants them.

    `ids` and `score_of` hold the pieces that can match text; `scores[id]` is what a piece adds, float32, with the
    unknown score at `unk_id`, which is -1 for models without an unknown piece; `longer` maps three
    characters, or two, to the lengths, ascending, of the pieces of two and more that can match where they stand.
    """

    def __init__(self, model: SentencePieceModel) -> None:
        pieces, normal, symbol = model.pieces, PieceType.NORMAL, PieceType.USER_DEFINED
        self.ids = {text: i for i, (text, _, kind) in enumerate(pieces) if kind is normal or kind is symbol}
        self.ids.pop("\0", None)  # see `is_stray_nul`
        self.scores = [piece.score for piece in pieces]
        self.unk_id = model.unk_id
        lowest = min((score for _, score, kind in pieces if kind is normal), default=FLOAT32_MAX)
        self.unk_score = float32(lowest - UNKNOWN_PENALTY)
        for i in model.special_ids:
            if pieces[i].type is symbol:
                self.scores[i] = user_defined_score(pieces[i].text)
        self.score_of = dict(zip(self.ids, map(self.scores.__getitem__, self.ids.values()), strict=True))
        self.scores.append(self.unk_score)  # also found as scores[-1]
        self.scores[self.unk_id] = self.unk_score
        self.longest = max(map(len, self.ids), default=1)
        self.longer = self._lengths_by_start()

    def _lengths_by_start(self) -> dict[str, tuple[int, ...]]:
        """`longer`; three characters also have the length 2 if the first two are a piece."""
        starts = [text[:3] for text in self.ids]
        lengths: dict[str, list[int]] = {}
        for start, length in sorted(set(zip(starts, map(len, self.ids), strict=True)), key=itemgetter(1)):
            if length > 1:
                lengths.setdefault(start, []).append(length)
        return {
            start: (2, *found) if len(start) > 2 and start[:2] in lengths else tuple(found)
            for start, found in lengths.items()
        }

    def starting_at(self, text: str, start: int) -> list[tuple[int, int, float]]:
        """(end, id, score) of the pieces that start here, shortest first.

        An unknown character counts as a piece where no piece of one character matches; it comes last.
        """
        longer = self.longer.get(text[start : start + 3]) or self.longer.get(text[start : start + 2], ())
        lengths = (1, *longer)
        ends = [start + length for length in lengths if start + length <= len(text)]
        found = [(end, self.ids[text[start:end]]) for end in ends if text[start:end] in self.ids]
        nodes = [(end, piece, self.scores[piece]) for end, piece in found]
        if not nodes or nodes[0][0] > start + 1:
            nodes.append((start + 1, self.unk_id, self.unk_score))
        return nodes


def user_defined_score(text: str) -> float:
    """A tenth for each byte but the first, more than any log probability, so that the symbol always wins."""
    return float32(0.1 * (len(text.encode()) - 1))


def best_path(text: str, vocabulary: Vocabulary, start_score: float = 0.0) -> tuple[list[tuple[int, int]], float]:
    """The best way to cut the text: (end, id) of each piece in order, and its sum.

    `start_score`: the sum of what stood before, which matters only for how float32 rounds.
    """
    best = array("f", bytes(4 * (len(text) + 1)))  # best sum of a way that ends here; storing rounds
    best[0] = start_score
    last: list[tuple[int, int] | None] = [None] * (len(text) + 1)  # (start, id) of its last piece
    for start in range(len(text)):
        if abs(best[start]) > RESET_ABOVE:
            _shift(best, last, start, start + vocabulary.longest)
        for end, piece, score in vocabulary.starting_at(text, start):
            total = float32(best[start] + score)
            if last[end] is None or total > best[end]:
                best[end] = total
                last[end] = start, piece
    return _walk_back(last), best[-1]


def _shift(best: "array[float]", last: list[tuple[int, int] | None], start: int, end: int) -> None:
    """Count the sums from `start` to `end`, which are all that are still in use, from the one at `start`."""
    offset = best[start]
    for at in range(start, min(end + 1, len(best))):
        if at == start or last[at] is not None:
            best[at] -= offset


def _walk_back(last: list[tuple[int, int] | None]) -> list[tuple[int, int]]:
    path, end = [], len(last) - 1
    while end > 0:
        step = last[end]
        assert step is not None, "every place is reached, if only by unknown characters"
        path.append((end, step[1]))
        end = step[0]
    path.reverse()
    return path


def lattice(text: str, vocabulary: Vocabulary) -> list[Node]:
    """Every piece that matches somewhere in the text, with its score, and the best path marked.

    In order of start, then end: a graph from place 0 to the end of the text, whose edges are the nodes.
    Sums are float32; the shift of very long texts is left out, so it does not suit them.
    """
    best = array("f", [0.0] * (len(text) + 1))
    nodes: list[Node] = []
    reached = {0}
    for start in range(len(text)):
        for end, piece, score in vocabulary.starting_at(text, start):
            total = float32(best[start] + score)
            nodes.append(Node(start, end, piece, score, total))
            if end not in reached or total > best[end]:
                reached.add(end)
                best[end] = total
    path, _ = best_path(text, vocabulary)
    starts = [0, *(end for end, _ in path)]
    chosen = {(start, end, piece) for start, (end, piece) in zip(starts, path, strict=False)}
    marked = [node._replace(on_best_path=(node.start, node.end, node.id) in chosen) for node in nodes]
    return sorted(marked, key=lambda node: (node.start, node.end))

"""Unigram's search word by word, each distinct word once.

No piece of most models holds a ▁ except as its first character. So the best path of a text is the best paths of its
words (▁ and what follows), one after the other, and each distinct word needs one search.

With exact sums that would be all. But SentencePiece's sums are float32 and run through the whole text, so what stood
before a word can turn a near-tie inside it. This is why the words may be kept all the same:

* Let `gap` be the distance between the best and the second-best way to cut a word, in exact sums. Adding `n`
  scores in float32 to a sum that stays below `m` errs by at most `n * m * 2**-24`. A way whose exact sum is
  worse by more than twice that cannot win. So what was found for the word holds wherever the sum before
  it is below `gap * 2**23 / n` minus the word's own size: its `limit`.
* Where the sum before the word is not below its limit, the word is searched again from that very sum. For
  that, the sum is carried along in float32, piece by piece, as SentencePiece does.
"""

import re
from array import array
from collections.abc import Callable, Iterable
from itertools import accumulate
from operator import itemgetter

from minibert.tokenizers.stages.pieces import BYTE_PIECES, SPACE
from minibert.tokenizers.stages.unigram import (
    RESET_ABOVE,
    Arrival,
    ScoredPieces,
    Step,
    Unigram,
    shift_sums,
    walk_back,
)

WORDS_KEPT = 1 << 17
LONGEST_KEPT = 64  # characters; longer words are rare, and a hostile text would fill the memory with them
INFINITY = float("inf")

split_words = re.compile(f"{SPACE}[^{SPACE}]*|[^{SPACE}]+").findall
# Signs that most vocabularies hold in no piece together with letters; see `split_at_seams`.
SIGNS = "0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»“”‘’„–—…、。「」『』・"

Path = list[tuple[int, int]] | list[Step]  # (end, id) of each piece


class PieceIndex:
    """The pieces of a model, for a search that looks up few of them.

    `score_of` maps a piece to its score. `longer` maps three characters, or two, to the lengths, ascending, of the
    pieces of two characters and more that can match where they stand.
    """

    def __init__(self, scored: ScoredPieces) -> None:
        self.ids, self.scores, self.longest = scored.ids, scored.scores, scored.longest
        self.unk_id, self.unk_score = scored.unk_id, scored.unk_score
        self.score_of = dict(zip(self.ids, map(self.scores.__getitem__, self.ids.values()), strict=True))
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


# What was found for a word, in this order:
#   ids: what encoding gives, unknown runs fused, byte fallback applied
#   limit: they hold wherever the sum before the word is smaller than this
#   path: (end, id) of each piece
#   cost: the size of the word's own sum
# A plain tuple, because a text of new words takes a twelfth longer to encode with named ones.
KnownWord = tuple[tuple[int, ...], float, tuple[tuple[int, int], ...], float]
KnownText = tuple[tuple[int, ...], float, float]  # of a text of several words: ids, limit, cost

UNKEPT: KnownWord = ((), -1.0, (), 0.0)  # a word too long to be kept: its limit makes sure that it is searched


def split_at_seams(pieces: Iterable[str]) -> Callable[[str], list[str]]:
    """How to cut a normalised text into the smallest parts that no piece reaches across, ▁ aside.

    That is before each ▁, and between signs and letters, if no piece has such a sign beside anything but signs.

    >>> split_at_seams(["▁", "▁(", "a", "b", "ab", "(", ")", ")."])("▁(ab).")
    ['▁(', 'ab', ').']
    >>> split_at_seams(["a", "b", "b)", ")."])("▁(ab).")
    ['▁(', 'ab).']
    """
    text = SPACE.join(pieces)
    found, beside = f"([{re.escape(SIGNS)}])", f"([^{SPACE}])"
    pairs = {*re.findall(f"{found}(?={beside})", text), *re.findall(f"{found}(?<={beside}.)", text)}
    signs = set(SIGNS)
    while bound := {sign for sign, other in pairs if sign in signs and other not in signs}:
        signs -= bound
    if not signs:
        return split_words
    loose = re.escape("".join(sorted(signs)))
    return re.compile(f"{SPACE}?[{loose}]+|{SPACE}?[^{loose}{SPACE}]+|{SPACE}").findall


class KnownWords:
    """The words of a model that were searched so far."""

    def __init__(self, model: Unigram) -> None:
        self._model = model
        self.pieces = PieceIndex(model.scored)
        self.split = split_at_seams(self.pieces.ids)
        self._known: dict[str, KnownWord] = {}
        self._unk_id = model.model.unk_id
        of_bytes = [model.vocab[piece] for piece in BYTE_PIECES] if model.model.byte_fallback else []
        # ids that may stand for other than what their pieces say: runs of unknown characters, bytes
        self.irregular = {self._unk_id, *of_bytes}
        # no score adds more than this per character; user-defined symbols add 0.1 a byte
        self._most = max(0.4, max(self.pieces.scores, default=0.0))
        self._step = abs(self.pieces.unk_score) + self._most  # what one character can move the sum by

    def find(self, text: str) -> KnownWord:
        """What is known about a word: ids, limit, path, cost; searched now if it is new."""
        word = self._known.get(text)
        if word is None:
            size = max(len(text), 1)
            path, cost, gap = search(text, self.pieces)
            limit = gap * 2.0**23 / size * 0.99 - cost - self._most * size
            near_reset = RESET_ABOVE - self._step * (size + 1)
            ids = tuple([piece for _, piece in path])
            if self._unk_id in ids:
                ids = tuple(self.to_ids(text, path))
            word = ids, min(limit, near_reset), tuple(path), cost
            if len(self._known) >= WORDS_KEPT:
                self._known.clear()
            self._known[text] = word
        return word

    def find_all(self, text: str) -> KnownText:
        """Ids, limit and cost of a text that consists of words."""
        parts = self.split(text)
        if len(parts) == 1:
            ids, limit, _, cost = self.find(text)
            return ids, limit, cost
        ids, limit, cost = (), INFINITY, 0.0
        for part in parts:
            found, part_limit, _, part_cost = self.find(part)
            ids += found
            limit = min(limit, part_limit)
            cost += part_cost
        if self._unk_id in ids:  # unknown parts side by side are one unknown piece
            starts = accumulate(map(len, parts), initial=0)
            paths = ((at, self.find(part)[2]) for at, part in zip(starts, parts, strict=False))
            ids = tuple(self.to_ids(text, [(at + end, piece) for at, path in paths for end, piece in path]))
        return ids, limit, cost

    def path(self, words: Iterable[str]) -> list[tuple[int, int]]:
        """The best path of a text that consists of these words: (end in the text, id) of each piece."""
        pieces: list[tuple[int, int]] = []
        scores = self.pieces.scores
        total = array("f", (0.0,))  # storing rounds to float32
        at = 0
        for text in words:
            path: Iterable[tuple[int, int]]
            _, limit, path, _ = self.find(text) if len(text) <= LONGEST_KEPT else UNKEPT
            if abs(total[0]) < limit:
                for _, piece in path:
                    total[0] += scores[piece]
            else:
                path, total[0] = quick_path(text, self.pieces, total[0])
            pieces.extend((at + end, piece) for end, piece in path)
            at += len(text)
        return pieces

    def to_ids(self, text: str, path: Iterable[tuple[int, int]]) -> list[int]:
        """The ids of a path: those of its pieces, but of unknown characters side by side only the first one's."""
        ids = [piece for _, piece in path]
        unk_id = self._unk_id
        if unk_id not in ids:
            return ids
        if self._model.model.byte_fallback:
            return [token.id for token in self._model.tokens_of(text, path)]
        return [piece for before, piece in zip((-1, *ids), ids, strict=False) if piece != unk_id or before != unk_id]


def quick_path(  # noqa: C901 - calls would take most of its time
    text: str, pieces: PieceIndex, start_score: float = 0.0
) -> tuple[list[Step], float]:
    """What `best_path` gives, several times faster: the same sums, with everything in one loop."""
    size = len(text)
    best = array("f", bytes(4 * (size + 1)))
    best[0] = start_score
    last: list[Arrival | None] = [None] * (size + 1)
    ids, scores, longer, unk_id = pieces.ids, pieces.scores, pieces.longer, pieces.unk_id
    for start in range(size):
        so_far = best[start]
        if so_far < -RESET_ABOVE or so_far > RESET_ABOVE:
            shift_sums(best, last, start, start + pieces.longest)
            so_far = 0.0
        end = start + 1
        piece = ids.get(text[start], unk_id)
        total = so_far + scores[piece]
        if last[end] is None:
            best[end] = total
            last[end] = start, piece
        elif total > best[end]:  # in double precision; whether float32 agrees is seen after storing
            before = best[end]
            best[end] = total
            if best[end] > before:
                last[end] = start, piece
        for length in longer.get(text[start : start + 3]) or longer.get(text[start : start + 2], ()):
            end = start + length
            if end > size:
                break
            piece = ids.get(text[start:end], -1)
            if piece >= 0:
                total = so_far + scores[piece]
                if last[end] is None:
                    best[end] = total
                    last[end] = start, piece
                elif total > best[end]:
                    before = best[end]
                    best[end] = total
                    if best[end] > before:
                        last[end] = start, piece
    return walk_back(last), best[-1]


def search(  # noqa: C901 - calls would take most of its time
    text: str, pieces: PieceIndex
) -> tuple[list[tuple[int, int]], float, float]:
    """The best path in double precision, the size of its sum, and how far behind the second-best path is.

    The second-best path leaves the best one and comes back to it for the last time at some place; from
    there on it is the best path. So it is behind by the smallest distance, over the places of the best path,
    between the best and the second-best sum that arrive there.
    """
    size = len(text)
    best = [-INFINITY] * (size + 1)
    second = best.copy()  # best sum that arrives here by another piece
    origin = [0] * (size + 1)  # where the last piece of the best way starts
    best[0] = 0.0
    score_of, longer, unk_score = pieces.score_of, pieces.longer, pieces.unk_score
    for start in range(size):
        so_far = best[start]
        end = start + 1
        total = so_far + score_of.get(text[start], unk_score)
        if total > best[end]:
            second[end] = best[end]
            best[end] = total
            origin[end] = start
        elif total > second[end]:
            second[end] = total
        for length in longer.get(text[start : start + 3]) or longer.get(text[start : start + 2], ()):
            end = start + length
            if end > size:
                break
            score = score_of.get(text[start:end])
            if score is not None:
                total = so_far + score
                if total > best[end]:
                    second[end] = best[end]
                    best[end] = total
                    origin[end] = start
                elif total > second[end]:
                    second[end] = total
    path = []
    gap, end = INFINITY, size
    ids, unk_id = pieces.ids, pieces.unk_id
    while end > 0:
        behind = best[end] - second[end]
        if behind < gap:
            gap = behind
        start = origin[end]
        path.append((end, ids.get(text[start:end], unk_id)))
        end = start
    path.reverse()
    return path, abs(best[size]), gap

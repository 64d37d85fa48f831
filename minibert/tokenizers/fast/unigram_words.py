"""The fast form of the search: word by word, each distinct word once.

No piece of most models holds a ▁ except as its first character, so the best path of a text is the best
paths of its words (▁ and what follows), one after the other: each distinct word needs one search. With
exact sums that would be all. SentencePiece's sums are float32 and run through the whole text, so what came
before can turn a near-tie inside a word. The argument why the words may be kept all the same:

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
from itertools import accumulate, chain
from typing import Any

from minibert.tokenizers.files.sentencepiece_model import BYTE_PIECES, SPACE, SentencePieceModel
from minibert.tokenizers.stages.normalizers import check_no_surrogates
from minibert.tokenizers.stages.unigram import RESET_ABOVE, Vocabulary, _shift, _walk_back
from minibert.tokenizers.stages.unigram_normalizer import UnigramNormalizer

WORDS_KEPT = 1 << 17
LONGEST_KEPT = 64  # characters; longer words are rare, and a hostile text would fill the memory with them
INFINITY = float("inf")
LONG_TEXT = 8000  # characters; from here on texts are encoded word by word
COST = 12.0  # a character; see `Chunks`

split_words = re.compile(f"{SPACE}[^{SPACE}]*|[^{SPACE}]+").findall
# Signs that most vocabularies hold in no piece together with letters; see `split_at_seams`.
SIGNS = "0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»“”‘’„–—…、。「」『』・"

# What is known about a word: a plain tuple, which the garbage collector leaves alone once it has seen that it holds
# numbers only; it would visit a named one for ever.
#   ids: what encoding gives: unknown runs fused, byte fallback applied
#   limit: they hold wherever the sum before the word is smaller than this
#   path: (end, id) of each piece
#   cost: size of the word's own sum
Word = tuple[tuple[int, ...], float, tuple[tuple[int, int], ...], float]
UNKEPT: Word = ((), -1.0, (), 0.0)


class Chunks(dict[str, tuple[int, ...]]):
    """Ids of what stands between two blanks, found once.

    The sum before a place is not carried along here, but bounded: by `COST` for each character before it, which
    is more than the sum in nearly every text. `touchy` has the few chunks that do not hold in every text of at most
    `LONG_TEXT` characters, with the limit of each; one that costs more than `COST` holds in none.
    """

    def __init__(self, words: "Words", normalizer: UnigramNormalizer, located: dict[str, Any]) -> None:
        super().__init__()
        self._words, self._normalizer = words, normalizer
        self.touchy: dict[str, float] = {}
        self._located = located  # kept about chunks elsewhere, only as long as `touchy` knows them

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        if len(chunk) > LONGEST_KEPT:
            raise TooLong
        check_no_surrogates(chunk)
        ids, limit, cost = self._words.find_all(self._normalizer.normalize_chunk(chunk))
        if cost > COST * (len(chunk) + 1):
            self.touchy[chunk] = -1.0
        elif limit <= COST * (LONG_TEXT + 1):
            self.touchy[chunk] = limit
        self[chunk] = ids
        return ids

    def ids(self, text: str) -> list[int] | None:
        """The ids of a whole text, or None if the way word by word must be taken."""
        self.make_room()
        chunks = text.split(" ")
        try:
            ids = list(chain.from_iterable(map(self.__getitem__, chunks)))
        except TooLong:
            return None
        return ids if self.hold(chunks, len(text)) else None

    def make_room(self) -> None:
        """Forget everything when there is too much."""
        if len(self) >= WORDS_KEPT:
            self.clear()
            self.touchy.clear()
            self._located.clear()

    def hold(self, chunks: list[str], size: int) -> bool:
        """Whether chunks, all known, are cut in a text of this size as they are alone."""
        if size > LONG_TEXT:
            return False
        bound = COST * (size + 1)
        return self.touchy.keys().isdisjoint(chunks) or all(
            self.touchy.get(chunk, INFINITY) > bound for chunk in chunks
        )


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


class TooLong(Exception):
    """A chunk is longer than those that are kept."""


class Words:
    """The words of a model that were searched so far."""

    def __init__(self, model: SentencePieceModel) -> None:
        self.vocabulary = Vocabulary(model)
        self.split = split_at_seams(self.vocabulary.ids)
        self._known: dict[str, Word] = {}
        self._unk_id = model.unk_id
        self._bytes = [model.ids[piece] for piece in BYTE_PIECES] if model.byte_fallback else None
        # ids that may stand for other than what their pieces say: runs of unknown characters, bytes
        self.irregular = {self._unk_id, *(self._bytes or ())}
        # no score adds more than this per character; user-defined symbols add 0.1 a byte
        self._most = max(0.4, max(self.vocabulary.scores, default=0.0))
        self._step = abs(self.vocabulary.unk_score) + self._most  # what one character can move the sum by

    def find(self, text: str) -> Word:
        """What is known about the word; searched now if it is new."""
        word = self._known.get(text)
        if word is None:
            size = max(len(text), 1)
            path, cost, gap = search(text, self.vocabulary)
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

    def find_all(self, text: str) -> tuple[tuple[int, ...], float, float]:
        """Ids, limit and cost of a text that consists of words: see `Word`."""
        parts = self.split(text)
        if len(parts) == 1:
            ids, limit, _, cost = self.find(text)
            return ids, limit, cost
        ids, limit, cost = (), INFINITY, 0.0
        for part in parts:
            found, holds, _, size = self.find(part)
            ids += found
            limit = min(limit, holds)
            cost += size
        if self._unk_id in ids:  # unknown parts side by side are one unknown piece
            starts = accumulate(map(len, parts), initial=0)
            paths = ((at, self.find(part)[2]) for at, part in zip(starts, parts, strict=False))
            ids = tuple(self.to_ids(text, [(at + end, piece) for at, path in paths for end, piece in path]))
        return ids, limit, cost

    def path(self, words: Iterable[str]) -> list[tuple[int, int]]:
        """The best path of a text that consists of these words: (end in the text, id) of each piece."""
        pieces: list[tuple[int, int]] = []
        scores = self.vocabulary.scores
        total = array("f", (0.0,))  # storing rounds to float32
        at = 0
        for text in words:
            path: Iterable[tuple[int, int]]
            _, limit, path, _ = self.find(text) if len(text) <= LONGEST_KEPT else UNKEPT
            if abs(total[0]) < limit:
                for _, piece in path:
                    total[0] += scores[piece]
            else:
                path, total[0] = fast_path(text, self.vocabulary, total[0])
            pieces.extend((at + end, piece) for end, piece in path)
            at += len(text)
        return pieces

    def to_ids(self, text: str, path: list[tuple[int, int]]) -> list[int]:
        """The ids of a path: a run of unknown characters is one unknown piece, or bytes with byte fallback."""
        ids: list[int] = []
        start, was_unknown = 0, False
        for end, piece in path:
            unknown = piece == self._unk_id
            if unknown and self._bytes:
                ids.extend(self._bytes[byte] for byte in text[start:end].encode())
            elif not (unknown and was_unknown):
                ids.append(piece)
            start, was_unknown = end, unknown
        return ids


def fast_path(text: str, vocabulary: Vocabulary, start_score: float = 0.0) -> tuple[list[tuple[int, int]], float]:
    """What `best_path` gives, several times faster: the same sums, with everything in one loop."""
    size = len(text)
    best = array("f", bytes(4 * (size + 1)))
    best[0] = start_score
    last: list[tuple[int, int] | None] = [None] * (size + 1)
    ids, scores, longer, unk_id = vocabulary.ids, vocabulary.scores, vocabulary.longer, vocabulary.unk_id
    for start in range(size):
        so_far = best[start]
        if so_far < -RESET_ABOVE or so_far > RESET_ABOVE:
            _shift(best, last, start, start + vocabulary.longest)
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
    return _walk_back(last), best[-1]


def search(text: str, vocabulary: Vocabulary) -> tuple[list[tuple[int, int]], float, float]:
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
    score_of, longer, unk_score = vocabulary.score_of, vocabulary.longer, vocabulary.unk_score
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
    ids, unk_id = vocabulary.ids, vocabulary.unk_id
    while end > 0:
        behind = best[end] - second[end]
        if behind < gap:
            gap = behind
        start = origin[end]
        path.append((end, ids.get(text[start:end], unk_id)))
        end = start
    path.reverse()
    return path, abs(best[size]), gap

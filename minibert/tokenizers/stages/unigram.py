"""Stage 3 for RemBERT, Unigram: the most probable way to cut a normalised text into pieces.

Every piece has a log probability. A way to cut the text scores the sum over its pieces. The Viterbi algorithm
finds the best sum: at each place it asks which pieces start here, and what they add to the best sum so far.
`best_path` does that; `lattice` gives the same as data, with all the pieces that lost.

To get SentencePiece's answer on ties, three things must be its own. Sums are float32. A later candidate wins only
if it is strictly better. Places are visited left to right, so that of two equal ways the one whose last piece is
longer wins. Sums that grow beyond 100,000 are shifted back to 0, as it does.

Does not handle: sampling and n-best lists, denormalisers, special tokens (`[CLS]` in a text is text here).

Source: Kudo 2018, "Subword Regularization", arXiv:1804.10959, section 3.2. What SentencePiece does where the paper
is silent was found by experiment.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from minibert.tokenizers.stages.aligned_text import AlignedText, join_aligned
from minibert.tokenizers.stages.pieces import BYTE_PIECES, PieceType, SentencePieceModel
from minibert.tokenizers.stages.records import LatticeNode, Word
from minibert.tokenizers.stages.stage import Token

UNKNOWN_PENALTY = 10.0  # an unknown character scores this much less than the least probable piece
RESET_ABOVE = 100_000.0  # where SentencePiece shifts its sums, so that float32 keeps its precision
FLOAT32_MAX = 3.4028234663852886e38


def float32(value: float) -> float:
    """The nearest float32, as a float.

    >>> float32(0.1)
    0.10000000149011612
    """
    return array("f", (value,))[0]


class Step(NamedTuple):
    """A piece on a path: where it ends in the text, and its id. It starts where the step before it ends."""

    end: int
    id: int


class Candidate(NamedTuple):
    """A piece that starts at some place: where it ends, its id, and what it adds to the sum."""

    end: int
    id: int
    score: float


class ScoredPieces:
    """The pieces of a model as the search wants them.

    `ids` holds the pieces that can match text, `scores[id]` is what a piece adds, a float32. At `unk_id`, which is
    -1 for models without an unknown piece, stands the score of an unknown character.
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
        self.scores.append(self.unk_score)  # also found as scores[-1]
        self.scores[self.unk_id] = self.unk_score
        self.longest = max(map(len, self.ids), default=1)

    def starting_at(self, text: str, start: int) -> list[Candidate]:
        """Every piece that matches at a place, the shortest first.

        An unknown character counts as a piece where no piece of one character matches; it comes last.
        """
        ends = range(start + 1, min(start + self.longest, len(text)) + 1)
        found = [(end, self.ids[text[start:end]]) for end in ends if text[start:end] in self.ids]
        candidates = [Candidate(end, piece, self.scores[piece]) for end, piece in found]
        if text[start] not in self.ids:
            candidates.append(Candidate(start + 1, self.unk_id, self.unk_score))
        return candidates


def user_defined_score(text: str) -> float:
    """A tenth for each byte but the first, more than any log probability, so that the symbol always wins.

    >>> round(user_defined_score("<sep>"), 6)
    0.4
    """
    return float32(0.1 * (len(text.encode()) - 1))


Arrival = tuple[int, int]  # the last piece of the best way to a place: where it starts, its id


def best_path(text: str, pieces: ScoredPieces, start_score: float = 0.0) -> tuple[list[Step], float]:
    """The best way to cut the text, and its sum.

    `start_score`: the sum of what stood before, which matters only for how float32 rounds.
    """
    best = array("f", bytes(4 * (len(text) + 1)))  # best sum of a way that ends here; storing rounds
    best[0] = start_score
    last: list[Arrival | None] = [None] * (len(text) + 1)
    for start in range(len(text)):
        if abs(best[start]) > RESET_ABOVE:
            shift_sums(best, last, start, start + pieces.longest)
        for end, piece, score in pieces.starting_at(text, start):
            total = float32(best[start] + score)
            if last[end] is None or total > best[end]:
                best[end] = total
                last[end] = start, piece
    return walk_back(last), best[-1]


def walk_back(last: list[Arrival | None]) -> list[Step]:
    """From the end of the text to its start, over the last piece of each best way; the steps in the text's order."""
    path, end = [], len(last) - 1
    while end > 0:
        arrival = last[end]
        assert arrival is not None, "every place is reached, if only by unknown characters"
        start, piece = arrival
        path.append(Step(end, piece))
        end = start
    path.reverse()
    return path


def shift_sums(best: "array[float]", last: list[Arrival | None], start: int, end: int) -> None:
    """Count the sums from `start` to `end`, which are all that are still in use, from the one at `start`."""
    offset = best[start]
    for at in range(start, min(end + 1, len(best))):
        if at == start or last[at] is not None:
            best[at] -= offset


def lattice(text: str, pieces: ScoredPieces) -> list[LatticeNode]:
    """Every piece that matches somewhere in the text, with its score, and the best path marked.

    In order of start, then end: a graph from place 0 to the end of the text, whose edges are the nodes.
    Sums are float32; the shift of very long texts is left out, so it does not suit them.
    """
    path, _ = best_path(text, pieces)
    starts = [0, *(step.end for step in path)]
    chosen = {(start, *step) for start, step in zip(starts, path, strict=False)}
    best = array("f", [0.0] * (len(text) + 1))
    nodes: list[LatticeNode] = []
    reached = {0}
    for start in range(len(text)):
        for end, piece, score in pieces.starting_at(text, start):
            total = float32(best[start] + score)
            on_best_path = (start, end, piece) in chosen
            nodes.append(LatticeNode(start, end, text[start:end], piece, score, total, on_best_path))
            if end not in reached or total > best[end]:
                reached.add(end)
                best[end] = total
    return sorted(nodes, key=lambda node: (node.start, node.end))


# ---------------------------------------------------------------- from the best path to tokens


class Found(NamedTuple):
    """A token in the normalised text: its id, how it is written, and where it stands."""

    id: int
    text: str  # <0x..> for byte tokens
    start: int
    end: int


def fuse_unknown(text: str, path: Iterable[tuple[int, int]], unk_id: int) -> Iterator[Found]:
    """The tokens of a path: a run of unknown characters is one unknown token.

    >>> [token.text for token in fuse_unknown("axyb", [Step(1, 5), Step(2, 0), Step(3, 0), Step(4, 6)], 0)]
    ['a', 'xy', 'b']
    """
    start = 0
    run = -1  # where the run of unknown characters began that is being read
    for end, piece in path:
        if piece == unk_id:
            run = start if run < 0 else run
        else:
            if run >= 0:
                yield Found(unk_id, text[run:start], run, start)
                run = -1
            yield Found(piece, text[start:end], start, end)
        start = end
    if run >= 0:
        yield Found(unk_id, text[run:start], run, start)


def spell_unknown(text: str, path: Iterable[tuple[int, int]], model: SentencePieceModel) -> Iterator[Found]:
    """The tokens of a path with byte fallback: an unknown character is a token for each byte of its UTF-8."""
    start = 0
    for end, piece in path:
        if piece == model.unk_id:
            names = [BYTE_PIECES[byte] for byte in text[start:end].encode()]
            yield from (Found(model.ids[name], name, start, end) for name in names)
        else:
            yield Found(piece, text[start:end], start, end)
        start = end


class Unigram:
    """RemBERT's stage 3.

    >>> from minibert.tokenizers.stages.pieces import Piece
    >>> pieces = [("▁", -3.0), ("▁a", -2.0), ("b", -2.5), ("ab", -4.0), ("▁ab", -4.0)]
    >>> unk = Piece("<unk>", 0.0, PieceType.UNKNOWN)
    >>> model = Unigram(SentencePieceModel((unk, *(Piece(*piece) for piece in pieces))))
    >>> model.ids("▁ab▁a")
    [5, 2]
    >>> [token.text for token in model.tokens("▁ab▁ac")]
    ['▁ab', '▁a', 'c']
    """

    algorithm = "Unigram"

    def __init__(self, model: SentencePieceModel) -> None:
        self.model = model
        self.vocab = model.ids
        self.scored = ScoredPieces(model)

    def path(self, text: str) -> Sequence[tuple[int, int]]:
        """The most probable pieces of a normalised text: where each ends, and its id."""
        return best_path(text, self.scored)[0]

    def tokens(self, text: str) -> Iterator[Found]:
        """The tokens of a normalised text: its pieces, and what stands for unknown characters."""
        return self.tokens_of(text, self.path(text))

    def tokens_of(self, text: str, path: Iterable[tuple[int, int]]) -> Iterator[Found]:
        """The tokens of a path through a normalised text."""
        if self.model.byte_fallback:
            return spell_unknown(text, path, self.model)
        return fuse_unknown(text, path, self.model.unk_id)

    def ids(self, text: str) -> list[int]:
        """The ids of a normalised text."""
        return [token.id for token in self.tokens(text)]

    def cut(self, words: list[AlignedText]) -> list[list[Token]]:
        """The tokens of each word in which one begins.

        The search runs over the text as a whole, for a sum is rounded by what stood before it, and some models have
        pieces across words.
        """
        text = join_aligned(words)
        owners = [i for i, word in enumerate(words) for _ in word.text]  # of each character, its word
        found: dict[int, list[Token]] = {}
        for token in self.tokens(text.text):
            found.setdefault(owners[token.start], []).append(Token(token.id, text.span(token.start, token.end)))
        return list(found.values())

    def explain(self, words: list[AlignedText], token_of: Callable[[int], str]) -> list[Word]:
        """Each word in which a token begins; how it was found stands in the lattice."""
        explained = []
        for tokens in self.cut(words):
            ids = [token.id for token in tokens]
            names = list(map(token_of, ids))
            explained.append(Word("".join(names), (tokens[0].span[0], tokens[-1].span[1]), names, ids))
        return explained

    def lattice(self, words: list[AlignedText]) -> list[LatticeNode]:
        """Every piece that matches somewhere, with scores, the best path marked."""
        return lattice(join_aligned(words).text, self.scored)

    def to_json(self) -> dict[str, Any]:
        """The section "model" of a tokenizer.json."""
        return {
            "type": "Unigram",
            "unk_id": self.model.unk_id,
            "vocab": [[piece.text, float(piece.score)] for piece in self.model.pieces],
            "byte_fallback": self.model.byte_fallback,
        }

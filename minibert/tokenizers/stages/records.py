"""What a model did with a word, step by step, as data: the details of `tokenizer.explain(text)`.

`str()` of a step is its line in the readable form.
"""

from dataclasses import dataclass, field

from minibert.tokenizers.stages.aligned_text import Span

LONGEST_TOLD = 200  # bytes of a word whose merges are told: each of them names all symbols that are left


@dataclass
class Attempt:
    """WordPiece: one piece that was looked up.

    >>> str(Attempt(2, 5, "##aff", True))
    '##aff found'
    """

    start: int  # in the word
    end: int
    piece: str
    known: bool

    def __str__(self) -> str:
        return f"{self.piece} {'found' if self.known else 'no'}"


@dataclass
class MergeStep:
    """Byte-level BPE: one merge, its rank (line of merges.txt, from 0) and the symbols after it.

    >>> str(MergeStep("l", "o", 0, ["lo", "w"]))
    'merge 0: l + o -> lo w'
    """

    left: str
    right: str
    rank: int
    symbols: list[str]

    def __str__(self) -> str:
        return f"merge {self.rank}: {self.left} + {self.right} -> {' '.join(self.symbols)}"


@dataclass
class LatticeNode:
    """Unigram: a piece that fits a place of the normalised text, and the best score of a way that ends with it.

    >>> str(LatticeNode(0, 2, "▁a", 7, -2.5, -2.5, True))
    '*[0:2] ▁a -2.5000 -2.5000'
    """

    start: int
    end: int
    piece: str
    id: int
    score: float
    best: float
    on_best_path: bool

    def __str__(self) -> str:
        mark = "*" if self.on_best_path else " "
        return f"{mark}[{self.start}:{self.end}] {self.piece} {self.score:.4f} {self.best:.4f}"


@dataclass
class Word:
    """A word, and how the model cut it. Each model fills the steps that are its own."""

    text: str
    span: Span  # in the original text
    tokens: list[str]
    ids: list[int]
    attempts: list[Attempt] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    merges: list[MergeStep] = field(default_factory=list)

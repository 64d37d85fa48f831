"""What a tokenizer does with a text, step by step, as data and as text to read.

`tokenizer.explain(text)` gives an `Explanation`. It runs the plain stages, and each stage tells its own steps. The
ids are those of a call; a test compares them.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from minibert.tokenizers.stages import pipeline
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.records import LONGEST_TOLD, LatticeNode, Word
from minibert.tokenizers.stages.template import Sequence, Template
from minibert.tokenizers.stages.vocabulary import Vocabulary


@dataclass
class Part:
    """A stretch of the text: an added token that was found whole (`added` is its id), or ordinary text."""

    text: str
    span: Span
    added: int | None = None
    normalization: list[tuple[str, str]] = field(default_factory=list)  # (step, text after it), where it changed
    normalized: str = ""
    words: list[Word] = field(default_factory=list)
    lattice: list[LatticeNode] = field(default_factory=list)


@dataclass
class Explanation:
    """All steps for one text. `str()` is the readable form, `to_dict()` plain data."""

    text: str
    algorithm: str
    parts: list[Part]
    ids: list[int]
    tokens: list[str]
    special_tokens_mask: list[int]

    def to_dict(self) -> dict[str, Any]:
        """Lists, dictionaries, strings and numbers only, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def explain(
    text: str, stages: Stages, vocabulary: Vocabulary, template: Template, split_special: bool = False
) -> Explanation:
    """Every step from a text to its ids. Raises what a call raises."""
    parts = list(_parts(text, stages, vocabulary, split_special))
    ids = [id_ for part in parts for id_ in _part_ids(part)]
    row = template.build([Sequence(ids)])
    tokens = list(map(vocabulary.token_of, row.ids))
    return Explanation(text, stages.model.algorithm, parts, row.ids, tokens, row.special_tokens_mask)


def _part_ids(part: Part) -> list[int]:
    return [part.added] if part.added is not None else [id_ for word in part.words for id_ in word.ids]


def _parts(text: str, stages: Stages, vocabulary: Vocabulary, split_special: bool) -> Iterator[Part]:
    told: AlignedText | None = None  # the text whose normalisation was told last
    for part in pipeline.text_parts(text, stages, vocabulary.added, split_special):
        if part.normalized is part.source:  # an added token, found before anything was normalised
            yield Part(part.source.text, part.source.whole_span(), part.added)
            continue
        steps = [] if part.source is told else _normalization(part.source, stages)
        told = part.source
        words = stages.model.explain(part.words, vocabulary.token_of)
        lattice = stages.model.lattice(part.words)
        # pieces that were weighed against one another belong to the text as a whole
        shown = part.source if lattice or not part.normalized.text else part.normalized
        yield Part(shown.text, shown.whole_span(), part.added, steps, part.normalized.text, words, lattice)


def _normalization(text: AlignedText, stages: Stages) -> list[tuple[str, str]]:
    """The steps that changed the text: their names, and the text after them."""
    steps: list[tuple[str, str]] = []
    for name, after in stages.normalizer.steps(text):
        if after.text != text.text:
            steps.append((name, after.text))
        text = after
    return steps


# ---------------------------------------------------------------- the readable form


def _lines(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.algorithm} of {explanation.text!r}"
    for part in explanation.parts:
        yield from _part_lines(part)
    yield "\nwith special tokens:"
    width = max(map(len, explanation.tokens), default=0)
    rows = zip(explanation.tokens, explanation.ids, explanation.special_tokens_mask, strict=True)
    for token, id_, special in rows:
        yield f"  {token:{width}} {id_}{'  (added around the text)' if special else ''}"


def _part_lines(part: Part) -> Iterator[str]:
    start, end = part.span
    if part.added is not None:
        yield f"\n[{start}:{end}] {part.text!r} is the added token {part.added}"
        return
    yield f"\n[{start}:{end}] text"
    for name, after in part.normalization:
        yield f"  {name}: {after!r}"
    yield f"  words: {' '.join(repr(word.text) for word in part.words) or 'none'}"
    for word in part.words:
        yield from _word_lines(word)
    if part.lattice:
        yield "  lattice (place, piece, its score, best score of a way that ends with it; * is the best path):"
        yield from (f"   {node}" for node in part.lattice)


def _word_lines(word: Word) -> Iterator[str]:
    yield f"  {word.text!r} [{word.span[0]}:{word.span[1]}]"
    yield from (f"    {attempt}" for attempt in word.attempts)
    if word.symbols:
        yield f"    bytes: {' '.join(word.symbols)}"
    if len(word.symbols) > LONGEST_TOLD:
        yield f"    (its merges are not shown: it has {len(word.symbols)} bytes, more than {LONGEST_TOLD})"
    yield from (f"    {step}" for step in word.merges)
    pieces = zip(word.tokens, word.ids, strict=True)
    yield "    = " + (" ".join(f"{token} ({id_})" for token, id_ in pieces) or "nothing")

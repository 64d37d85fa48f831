"""What a tokenizer does with a text, step by step, as data and as text to read.

`tokenizer.explain(text)` gives an `Explanation`. It runs the plain functions of the stages, with the
tokenizer's own vocabulary, so its ids are those of a call; a test compares them.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from minibert.tokenizers.base import Token, TokenizerBase
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages import byte_bpe, normalizers, wordpiece
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.pre_tokenizers import bert_pre_tokenize
from minibert.tokenizers.stages.template import Sequence


@dataclass
class Attempt:
    """WordPiece: one piece that was looked up."""

    start: int
    end: int
    piece: str
    known: bool


@dataclass
class MergeStep:
    """Byte-level BPE: one merge, its rank (line of merges.txt, from 0) and the symbols after it."""

    left: str
    right: str
    rank: int
    symbols: list[str]


@dataclass
class LatticeNode:
    """Unigram: a piece that fits a place of the normalised text, and the best score of a way that ends with it."""

    start: int
    end: int
    piece: str
    id: int
    score: float
    best: float
    on_best_path: bool


@dataclass
class Word:
    """A pre-token, and how the model cut it."""

    text: str
    span: Span  # in the original text
    tokens: list[str]
    ids: list[int]
    attempts: list[Attempt] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    merges: list[MergeStep] = field(default_factory=list)


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


def explain(tokenizer: TokenizerBase, text: str) -> Explanation:
    """Every step from a text to its ids. Raises what a call raises."""
    normalizers.check_no_surrogates(text)
    parts: list[Part] = []
    for match in tokenizer.added.raw.split(text, tokenizer.split_special_tokens):
        piece, span = text[match.start : match.end], (match.start, match.end)
        if match.id is not None:
            parts.append(Part(piece, span, match.id))
        else:
            parts += _explain_text(tokenizer, AlignedText.from_text(piece, match.start))
    ids = [id_ for part in parts for id_ in _part_ids(part)]
    row = tokenizer._template().build([Sequence(ids)])
    tokens = [tokenizer._id_token(id_) for id_ in row.ids]
    algorithm = {"bert": "WordPiece", "roberta": "byte-level BPE", "rembert": "Unigram"}[_family(tokenizer)]
    return Explanation(text, algorithm, parts, row.ids, tokens, row.special_tokens_mask)


def _family(tokenizer: TokenizerBase) -> str:
    return getattr(tokenizer, "family", "")


def _part_ids(part: Part) -> list[int]:
    return [part.added] if part.added is not None else [id_ for word in part.words for id_ in word.ids]


def _explain_text(tokenizer: TokenizerBase, text: AlignedText) -> list[Part]:
    """Text without tokens to be found in it as it is: normalised, then searched once more."""
    steps, normalized = [], text
    for name, after in _normalization_steps(tokenizer, text):
        if after.text != normalized.text:
            steps.append((name, after.text))
        normalized = after
    if isinstance(tokenizer, RemBertTokenizer):
        part = Part(text.text, text.span(0, len(text.text)), None, steps, normalized.text)
        _explain_unigram(tokenizer, part, text, normalized.text)
        return [part]
    parts: list[Part] = []
    for found in tokenizer.added.normalized.split(normalized.text, tokenizer.split_special_tokens):
        piece = normalized.part(found.start, found.end)
        span = piece.span(0, len(piece.text))
        part = Part(piece.text, span, found.id, steps if not parts else [], piece.text)
        if found.id is None:
            part.words = list(_explain_words(tokenizer, piece))
        parts.append(part)
    return parts or [Part(text.text, text.span(0, len(text.text)), None, steps)]


def _normalization_steps(tokenizer: TokenizerBase, text: AlignedText) -> Iterator[tuple[str, AlignedText]]:
    """Each step's name and the text after it."""
    if isinstance(tokenizer, BertTokenizer) and tokenizer.profile == "transformers":
        options = tokenizer.normalizer_options
        steps = (
            ("clean", normalizers.clean_text, options.clean_text),
            ("space ideographs", normalizers.space_cjk, options.handle_chinese_chars),
            ("strip accents", normalizers.strip_accents, options.strips_accents),
            ("lower-case", normalizers.lowercase, options.lowercase),
        )
        for name, step, wanted in steps:
            if wanted:
                text = step(text)
                yield name, text
    elif isinstance(tokenizer, RemBertTokenizer):
        yield "options (accents, case)", tokenizer.prepare(text)
        yield "the model's map, blanks, prefix", tokenizer.normalize(text)
    else:
        yield "normalise", tokenizer.normalize(text)


def _explain_words(tokenizer: TokenizerBase, text: AlignedText) -> Iterator[Word]:
    """The pre-tokens of normalised text and how the model cuts each."""
    if isinstance(tokenizer, RobertaTokenizer):
        text = tokenizer.with_prefix_space(text)
        spans = byte_bpe.byte_level_pre_tokenize(text.text)
    else:
        spans = bert_pre_tokenize(text.text, getattr(tokenizer, "_is_punctuation"))  # noqa: B009
    for tokens, (start, end) in zip(tokenizer._cut(text, spans), spans, strict=True):
        word = _word(tokenizer, text.text[start:end], text.span(start, end), tokens)
        if isinstance(tokenizer, BertTokenizer):
            if len(word.text) <= tokenizer.max_input_chars_per_word:
                tried = wordpiece.attempts(word.text, tokenizer.vocab, tokenizer.wordpieces_prefix)
                word.attempts = [Attempt(*attempt) for attempt in tried]
        elif isinstance(tokenizer, RobertaTokenizer):
            word.symbols = list(byte_bpe.to_byte_chars(word.text))
            steps = byte_bpe.merge_steps(word.symbols, tokenizer.merge_ranks)
            word.merges = [MergeStep(*step.pair, step.rank, step.symbols) for step in steps]
        yield word


def _word(tokenizer: TokenizerBase, text: str, span: Span, tokens: list[Token]) -> Word:
    ids = [token.id for token in tokens]
    return Word(text, span, [tokenizer._id_token(id_) for id_ in ids], ids)


def _explain_unigram(tokenizer: RemBertTokenizer, part: Part, text: AlignedText, normalized: str) -> None:
    for tokens in tokenizer._part_words(text, False):
        span = (tokens[0].span[0], tokens[-1].span[1])
        word = _word(tokenizer, "", span, tokens)
        word.text = "".join(word.tokens)
        part.words.append(word)
    part.lattice = [
        LatticeNode(
            node.start, node.end, normalized[node.start : node.end], node.id, node.score, node.best, node.on_best_path
        )
        for node in tokenizer.unigram.lattice(normalized)
    ]


# ---------------------------------------------------------------- the readable form


def _lines(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.algorithm} of {explanation.text!r}"
    for part in explanation.parts:
        start, end = part.span
        if part.added is not None:
            yield f"\n[{start}:{end}] {part.text!r} is the added token {part.added}"
            continue
        yield f"\n[{start}:{end}] text"
        for name, after in part.normalization:
            yield f"  {name}: {after!r}"
        yield f"  words: {' '.join(repr(word.text) for word in part.words) or 'none'}"
        for word in part.words:
            yield from _word_lines(word)
        if part.lattice:
            yield from _lattice_lines(part.lattice)
    yield "\nwith special tokens:"
    width = max(map(len, explanation.tokens), default=0)
    rows = zip(explanation.tokens, explanation.ids, explanation.special_tokens_mask, strict=True)
    for token, id_, special in rows:
        yield f"  {token:{width}} {id_}{'  (added around the text)' if special else ''}"


def _word_lines(word: Word) -> Iterator[str]:
    yield f"  {word.text!r} [{word.span[0]}:{word.span[1]}]"
    for attempt in word.attempts:
        yield f"    {attempt.piece} {'found' if attempt.known else 'no'}"
    if word.symbols:
        yield f"    bytes: {' '.join(word.symbols)}"
    for step in word.merges:
        yield f"    merge {step.rank}: {step.left} + {step.right} -> {' '.join(step.symbols)}"
    pieces = zip(word.tokens, word.ids, strict=True)
    yield "    = " + (" ".join(f"{token} ({id_})" for token, id_ in pieces) or "nothing")


def _lattice_lines(nodes: list[LatticeNode]) -> Iterator[str]:
    yield "  lattice (place, piece, its score, best score of a way that ends with it; * is the best path):"
    for node in nodes:
        mark = "*" if node.on_best_path else " "
        yield f"   {mark}[{node.start}:{node.end}] {node.piece} {node.score:.4f} {node.best:.4f}"

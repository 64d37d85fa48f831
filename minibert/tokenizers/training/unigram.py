"""Learning a Unigram (SentencePiece) vocabulary, as RemBERT uses it.

1. Seeds: every substring of the words that repeats, far more than are wanted (`suffix_array.py`).
2. Rounds: estimate how probable the seeds are, twice (expectation maximisation), then drop the quarter
   that the likelihood of the corpus needs least (`unigram_em.py`), until a tenth more than wanted is left.
3. The characters of the corpus and the best pieces make up the vocabulary, with the special tokens in front.

Does not handle: sampling of large corpora, pieces across blanks. Source: Kudo 2018, "Subword Regularization",
section 3.2, and SentencePiece 0.2, whose defaults these are.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minibert.errors import TokenizerError
from minibert.files.output import output_file
from minibert.files.saving import saving
from minibert.tokenizers.fast.unigram_normalizer import QuickNormalizer
from minibert.tokenizers.fast.unigram_words import split_words
from minibert.tokenizers.files.sentencepiece_model import sentencepiece_bytes
from minibert.tokenizers.stages.normalizers import check_no_surrogates
from minibert.tokenizers.stages.pieces import (
    BYTE_PIECES,
    SPACE,
    NormalizerOptions,
    Piece,
    PieceType,
    SentencePieceModel,
)
from minibert.tokenizers.stages.unigram import float32
from minibert.tokenizers.stages.unigram_normalizer import UnigramNormalizer
from minibert.tokenizers.training.charsmap_builder import named_charsmap
from minibert.tokenizers.training.counting import check_request, count_words, progress_bar
from minibert.tokenizers.training.saving import forget_older, write_json
from minibert.tokenizers.training.scripts import INHERITED, scripts_of
from minibert.tokenizers.training.suffix_array import Followers, repeated_substrings
from minibert.tokenizers.training.unigram_em import Lattice, estimate, prune, with_unknown

REMBERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
RARE = "\u2585"  # stands for characters that are not covered, as in SentencePiece; no piece holds it
SURPLUS = 1.1  # rounds end at this many times the wanted size; the final choice is by probability
SHRINK_TO = 0.75
ESTIMATES_A_ROUND = 2


class EmStep(NamedTuple):
    """One estimate: how many pieces, and the mean log probability of a word under the pieces before it."""

    round: int
    pieces: int
    log_probability: float


class PruneStep(NamedTuple):
    """One pruning: the pieces that went, each with how much the log probability of a token loses by it."""

    round: int
    pieces: int
    tokens: int  # of the corpus, cut the best way before the pruning
    dropped: list[tuple[str, float]]


@dataclass(frozen=True)
class TrainedUnigram:
    """A Unigram vocabulary as a SentencePiece model."""

    model: SentencePieceModel

    @property
    def vocab(self) -> dict[str, int]:
        """piece -> id."""
        return {piece.text: i for i, piece in enumerate(self.model.pieces)}

    def save(self, folder: str | PathLike[str]) -> list[Path]:
        """Write spiece.model and tokenizer_config.json; gives their paths."""
        with saving(folder, TokenizerError) as save:
            target = save.staged
            forget_older(save)
            paths = [target / "spiece.model", target / "tokenizer_config.json"]
            with output_file(paths[0]) as stream:
                stream.write(sentencepiece_bytes(self.model))
            write_json({"do_lower_case": False, "keep_accents": True, "tokenizer_class": "RemBertTokenizer"}, paths[1])
        return [save.folder / path.name for path in paths]


def train_unigram(
    texts: Iterable[str],
    vocab_size: int = 8000,
    *,
    special_tokens: Sequence[str] = REMBERT_SPECIALS,
    unk_token: str = "[UNK]",
    user_defined_symbols: Sequence[str] = (),
    byte_fallback: bool = False,
    normalizer: NormalizerOptions | str = "nmt_nfkc",
    character_coverage: float = 0.9995,
    max_piece_length: int = 16,
    min_frequency: int = 2,
    seed_size: int = 1_000_000,
    as_sentencepiece: bool = True,
    progress: bool = True,
    on_step: Callable[[EmStep | PruneStep], object] | None = None,
) -> TrainedUnigram:
    """Learn a Unigram vocabulary from texts (Kudo 2018, section 3.2): too many pieces first, then the useless ones go.

    Args:
        texts: any iterable of str.
        vocab_size: how many pieces, special tokens and characters included.
        special_tokens: get the first ids, in this order; `unk_token` must be one of them, the others are control
            tokens, which never match text.
        user_defined_symbols: strings that are always one token.
        byte_fallback: add the 256 byte pieces, so that nothing is unknown.
        normalizer: "nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf", "identity", or the options of another model.
        character_coverage: the share of all characters that get a piece of their own.
        max_piece_length: of a piece, in code points.
        min_frequency: substrings that occur less often are no seeds.
        seed_size: how many substrings to start from.
        as_sentencepiece: find seeds and count unknown characters as SentencePiece 0.2.3 does, oversights included (see
            `_Words.followers`); False mends them, and texts need 1 to 8 % fewer tokens.
        progress: show a progress bar.
        on_step: is called with each `EmStep` and `PruneStep`.

    Returns:
        A `TrainedUnigram`: `model`, `vocab`, `save(folder)`.

    Raises:
        InputError: a text is not a str or holds a lone surrogate.
        TokenizerError: there is nothing to learn from, or the vocabulary cannot have the size.

    Example:
        >>> steps = []
        >>> texts = ["hug hugs hugging", "pug pugs", "a hug"]
        >>> trained = train_unigram(texts, 15, normalizer="identity", progress=False, on_step=steps.append)
        >>> list(trained.vocab)[5:9]
        ['▁hug', 'g', 's', 'i']
        >>> [(type(step).__name__, step.pieces) for step in steps][:3]
        [('EmStep', 16), ('EmStep', 8), ('PruneStep', 8)]
    """
    if isinstance(normalizer, str):
        normalizer = NormalizerOptions(normalizer, named_charsmap(normalizer))
    front = _front_pieces(special_tokens, unk_token, user_defined_symbols, byte_fallback)
    model = _model(front, normalizer, byte_fallback, unk_token, special_tokens)
    counts = _count(texts, model, progress)
    check_request(vocab_size, [piece.text for piece in front], len(counts.total))
    required = _required_characters(counts.total, character_coverage)
    if len(front) + len(required) > vocab_size:
        raise TokenizerError(
            f"vocab_size is {vocab_size}, but {len(front)} special pieces and {len(required)} characters need "
            f"{len(front) + len(required)}; raise it, or lower character_coverage ({character_coverage})."
        )
    words = _mark_rare(counts, set(required))
    seeds = _seeds(words, max_piece_length, min_frequency, seed_size, as_sentencepiece)
    pieces = _shrink(seeds, words.total, int(vocab_size * SURPLUS), as_sentencepiece, progress, on_step)
    chosen = _choose(pieces, required, vocab_size - len(front))
    if len(front) + len(chosen) < vocab_size:
        raise TokenizerError(
            f"vocab_size is {vocab_size}, but these texts give only {len(front) + len(chosen)} pieces; lower it."
        )
    return TrainedUnigram(replace(model, pieces=(*front, *chosen)))


def _front_pieces(specials: Sequence[str], unk: str, symbols: Sequence[str], byte_fallback: bool) -> list[Piece]:
    if unk not in specials:
        raise TokenizerError(f"unk_token is {unk!r}, which is not among the special tokens {', '.join(specials)}.")
    pieces = [Piece(text, 0.0, PieceType.UNKNOWN if text == unk else PieceType.CONTROL) for text in specials]
    pieces += [Piece(text, 0.0, PieceType.USER_DEFINED) for text in symbols]
    return pieces + [Piece(text, 0.0, PieceType.BYTE) for text in BYTE_PIECES if byte_fallback]


def _model(
    front: list[Piece], options: NormalizerOptions, byte_fallback: bool, unk: str, specials: Sequence[str]
) -> SentencePieceModel:
    """The model without learned pieces; it normalises the texts."""
    names = {"[PAD]": "pad_piece", "[CLS]": "bos_piece", "[SEP]": "eos_piece"}
    known = {names[text]: text for text in specials if text in names}
    model = SentencePieceModel(
        (*front, Piece(SPACE, 0.0)), options, byte_fallback, unk_piece=unk, name="the trained model"
    )
    return replace(model, **known)  # type: ignore[arg-type]


class _Words(NamedTuple):
    """The words of the corpus: how often each occurs, and how often at the end of a text."""

    total: dict[str, int]
    final: dict[str, int]

    def followers(self, text: np.ndarray, lengths: np.ndarray) -> Followers:
        """Followers as SentencePiece tells them apart: by their first byte in UTF-8.

        It looks for repeats in the bytes of whole texts. So "because" that is always followed by a blank (the
        first byte of ▁) can be made longer, to "because▁", which is no piece; and so neither is "because". The
        same goes for what is followed by several letters with the same first byte, as most of Arabic is.
        """
        final = np.array([self.final.get(word, 0) for word in self.total])
        total = np.array(list(self.total.values()))
        low = np.where(final > 0, 0, FIRST_BYTE_OF_SPACE)
        high = np.where(final < total, FIRST_BYTE_OF_SPACE, 0)
        return Followers(_first_byte(text), np.repeat(low, lengths), np.repeat(high, lengths))


FIRST_BYTE_OF_SPACE = SPACE.encode()[0]
_END = "\0"  # marks the last word of a text while words are counted


def _first_byte(code_points: np.ndarray) -> np.ndarray:
    """The first byte of each character in UTF-8."""
    sizes = [code_points < 0x80, code_points < 0x800, code_points < 0x10000]
    return np.select(sizes, [code_points, 0xC0 | code_points >> 6, 0xE0 | code_points >> 12], 0xF0 | code_points >> 18)


def _count(texts: Iterable[str], model: SentencePieceModel, progress: bool) -> _Words:
    """The words of the normalised texts; where a special token stands, a word ends and another begins."""
    # unlike the tokenizer's, this normaliser rewrites user-defined symbols like any other text
    pieces = tuple(piece for piece in model.pieces if piece.type != PieceType.USER_DEFINED)
    normalizer = QuickNormalizer(UnigramNormalizer(replace(model, pieces=pieces)))
    specials = sorted((piece.text for piece in model.pieces[:-1]), key=len, reverse=True)
    special = re.compile("|".join(map(re.escape, specials)))

    def cut(text: str) -> Iterable[str]:
        check_no_surrogates(text)
        words = split_words(special.sub(RARE, normalizer.normalize_text(text)))
        if words:
            words[-1] += _END
        return words

    total: Counter[str] = Counter()
    final: dict[str, int] = {}
    for word, count in count_words(texts, cut, progress=progress).items():
        plain = word.rstrip(_END)
        if plain:
            total[plain] += count
            if plain != word:
                final[plain] = count
    return _Words(dict(total), final)


def _required_characters(counts: dict[str, int], coverage: float) -> list[str]:
    """The most frequent characters, until they cover so much of the text."""
    frequency: Counter[str] = Counter()
    for word, count in counts.items():
        for char in word:
            frequency[char] += count
    frequency.pop(RARE, None)
    total = sum(frequency.values())
    required: list[str] = []
    covered = 0
    for char in sorted(frequency, key=lambda char: (-frequency[char], char)):
        if covered >= coverage * total:
            break
        covered += frequency[char]
        required.append(char)
    return required


def _mark_rare(counts: _Words, required: set[str]) -> _Words:
    marked = _Words(Counter(), Counter())
    for word, count in counts.total.items():
        new = "".join([char if char in required else RARE for char in word])
        marked.total[new] += count
        if word in counts.final:
            marked.final[new] += counts.final[word]
    return marked


def _seeds(words: _Words, longest: int, min_frequency: int, size: int, as_sentencepiece: bool) -> dict[str, float]:
    """piece -> how much text it covers: all characters, and the substrings that repeat."""
    joined = "".join(words.total)
    text = np.frombuffer(joined.encode("utf-32-le"), np.uint32).astype(np.int64)
    lengths = np.array([len(word) for word in words.total], np.int64)
    weights = np.repeat(np.array(list(words.total.values()), np.int64), lengths)
    room = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(text))
    followers = words.followers(text, lengths) if as_sentencepiece else Followers.by_character(text)
    found = repeated_substrings(text, room, weights, longest, followers)
    usable = (found.counts >= min_frequency) & (found.starts + found.lengths <= _script_ends(text)[found.starts])
    starts, sizes, counts = (column[usable] for column in found)
    order = np.lexsort((starts, sizes, -counts * sizes))[:size]
    characters, which = np.unique(text, return_inverse=True)
    totals = np.bincount(which, weights)
    seeds = {chr(characters[i]): float(totals[i]) for i in np.lexsort((characters, -totals))}
    seeds.pop(RARE, None)
    for at, length, count in zip(starts[order].tolist(), sizes[order].tolist(), counts[order].tolist(), strict=True):
        seeds[joined[at : at + length]] = float(count * length)
    return seeds


def _script_ends(text: np.ndarray) -> np.ndarray:
    """For each place, where a piece that starts there must end so as not to mix scripts.

    ▁ and combining marks go with every script; `RARE` goes with nothing.
    """
    characters, which = np.unique(text, return_inverse=True)
    by_char = scripts_of(map(chr, characters))
    names = {name: number for number, name in enumerate(sorted(set(by_char.values())))}
    numbers = [-1 if char == SPACE or by_char[char] == INHERITED else names[by_char[char]] for char in by_char]
    script = np.array(numbers)[which]
    rare = text == ord(RARE)
    script[rare] = len(names)
    size = len(text)
    own = np.flatnonzero(script >= 0)  # places with a script of their own
    changes = np.flatnonzero(np.diff(script[own], append=-2))  # the last place of each run of one script
    run_end = np.append(own, size)[changes[np.searchsorted(changes, np.arange(len(own)))] + 1]
    following = np.searchsorted(own, np.arange(size))  # the first place with a script from here on
    ends = np.append(run_end, size)[following]
    next_rare = np.append(np.flatnonzero(rare), size)[np.searchsorted(np.flatnonzero(rare), np.arange(size))]
    return np.minimum(ends, next_rare)


def _shrink(
    seeds: dict[str, float],
    words: dict[str, int],
    target: int,
    as_sentencepiece: bool,
    progress: bool,
    on_step: Callable[[EmStep | PruneStep], object] | None,
) -> dict[str, float]:
    """piece -> log probability, after rounds of estimating and pruning down to `target` pieces."""
    report = on_step or (lambda _: None)
    texts = list(seeds)
    ids = {piece: i for i, piece in enumerate(texts)}
    lattice = Lattice(list(words), ids)
    alternatives = Lattice(texts, ids, whole=False)
    weights = np.array(list(words.values()), float)
    sizes = np.array(list(seeds.values()))
    scores = np.log(sizes) - np.log(sizes.sum())

    def keep(kept: np.ndarray) -> None:
        nonlocal texts
        renumber = np.full(len(texts), -1)
        renumber[kept] = np.arange(len(kept))
        alternatives.keep_texts(kept)
        for graph in (lattice, alternatives):
            graph.keep(renumber)
        texts = [texts[i] for i in kept.tolist()]

    bar = progress_bar(None, label="Drop pieces", shown=progress, total=max(len(texts) - target, 0))
    number = 0
    while True:
        before = len(texts)
        for _ in range(ESTIMATES_A_ROUND):
            expected, logs = lattice.expectations(with_unknown(scores), weights)
            report(EmStep(number, len(texts), float((logs * weights).sum() / weights.sum())))
            if as_sentencepiece:
                expected[0] += expected[-1]
            kept, scores = estimate(expected[:-1])
            keep(kept)
        wanted = max(target, int(SHRINK_TO * len(texts)))
        decided = prune(lattice, weights, alternatives, with_unknown(scores), wanted, as_sentencepiece)
        lost = [(texts[i], float(loss)) for i, loss in zip(decided.dropped.tolist(), decided.losses, strict=True)]
        scores = scores[decided.pieces]
        keep(decided.pieces)
        report(PruneStep(number, len(texts), decided.tokens, lost))
        bar.update(before - len(texts))
        number += 1
        if len(texts) <= target:
            break
    bar.close()
    without, _ = alternatives.best_paths(with_unknown(scores))
    reachable = np.flatnonzero(without <= scores).tolist()  # the others never stand on a best path
    return {texts[i]: float(scores[i]) for i in reachable}


def _choose(pieces: dict[str, float], required: list[str], count: int) -> list[Piece]:
    """The required characters and the most probable pieces, most probable first.

    Characters that lost their piece on the way come last, the more frequent ones slightly less so.
    """
    lowest = min(pieces.values(), default=0.0)
    chosen: dict[str, float] = {}
    missing = 0
    for char in required:
        if char in pieces:
            chosen[char] = pieces[char]
        else:
            chosen[char] = lowest - 0.0001 * missing
            missing += 1
    for piece in sorted(pieces, key=lambda piece: (-pieces[piece], piece)):
        if len(chosen) >= count:
            break
        chosen.setdefault(piece, pieces[piece])
    return [Piece(text, float32(chosen[text])) for text in sorted(chosen, key=lambda text: (-chosen[text], text))]

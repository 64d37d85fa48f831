"""Stage 3 for RoBERTa, byte-level BPE: each word is written as bytes, and neighbours are merged.

A word is written as UTF-8, each byte as one of 256 printable characters ("Ġ" is the blank), and then
neighbours are merged: always the pair that stands first in merges.txt, the leftmost one of several,
until no pair is in the list. Nothing is ever unknown, because every byte has a token.

No special tokens and no cutting of text into words here: see `added_tokens.py` and `pre_tokenizers.py`.

Sources: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", arXiv:1508.07909,
section 3.2; Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2), section 2.2, and its
encoder.py.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

from minibert.errors import TokenizerError
from minibert.messages import quoted
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.records import LONGEST_TOLD, LatticeNode, MergeStep, Word
from minibert.tokenizers.stages.stage import Token

# ---------------------------------------------------------------- the byte alphabet


def bytes_to_unicode() -> dict[int, str]:
    """byte -> the printable character that stands for it.

    Printable Latin-1 stands for itself; the other 68 bytes get the characters from U+0100 on.

    >>> table = bytes_to_unicode()
    >>> table[ord("a")], table[ord(" ")], table[0]
    ('a', 'Ġ', 'Ā')
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return {byte: chr(byte if byte in printable else next(others)) for byte in range(256)}


BYTE_CHARS = "".join(bytes_to_unicode().values())  # BYTE_CHARS[byte] is its character


def to_byte_chars(text: str) -> str:
    """Text as the vocabulary writes it: one printable character for each byte of its UTF-8.

    >>> to_byte_chars(" né")
    'ĠnÃ©'
    """
    return "".join([BYTE_CHARS[byte] for byte in text.encode()])


# ---------------------------------------------------------------- merges


def merge_ranks(merges: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """pair -> its rank, the place in merges.txt; the lowest rank is merged first.

    A pair listed twice has the rank of its last line, as in the reference.

    >>> merge_ranks([("l", "o"), ("lo", "w")])
    {('l', 'o'): 0, ('lo', 'w'): 1}
    """
    return {pair: rank for rank, pair in enumerate(merges)}


def merge_steps(symbols: Sequence[str], ranks: Mapping[tuple[str, str], int]) -> Iterator[MergeStep]:
    """Merge the pair of the lowest rank, the leftmost of several, until none is left; every step is given.

    >>> ranks = {("l", "o"): 0, ("lo", "w"): 1}
    >>> for step in merge_steps("slow", ranks): print(step)
    merge 0: l + o -> s lo w
    merge 1: lo + w -> s low
    """
    symbols = list(symbols)
    while True:
        known = [(ranks[pair], i) for i, pair in enumerate(pairwise(symbols)) if pair in ranks]
        if not known:
            return
        rank, i = min(known)
        left, right = symbols[i : i + 2]
        symbols[i : i + 2] = [left + right]
        yield MergeStep(left, right, rank, list(symbols))


def merge_all(symbols: Sequence[str], ranks: Mapping[tuple[str, str], int]) -> list[str]:
    """The symbols after all merges.

    >>> merge_all("slow", {("l", "o"): 0, ("lo", "w"): 1})
    ['s', 'low']
    """
    merged = list(symbols)
    for step in merge_steps(symbols, ranks):
        merged = step.symbols
    return merged


def encode_word(word: str, ranks: Mapping[tuple[str, str], int]) -> list[str]:
    """The pieces of one word.

    >>> encode_word(" low", {("l", "o"): 0, ("lo", "w"): 1})
    ['Ġ', 'low']
    """
    return merge_all(to_byte_chars(word), ranks)


def byte_spans(word: str, sizes: Sequence[int]) -> list[Span]:
    """Spans in code points of pieces that cover `sizes` bytes each; a character cut in two is in both.

    >>> byte_spans("aé", [1, 1, 1]), byte_spans("é😀", [3, 3])
    ([(0, 1), (1, 2), (1, 2)], [(0, 2), (1, 2)])
    """
    owners = [i for i, char in enumerate(word) for _ in char.encode()]  # of each byte, its character
    edges = pairwise(accumulate(sizes, initial=0))
    return [(owners[start], owners[end - 1] + 1) for start, end in edges]


def check_merges(merges: Iterable[tuple[str, str]], vocab: Mapping[str, int]) -> None:
    """Raise TokenizerError when a merge needs a token that the vocabulary does not have.

    >>> check_merges([("l", "o")], {"l": 0, "o": 1, "lo": 2})
    """
    for rank, (left, right) in enumerate(merges):
        for token in (left, right, left + right):
            if token not in vocab:
                raise TokenizerError(
                    f"The merges do not fit the vocabulary: merge {rank}, {quoted(left)} + {quoted(right)}, "
                    f"needs the token {quoted(token)}, which is not among the {len(vocab)} tokens."
                )


# ---------------------------------------------------------------- the stage


class ByteBPE:
    """RoBERTa's stage 3.

    `unknown`: the token for a byte without one; with None such a byte vanishes, as in the compiled tokenizers.

    >>> vocab = {"s": 0, "l": 1, "o": 2, "w": 3, "lo": 4, "low": 5}
    >>> model = ByteBPE(vocab, [("l", "o"), ("lo", "w")])
    >>> model.ids("slow")
    [0, 5]
    >>> model.cut([AlignedText.from_text("slow", 7)])
    [[Token(id=0, span=(7, 8)), Token(id=5, span=(8, 11))]]
    """

    algorithm = "byte-level BPE"

    def __init__(
        self, vocab: Mapping[str, int], merges: Sequence[tuple[str, str]], unknown: str | None = None
    ) -> None:
        self.vocab = dict(vocab)
        self.merges = merges
        self.unknown = unknown if unknown in vocab else None

    @cached_property
    def ranks(self) -> dict[tuple[str, str], int]:
        """pair -> its rank. Raises TokenizerError when the merges do not fit the vocabulary."""
        check_merges(self.merges, self.vocab)
        return merge_ranks(self.merges)

    def symbols(self, word: str) -> list[str]:
        """What merging begins with: a symbol for each byte."""
        known = [char if char in self.vocab else self.unknown for char in to_byte_chars(word)]
        return [char for char in known if char is not None]

    def pieces(self, word: str) -> list[str]:
        """The pieces of a word."""
        return merge_all(self.symbols(word), self.ranks)

    def ids(self, word: str) -> list[int]:
        """The ids of a word's pieces."""
        return [self.vocab[piece] for piece in self.pieces(word)]

    def sizes(self, pieces: Iterable[str]) -> list[int]:
        """How many bytes each piece covers."""
        return [1 if piece == self.unknown else len(piece) for piece in pieces]

    def cut(self, words: list[AlignedText]) -> list[list[Token]]:
        """The tokens of each word."""
        return [self._cut_word(word) for word in words]

    def _cut_word(self, word: AlignedText) -> list[Token]:
        pieces = self.pieces(word.text)
        spans = byte_spans(word.text, self.sizes(pieces))
        return [Token(self.vocab[piece], word.span(*span)) for piece, span in zip(pieces, spans, strict=True)]

    def explain(self, words: list[AlignedText], token_of: Callable[[int], str]) -> list[Word]:
        """Each word, with its bytes and every merge; of a word of more than `LONGEST_TOLD` bytes the pieces alone."""
        return [self._explain_word(word, token_of) for word in words]

    def _explain_word(self, word: AlignedText, token_of: Callable[[int], str]) -> Word:
        ids, symbols = self.ids(word.text), self.symbols(word.text)
        merges = list(merge_steps(symbols, self.ranks)) if len(symbols) <= LONGEST_TOLD else []
        return Word(word.text, word.whole_span(), list(map(token_of, ids)), ids, symbols=symbols, merges=merges)

    def lattice(self, words: list[AlignedText]) -> list[LatticeNode]:
        """None: merges follow one another, and nothing is weighed."""
        return []

    def to_json(self) -> dict[str, Any]:
        """The section "model" of a tokenizer.json."""
        return {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": dict(sorted(self.vocab.items(), key=lambda item: item[1])),
            "merges": [list(pair) for pair in self.merges],
        }

"""Stage 3 for BERT, WordPiece: each word is cut into the longest pieces that the vocabulary has.

No special tokens and no cutting of text into words here: see `added_tokens.py` and `pre_tokenizers.py`.

Sources: Schuster and Nakajima 2012, "Japanese and Korean Voice Search"; Wu et al. 2016, "Google's Neural Machine
Translation System", arXiv:1609.08144, section 4.1; google-research/bert tokenization.py (WordpieceTokenizer).
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from minibert.errors import TokenizerError
from minibert.messages import quoted
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.records import Attempt, LatticeNode, Word
from minibert.tokenizers.stages.stage import Token

MAX_WORD_LENGTH = 100  # Hugging Face's limit, in code points of the normalised word; Google's is 200


def encode_word(
    word: str,
    vocab: Mapping[str, int],
    unk_token: str = "[UNK]",
    prefix: str = "##",
    max_length: int = MAX_WORD_LENGTH,
    longest: int = MAX_WORD_LENGTH,
) -> list[str]:
    """Cut one word greedily, the longest piece first; a word with any part unknown is `unk_token` as a whole.

    A word of more than `max_length` characters is unknown. `longest`: no piece of the vocabulary has more characters.

    >>> encode_word("unaffable", {"un": 0, "##aff": 1, "##able": 2, "##a": 3})
    ['un', '##aff', '##able']
    >>> encode_word("unaffables", {"un": 0, "##aff": 1, "##able": 2, "##a": 3})
    ['[UNK]']
    """
    if len(word) > max_length:
        return [unk_token]
    pieces: list[str] = []
    start, mark = 0, ""
    while start < len(word):
        piece = longest_match(mark + word[start : start + longest], vocab, len(mark))
        if piece is None:
            return [unk_token]  # nothing fits here, so the whole word is unknown
        pieces.append(piece)
        start += len(piece) - len(mark)
        mark = prefix  # what is left continues the word, and is spelled so
    return pieces


def longest_match(text: str, vocab: Mapping[str, int], mark: int = 0) -> str | None:
    """The longest piece that a text begins with; it must reach beyond the first `mark` characters, the "##".

    >>> longest_match("##affable", {"##a": 0, "##aff": 1, "#": 2}, 2)
    '##aff'
    """
    for end in range(len(text), mark, -1):
        if text[:end] in vocab:
            return text[:end]
    return None


def attempts(word: str, vocab: Mapping[str, int], prefix: str = "##") -> Iterator[Attempt]:
    """Every piece that the greedy search tries, in order.

    >>> for attempt in attempts("uns", {"un": 0, "##s": 1}): print(attempt)
    uns no
    un found
    ##s found
    """
    start, mark = 0, ""
    while start < len(word):
        rest = mark + word[start:]
        piece = longest_match(rest, vocab, len(mark))
        shortest = len(mark) + 1 if piece is None else len(piece)
        for end in range(len(rest), shortest - 1, -1):
            yield Attempt(start, start + end - len(mark), rest[:end], rest[:end] == piece)
        if piece is None:
            return
        start += len(piece) - len(mark)
        mark = prefix


class WordPiece:
    """BERT's stage 3.

    >>> model = WordPiece({"[UNK]": 0, "un": 1, "##aff": 2, "##able": 3})
    >>> model.ids("unaffable"), model.ids("x")
    ([1, 2, 3], [0])
    >>> model.cut([AlignedText.from_text("unable", 7)])
    [[Token(id=1, span=(7, 9)), Token(id=3, span=(9, 13))]]

    Raises:
        TokenizerError: the vocabulary has no `unk_token`.
    """

    algorithm = "WordPiece"

    def __init__(
        self,
        vocab: Mapping[str, int],
        unk_token: str = "[UNK]",
        prefix: str = "##",
        max_length: int = MAX_WORD_LENGTH,
    ) -> None:
        if unk_token not in vocab:
            raise TokenizerError(
                f"The vocabulary of {len(vocab)} tokens has no {quoted(unk_token)}, the unknown token."
            )
        self.vocab = dict(vocab)
        self.unk_token = unk_token
        self.prefix = prefix
        self.max_length = max_length
        self.longest = max(map(len, self.vocab))

    def pieces(self, word: str) -> list[str]:
        """The pieces of a word."""
        return encode_word(word, self.vocab, self.unk_token, self.prefix, self.max_length, self.longest)

    def ids(self, word: str) -> list[int]:
        """The ids of a word's pieces."""
        vocab = self.vocab
        pieces = encode_word(word, vocab, self.unk_token, self.prefix, self.max_length, self.longest)
        return [vocab[piece] for piece in pieces]

    def spans(self, word: str, pieces: list[str]) -> list[Span]:
        """Where in the word its pieces stand.

        >>> WordPiece({"[UNK]": 0}).spans("unable", ["un", "##able"])
        [(0, 2), (2, 6)]
        """
        if len(pieces) == 1:
            return [(0, len(word))]
        ends = [0]
        for piece in pieces:
            ends.append(ends[-1] + len(piece) - (len(self.prefix) if ends[-1] else 0))
        return list(pairwise(ends))

    def cut(self, words: list[AlignedText]) -> list[list[Token]]:
        """The tokens of each word."""
        return [self._cut_word(word) for word in words]

    def _cut_word(self, word: AlignedText) -> list[Token]:
        pieces = self.pieces(word.text)
        spans = self.spans(word.text, pieces)
        return [Token(self.vocab[piece], word.span(*span)) for piece, span in zip(pieces, spans, strict=True)]

    def explain(self, words: list[AlignedText], token_of: Callable[[int], str]) -> list[Word]:
        """Each word, with every piece that was looked up."""
        return [self._explain_word(word, token_of) for word in words]

    def _explain_word(self, word: AlignedText, token_of: Callable[[int], str]) -> Word:
        ids = self.ids(word.text)
        tried = attempts(word.text, self.vocab, self.prefix) if len(word.text) <= self.max_length else ()
        return Word(word.text, word.whole_span(), list(map(token_of, ids)), ids, attempts=list(tried))

    def lattice(self, words: list[AlignedText]) -> list[LatticeNode]:
        """None: the search is greedy, and weighs nothing."""
        return []

    def to_json(self) -> dict[str, Any]:
        """The section "model" of a tokenizer.json."""
        return {
            "type": "WordPiece",
            "unk_token": self.unk_token,
            "continuing_subword_prefix": self.prefix,
            "max_input_chars_per_word": self.max_length,
            "vocab": dict(sorted(self.vocab.items(), key=lambda item: item[1])),
        }

"""Stage 3 for BERT, WordPiece: each word is cut into the longest pieces that the vocabulary has.

No special tokens and no cutting of text into words here: see `added_tokens.py` and `pre_tokenizers.py`.

Sources: Google's Neural Machine Translation System, arXiv:1609.08144, section 4.1; google-research/bert
tokenization.py (WordpieceTokenizer).
"""

from collections.abc import Iterator, Mapping

from minibert.tokenizers.stages.aligned_text import Span

MAX_WORD_LENGTH = 100  # Hugging Face's limit, in code points of the normalised word; Google's is 200
CACHE_LIMIT = 1 << 18  # words kept; natural text in a hundred languages has about 90,000


def encode_word(
    word: str,
    vocab: Mapping[str, int],
    unk_token: str = "[UNK]",
    prefix: str = "##",
    max_length: int = MAX_WORD_LENGTH,
) -> list[str]:
    """Cut one word greedily, the longest piece first; a word with any part unknown is `unk_token` as a whole.

    >>> encode_word("unaffable", {"un": 0, "##aff": 1, "##able": 2, "##a": 3})
    ['un', '##aff', '##able']
    >>> encode_word("unaffables", {"un": 0, "##aff": 1, "##able": 2, "##a": 3})
    ['[UNK]']
    """
    if len(word) > max_length:
        return [unk_token]
    pieces = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):  # greedy: the longest piece first
            piece = spelled(word, start, end, prefix)
            if piece in vocab:
                break
        else:
            return [unk_token]  # nothing fits here, so the whole word is unknown
        pieces.append(piece)
        start = end
    return pieces


def spelled(word: str, start: int, end: int, prefix: str = "##") -> str:
    """How the vocabulary writes this part of a word: with "##" before it unless it begins the word.

    >>> spelled("unaffable", 2, 5)
    '##aff'
    """
    return word[start:end] if start == 0 else prefix + word[start:end]


def attempts(word: str, vocab: Mapping[str, int], prefix: str = "##") -> Iterator[tuple[int, int, str, bool]]:
    """Every piece that the greedy search tries, in order: start, end, how it is spelled, whether it is known.

    >>> for attempt in attempts("uns", {"un": 0, "##s": 1}): print(attempt)
    (0, 3, 'uns', False)
    (0, 2, 'un', True)
    (2, 3, '##s', True)
    """
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = spelled(word, start, end, prefix)
            yield start, end, piece, piece in vocab
            if piece in vocab:
                break
        else:
            return
        start = end


class WordPieceCache(dict[str, tuple[int, ...]]):
    """word -> its ids, found once: the fast form of `encode_word`.

    Pieces that begin a word and pieces that continue one have a dictionary each, so that no prefix is
    glued on in the loop, and the longest piece of each bounds how far it looks.

    >>> cache = WordPieceCache({"[UNK]": 0, "un": 1, "##aff": 2, "##able": 3})
    >>> cache["unaffable"], cache["x"]
    ((1, 2, 3), (0,))
    """

    def __init__(
        self,
        vocab: Mapping[str, int],
        unk_token: str = "[UNK]",
        prefix: str = "##",
        max_length: int = MAX_WORD_LENGTH,
    ) -> None:
        super().__init__()
        self.max_length = max_length
        self.unknown = (vocab[unk_token],)
        self.initial = dict(vocab)
        self.continuing = {piece[len(prefix) :]: id_ for piece, id_ in vocab.items() if piece.startswith(prefix)}
        self.continuing.pop("", None)
        self.longest_initial = max(map(len, self.initial), default=0)
        self.longest_continuing = max(map(len, self.continuing), default=0)

    def __missing__(self, word: str) -> tuple[int, ...]:
        cut = self.cut(word)
        ids = self.unknown if cut is None else tuple([id_ for id_, _ in cut])
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[word] = ids
        return ids

    def cut(self, word: str) -> list[tuple[int, Span]] | None:
        """The word's pieces as (id, span inside the word), or None if it is unknown."""
        size = len(word)
        if size > self.max_length:
            return None
        pieces = []
        start, known, longest = 0, self.initial, self.longest_initial
        while start < size:
            end = min(size, start + longest)
            while end > start:
                id_ = known.get(word[start:end])
                if id_ is not None:
                    break
                end -= 1
            else:
                return None
            pieces.append((id_, (start, end)))
            start, known, longest = end, self.continuing, self.longest_continuing
        return pieces

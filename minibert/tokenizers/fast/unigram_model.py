"""Unigram (SentencePiece): text to ids and back, as the original C++ does it.

The four stages, each callable alone: `normalize` (unigram_normalizer.py), `pre_tokenize` (the words, ▁ and
what follows), the search for the most probable pieces (`lattice` here; unigram_viterbi.py plainly,
unigram_words.py fast), and, in the tokenizer class, special tokens. Source of the method: Kudo 2018, "Subword
Regularization"; what SentencePiece does where the paper is silent was found by experiment.

Does not handle: sampling and n-best lists, denormalisers, special tokens (`[CLS]` in a text is text here).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple

from minibert.errors import InputError
from minibert.tokenizers.fast.chunks import Located, LocatedCache, LocatedText, located
from minibert.tokenizers.fast.collector import collector_paused
from minibert.tokenizers.fast.unigram_words import Chunks, TooLong, Words, split_words
from minibert.tokenizers.files.sentencepiece_model import (
    BYTE_PIECES,
    SPACE,
    Piece,
    PieceType,
    SentencePieceModel,
    byte_of_piece,
)
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.normalizers import check_no_surrogates
from minibert.tokenizers.stages.unigram import Node, best_path, lattice
from minibert.tokenizers.stages.unigram_normalizer import UnigramNormalizer

CHUNKS = re.compile(" *[^ ]+| +").findall  # with the blanks before it, the last of which the token of its ▁ covers
REPLACEMENT = "\ufffd"


class UnigramEncoding(NamedTuple):
    """An encoded text. Item `i` of each list belongs to token `i`."""

    ids: list[int]
    tokens: list[str]  # what the token covers in the normalised text; <0x..> for byte tokens
    offsets: list[Span]  # where the token stands in the original, in code points
    words: list[int]  # which ▁word, counted from 0, the token begins in


class Unigram:
    """A SentencePiece Unigram model at work.

    >>> pieces = [("▁", -3.0), ("▁a", -2.0), ("b", -2.5), ("ab", -4.0), ("▁ab", -4.0)]
    >>> unk = Piece("<unk>", 0.0, PieceType.UNKNOWN)
    >>> unigram = Unigram(SentencePieceModel((unk, *(Piece(*piece) for piece in pieces))))
    >>> unigram.encode("ab a")
    [5, 2]
    >>> unigram.encode_with_offsets("ab ac").tokens
    ['▁ab', '▁a', 'c']
    >>> unigram.decode([5, 2])
    'ab a'
    """

    def __init__(self, model: SentencePieceModel) -> None:
        self.model = model
        self.normalizer = UnigramNormalizer(model)
        with collector_paused:
            self._words = Words(model)
        self.vocabulary = self._words.vocabulary
        inner = [text for text in self.vocabulary.ids if SPACE in text[1:]]
        self._words_are_independent = not inner and model.normalizer.escape_whitespaces
        # the first piece of a word must not be unknown, or it could be fused with the word before
        by_chunk = self._words_are_independent and SPACE in self.vocabulary.ids
        self._by_chunk = by_chunk and self.normalizer.chunks_are_independent
        self._located = LocatedCache(self._locate_chunk)
        self._chunks = Chunks(self._words, self.normalizer, self._located)
        self._sizes = list(map(len, model.texts))

    def normalize(self, text: str | AlignedText) -> AlignedText:
        """The text as the search sees it, aligned with the original."""
        return self.normalizer.normalize(_aligned(text))

    def pre_tokenize(self, normalized: str) -> list[str]:
        """The words: each ▁ begins one.

        >>> Unigram.pre_tokenize(None, "▁hello▁▁world")
        ['▁hello', '▁', '▁world']
        """
        return split_words(normalized)

    def encode(self, text: str) -> list[int]:
        """The ids of a text.

        Raises InputError for lone surrogates, which no encoding of Unicode can hold.
        """
        if self._goes_by_chunk(text):
            ids = self._chunks.ids(self.normalizer.write_blanks(text))
            if ids is not None:
                return ids
        check_no_surrogates(text)
        normalized = self.normalizer.normalize_text(text)
        return self._words.to_ids(normalized, self._path(normalized))

    def _goes_by_chunk(self, text: str) -> bool:
        """Whether the blanks of this text cut it into parts that are independent, but for how sums are rounded."""
        return self._by_chunk and text != "" and SPACE not in text and not self.normalizer.symbols.found_in(text)

    def locate(self, text: str, start: int, with_sizes: bool) -> LocatedText | None:
        """Ids, spans and sizes of words of a text that begins at `start`; None: it does not go by chunks."""
        if not self._goes_by_chunk(text) or not self.normalizer.collapses:  # or a chunk would bring a ▁ of its own
            return None
        text = self.normalizer.write_blanks(text)
        self._chunks.make_room()
        try:
            found = self._located.locate_all(CHUNKS(text), start, with_sizes)
        except TooLong:
            return None
        return found if self._chunks.hold(text.split(" "), len(text)) else None

    def _locate_chunk(self, part: str) -> Located:
        """A chunk that comes with the blanks before it."""
        found = self._pieces_in_place(part)
        if found is not None:
            return located(*found)
        encoding = self.encode_with_offsets(part)
        return located(encoding.ids, encoding.offsets, [len(list(word)) for _, word in groupby(encoding.words)])

    def _pieces_in_place(self, part: str) -> tuple[Sequence[int], list[Span]] | None:
        """The ids and spans of such a chunk, or None where this takes a closer look.

        Where normalising writes a character for each character, the pieces lie end to end in the part, the last
        of its blanks being the ▁. A part without a blank begins the text, and its ▁ stands for its first character.
        """
        chunk = part.lstrip(" ")
        normalized = self.normalizer.normalize_chunk(chunk)
        if SPACE in normalized[1:] or not self.normalizer.keeps_places(chunk, normalized):
            return None
        ids = self._chunks[chunk]
        if not self._words.irregular.isdisjoint(ids):
            return None
        places = accumulate([self._sizes[id_] for id_ in ids], initial=len(part) - len(normalized))
        spans = list(pairwise(places))
        if len(part) == len(chunk):
            spans[0] = (0, max(spans[0][1], 1))
        return ids, spans

    def encode_plainly(self, text: str) -> list[int]:
        """What `encode` gives, by the plain search over the whole text."""
        normalized = self.normalize(text).text
        return self._words.to_ids(normalized, best_path(normalized, self.vocabulary)[0])

    def encode_with_offsets(self, text: str | AlignedText) -> UnigramEncoding:
        """The ids, and for each where it comes from."""
        normalized = self.normalize(text)
        tokens = list(self._tokens(normalized.text))
        word_of = list(accumulate(map(SPACE.__eq__, normalized.text)))  # how many ▁ up to here
        first = min(word_of[:1], default=0)
        return UnigramEncoding(
            [piece for piece, *_ in tokens],
            [token for _, token, *_ in tokens],
            [normalized.span(start, end) for _, _, start, end in tokens],
            [word_of[start] - first for _, _, start, _ in tokens],
        )

    def lattice(self, normalized: str) -> list[Node]:
        """Every piece that matches somewhere in a normalised text, with scores, the best path marked."""
        return lattice(normalized, self.vocabulary)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, as SentencePiece decodes them.

        ▁ becomes a blank, control tokens vanish, the unknown token becomes the model's surface for it
        (" ⁇ "), runs of byte tokens are read as UTF-8 with U+FFFD for what is not, and blanks at the start go.

        Raises InputError for an id outside the vocabulary.
        """
        options = self.model.normalizer
        strips = options.add_dummy_prefix or options.remove_extra_whitespaces
        written: list[str] = []
        raw = bytearray()
        at_start = True  # blanks at the start are dropped until something is written
        for index in ids:
            piece = self._piece(index)
            if piece.type == PieceType.BYTE:
                raw.append(byte_of_piece(piece.text))
                continue
            if raw:
                written.append(decode_bytes(raw))
                raw.clear()
            at_start = at_start and not any(written)
            if piece.type == PieceType.CONTROL:
                continue
            text = piece.text
            if at_start and strips and text.startswith(SPACE):
                text = text[1:]
                at_start = options.remove_extra_whitespaces
            if piece.type == PieceType.UNKNOWN:
                written.append(self.model.unk_surface)
            else:
                written.append(text.replace(SPACE, " "))
        return "".join(written) + decode_bytes(raw)

    def _piece(self, index: int) -> Piece:
        if not 0 <= index < len(self.model.pieces):
            raise InputError(f"The id {index} is not in the vocabulary, which has {len(self.model.pieces)} pieces.")
        return self.model.pieces[index]

    def _path(self, normalized: str) -> list[tuple[int, int]]:
        words = self._words.split(normalized) if self._words_are_independent else [normalized]
        return self._words.path(words)

    def _tokens(self, normalized: str) -> Iterator[tuple[int, str, int, int]]:
        """(id, token, start, end) with unknown runs fused and byte fallback applied."""
        start = 0
        unknown_from = -1  # where the run of unknown characters began that is being read
        for end, piece in self._path(normalized):
            unknown = piece == self.model.unk_id
            if unknown_from >= 0 and not unknown:
                yield self.model.unk_id, normalized[unknown_from:start], unknown_from, start
                unknown_from = -1
            if not unknown:
                yield piece, normalized[start:end], start, end
            elif self.model.byte_fallback:
                for byte in normalized[start:end].encode():
                    yield self.model.ids[BYTE_PIECES[byte]], BYTE_PIECES[byte], start, end
            elif unknown_from < 0:
                unknown_from = start
            start = end
        if unknown_from >= 0:
            yield self.model.unk_id, normalized[unknown_from:start], unknown_from, start


def decode_bytes(raw: bytes | bytearray) -> str:
    """Bytes as UTF-8; each byte that is not part of a character becomes U+FFFD.

    >>> decode_bytes(bytes.fromhex("e282ac e282"))
    '€��'
    """
    text, at = [], 0
    while at < len(raw):
        for size in (1, 2, 3, 4):
            try:
                text.append(raw[at : at + size].decode("utf-8"))
            except UnicodeDecodeError:
                continue
            at += size
            break
        else:
            text.append(REPLACEMENT)
            at += 1
    return "".join(text)


def _aligned(text: str | AlignedText) -> AlignedText:
    check_no_surrogates(text if isinstance(text, str) else text.text)
    return text if isinstance(text, AlignedText) else AlignedText.from_text(text)

"""A SentencePiece model with all of its stages, by the plain road and from memory: what tests of Unigram ask."""

from typing import NamedTuple

from minibert.tokenizers.fast.unigram import UnigramMemory
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.decoding import SentencePieceDecoder, sentencepiece_decode
from minibert.tokenizers.stages.pieces import BYTE_PIECES, NormalizerOptions, Piece, PieceType, SentencePieceModel
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.post_processors import BertPostProcessor
from minibert.tokenizers.stages.pre_tokenizers import SentencePiecePreTokenizer
from minibert.tokenizers.stages.unigram import Unigram, float32
from minibert.tokenizers.stages.unigram_normalizer import RemBertNormalizer
from minibert.tokenizers.training.charsmap_builder import build_charsmap

UNK = Piece("<unk>", 0.0, PieceType.UNKNOWN)


def model_of(pieces, *, rules=None, byte_fallback=False, **options):
    """A model of these {piece: score}, unknown piece first."""
    entries = [UNK, *(piece if isinstance(piece, Piece) else Piece(piece, score) for piece, score in pieces.items())]
    if byte_fallback:
        entries += [Piece(text, 0.0, PieceType.BYTE) for text in BYTE_PIECES]
    normalizer = NormalizerOptions(charsmap=build_charsmap(rules or {}), **options)
    return SentencePieceModel(tuple(entries), normalizer, byte_fallback)


def random_vocabulary(rng, coarse):
    """Pieces over few letters; coarse scores make ties."""
    pieces = {"▁": -1.0, "a": -2.0, "b": -2.5}
    for _ in range(rng.randint(3, 25)):
        text = rng.choice(["", "▁"]) + "".join(rng.choice("abc") for _ in range(rng.randint(1, 5)))
        pieces[text] = -rng.randint(1, 12) / 2 if coarse else float32(-rng.random() * 12)
    return model_of(pieces)


def all_ways(text, vocabulary):
    """Every way to cut the text, best first: (exact sum, path)."""
    ways = [[(0.0, ())]] + [[] for _ in text]
    for start in range(len(text)):
        for end, piece, score in vocabulary.starting_at(text, start):
            ways[end] += [(total + score, (*path, (end, piece))) for total, path in ways[start]]
    return sorted(ways[-1], reverse=True)


class Encoding(NamedTuple):
    """Item `i` of each list belongs to token `i`."""

    ids: list
    tokens: list  # what the token covers in the normalised text
    offsets: list
    words: list  # the index of its word, counted from 0


class UnigramRoads:
    """A model at work."""

    def __init__(self, model):
        self.model = model
        self.normalizer, self.unigram = RemBertNormalizer(model), Unigram(model)
        self.pre_tokenizer = SentencePiecePreTokenizer(model.normalizer.add_dummy_prefix)
        self.stages = Stages(
            self.normalizer, self.pre_tokenizer, self.unigram, BertPostProcessor(), SentencePieceDecoder(model)
        )
        self.memory = UnigramMemory(self.stages, self.normalizer, self.unigram)
        self.quick = self.memory.stages.model
        self.words = self.quick.words
        self.chunks = self.memory._chunk_ids

    def normalize(self, text):
        """By the plain stage; the quick one must give the same."""
        source = text if isinstance(text, AlignedText) else AlignedText.from_text(text)
        plain = self.normalizer.normalize(source)
        assert self.memory.stages.normalizer.normalize(source) == plain, source.text
        return plain

    def normalize_text(self, text):
        return self.memory._quick.normalize_text(text)

    def encode(self, text):
        return self.memory.ids(text)

    def encode_plainly(self, text):
        return self.unigram.ids(self.normalize(text).text)

    def encode_with_offsets(self, text):
        normalized = self.normalize(text)
        words = self.pre_tokenizer.split(normalized)
        cut = self.quick.cut(words)
        assert cut == self.unigram.cut(words) or len(normalized.text) > 2000
        tokens = [(i, token) for i, word in enumerate(cut) for token in word]
        found = list(self.quick.tokens(normalized.text))
        ids = [token.id for _, token in tokens]
        assert ids == [token.id for token in found]
        return Encoding(ids, [token.text for token in found], [t.span for _, t in tokens], [i for i, _ in tokens])

    def by_chunks(self, text):
        return self.memory._ids_by_chunks(text)

    def decode(self, ids):
        return sentencepiece_decode(self.model, ids)

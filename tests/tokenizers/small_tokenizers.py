"""Tokenizers with a few tokens, whose answers one can work out by hand."""

from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS
from minibert.tokenizers.stages.pieces import Piece, PieceType, SentencePieceModel


def bert(*tokens, **options):
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *tokens]
    return BertTokenizer(vocab={token: i for i, token in enumerate(vocab)}, **options)


def roberta(merges, **options):
    merged = ["".join(pair) for pair in merges]
    vocab = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *BYTE_CHARS, *merged]
    return RobertaTokenizer(vocab={token: i for i, token in enumerate(vocab)}, merges=merges, **options)


def rembert(byte_fallback=False, **options):
    pieces = [Piece("[UNK]", 0, PieceType.UNKNOWN), Piece("▁a", -1.0), Piece("b", -2.0), Piece("▁", -3.0)]
    pieces += [Piece(name, 0, PieceType.CONTROL) for name in ("[CLS]", "[SEP]", "[MASK]", "[PAD]")]
    if byte_fallback:
        pieces += [Piece(f"<0x{byte:02X}>", 0, PieceType.BYTE) for byte in range(256)]
    return RemBertTokenizer(model=SentencePieceModel(tuple(pieces), byte_fallback=byte_fallback), **options)

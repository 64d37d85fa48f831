"""Corners that the vectors do not reach: each was chosen because a planted fault there went unnoticed."""

from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS
from minibert.tokenizers.stages.pieces import Piece, PieceType, SentencePieceModel


def bert(*tokens):
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *tokens]
    return BertTokenizer(vocab={token: i for i, token in enumerate(vocab)})


def roberta(merges, **options):
    merged = ["".join(pair) for pair in merges]
    vocab = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *BYTE_CHARS, *merged]
    return RobertaTokenizer(vocab={token: i for i, token in enumerate(vocab)}, merges=merges, **options)


def rembert(byte_fallback=False):
    pieces = [Piece("[UNK]", 0, PieceType.UNKNOWN), Piece("▁a", -1.0), Piece("b", -2.0), Piece("▁", -3.0)]
    pieces += [Piece(name, 0, PieceType.CONTROL) for name in ("[CLS]", "[SEP]", "[MASK]", "[PAD]")]
    if byte_fallback:
        pieces += [Piece(f"<0x{byte:02X}>", 0, PieceType.BYTE) for byte in range(256)]
    return RemBertTokenizer(model=SentencePieceModel(tuple(pieces), byte_fallback=byte_fallback))


def test_special_tokens_with_type_one(tmp_path):
    """A template with another type, as a tokenizer.json may have it, takes the general road."""
    import json

    bert("a").save_pretrained(tmp_path)
    data = json.loads((tmp_path / "tokenizer.json").read_text())
    data["post_processor"]["single"][-1]["SpecialToken"]["type_id"] = 1
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    assert BertTokenizer.from_pretrained(tmp_path)("a")["token_type_ids"] == [0, 0, 1]

"""Corners that the vectors do not reach: each was chosen because a planted fault there went unnoticed."""

import pytest

from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.fast.byte_bpe import quick_words
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS
from minibert.tokenizers.stages.pieces import Piece, PieceType, SentencePieceModel
from minibert.tokenizers.stages.pre_tokenizers import gpt2_words


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


@pytest.mark.parametrize("text", ["a\x0bb", "a\x7fb \x00ab", "a\nb\ta\rb", "a\x1cb"])
def test_controls_in_ascii(text):
    tokenizer = bert("a", "b", "ab")
    expected = [token.id for word in tokenizer.words(text) for token in word]
    assert tokenizer(text)["input_ids"][1:-1] == expected
    row = tokenizer(text, return_offsets_mapping=True)
    assert row["input_ids"][1:-1] == expected
    words = tokenizer.words(text)
    assert row["offset_mapping"][1:-1] == [token.span for word in words for token in word]


def test_marks_that_stay_are_put_in_order():
    text = "a\u302e\U0001d165b"  # classes 224 and 216, both spacing marks
    tokenizer = bert("a")
    assert tokenizer.normalize(AlignedText.from_text(text)).text == "a\U0001d165\u302eb"
    assert tokenizer.road.memory.normalized(text) == "a\U0001d165\u302eb"


def test_letters_newer_than_the_reference():
    newer = "\U000323b0"  # a letter since Unicode 17, no letter to the compiled tokenizers
    text = f"a{newer}b é"
    tokenizer = roberta([])
    words = [text[start:end] for start, end in (match.span() for match in gpt2_words().finditer(text))]
    assert words == ["a", newer, "b", " é"]
    if quick_words().findall(text) == words:
        pytest.skip("the installed regex does not know this letter yet")
    row = tokenizer(text, return_offsets_mapping=True)
    assert row.word_ids() == [None, 0, 1, 1, 1, 1, 2, 3, 3, 3, None]
    merging = roberta([("a", BYTE_CHARS[0xF0])])  # would join across the boundary if the cut were wrong
    assert merging(text)["input_ids"][1:-1] == [token.id for word in merging.words(text) for token in word]


def test_trimming_with_a_prefix_space():
    tokenizer = roberta([("Ġ", "Ġ"), ("ĠĠ", "Ġ"), ("Ġ", "a")], add_prefix_space=True)
    assert tokenizer("   a", return_offsets_mapping=True)["offset_mapping"][1:-1] == [(2, 2), (3, 4)]
    assert tokenizer(" a", return_offsets_mapping=True)["offset_mapping"][1:-1] == [(0, 2)]
    assert tokenizer("a", return_offsets_mapping=True)["offset_mapping"][1:-1] == [(0, 1)]
    assert tokenizer("  <mask>", return_offsets_mapping=True)["offset_mapping"][1:-1] == [(2, 8)]


def test_rembert_decoding():
    tokenizer = rembert()
    assert tokenizer.decode(tokenizer("ab a")["input_ids"], skip_special_tokens=True) == "ab a"
    assert tokenizer.decode(tokenizer("ab a")["input_ids"]) == "[CLS] ab a[SEP]"
    tokenizer = rembert(byte_fallback=True)
    ids = tokenizer("a é", add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["▁a", "▁", "<0xC3>", "<0xA9>"]
    assert tokenizer.decode(ids) == "a é"
    assert tokenizer.decode(ids[:-1]) == "a \ufffd"


def test_special_tokens_with_type_one(tmp_path):
    """A template with another type, as a tokenizer.json may have it, takes the general road."""
    import json

    bert("a").save_pretrained(tmp_path)
    data = json.loads((tmp_path / "tokenizer.json").read_text())
    data["post_processor"]["single"][-1]["SpecialToken"]["type_id"] = 1
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    assert BertTokenizer.from_pretrained(tmp_path)("a")["token_type_ids"] == [0, 0, 1]


def test_the_prefix_of_every_pre_split_word_has_no_width():
    tokenizer = roberta([("Ġ", "a")], add_prefix_space=True)
    row = tokenizer(["a", "a", "aa"], is_split_into_words=True, return_offsets_mapping=True, add_special_tokens=False)
    assert row.tokens() == ["Ġa", "Ġa", "Ġa", "a"]
    assert row["offset_mapping"] == [(0, 1), (0, 1), (0, 1), (1, 2)]

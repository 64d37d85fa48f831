"""Tokens back to text."""

import pytest
from generated_texts import SENTENCES
from small_tokenizers import rembert
from unigram_roads import UnigramRoads, model_of

from minibert.errors import InputError
from minibert.tokenizers.stages.byte_bpe import to_byte_chars
from minibert.tokenizers.stages.decoding import (
    ByteLevelDecoder,
    OriginalSentencePieceDecoder,
    OriginalWordPieceDecoder,
    SentencePieceDecoder,
    WordPieceDecoder,
    clean_up_tokenization,
    decode_bytes,
    from_byte_chars,
)
from minibert.tokenizers.stages.pieces import BYTE_PIECES, Piece, PieceType, SentencePieceModel


def test_words_of_bert():
    tokens = ["##un", "##able", "!", "do", "n't", "'", "x"]
    assert WordPieceDecoder().join(tokens) == "##unable! don't ' x"
    assert WordPieceDecoder(cleanup=False).join(tokens) == "##unable ! do n't ' x"
    assert OriginalWordPieceDecoder().join(tokens[1:]) == "##able ! do n't ' x"
    assert clean_up_tokenization("a ' b . do n't") == "a'b. don't"
    assert WordPieceDecoder("_", cleanup=False).join(["a", "_b", "c"]) == "ab c"


def test_byte_level():
    assert ByteLevelDecoder().join(["Ġa", "Ã", "©", "<s>", "日"]) == " aé<s>日"
    assert [ByteLevelDecoder().cleans_up, ByteLevelDecoder(cleans_up=True).cleans_up] == [False, True]


def test_sentencepiece():
    pieces = [Piece("<unk>", 0, PieceType.UNKNOWN), Piece("<s>", 0, PieceType.CONTROL), Piece("▁a", -1.0)]
    pieces += [Piece(name, 0, PieceType.BYTE) for name in BYTE_PIECES]
    model = SentencePieceModel(tuple(pieces), byte_fallback=True)
    tokens = ["<s>", "▁a", "<0xC3>", "<0xA9>", "<unk>", "▁a", "[X]"]
    assert SentencePieceDecoder(model).join(tokens) == "<s> aé<unk> a[X]"
    assert OriginalSentencePieceDecoder(model).join(tokens) == "aé ⁇  a [X]"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_byte_level_decoding_reverses_the_spelling(size):
    for text in SENTENCES:
        chars = to_byte_chars(text)
        tokens = [chars[i : i + size] for i in range(0, len(chars), size)]  # characters are cut in two
        assert from_byte_chars(tokens) == ByteLevelDecoder().join(tokens) == text


def test_sentencepiece_decoding_by_hand():
    model = model_of({"▁a": -1.0, "b": -2.0, Piece("<s>", 0.0, PieceType.CONTROL): None, "▁": -3.0})
    decoded = UnigramRoads(model).decode
    assert decoded([1, 2, 1]) == "ab a"
    assert decoded([3, 1, 3, 2]) == "ab"  # control pieces vanish, and the text still begins at its first piece
    assert decoded([4, 4, 1]) == "a"  # blanks at the start go
    assert decoded([1, 0]) == "a ⁇ "
    kept = UnigramRoads(model_of({"▁a": -1.0}, add_dummy_prefix=False, remove_extra_whitespaces=False)).decode
    assert kept([1, 1]) == " a a"


@pytest.mark.parametrize(
    ("raw", "text"),
    [("e282ac", "€"), ("e282", "��"), ("ff41", "�A"), ("f09f9880c3", "😀�"), ("eda080", "���"), ("", "")],
)
def test_bytes_that_are_not_utf8_become_replacement_characters(raw, text):
    assert decode_bytes(bytes.fromhex(raw)) == text


def test_ids_outside_the_vocabulary_are_refused():
    unigram = UnigramRoads(model_of({"a": -1.0}))
    with pytest.raises(InputError, match=r"The id 2 is not in the vocabulary, which has 2 pieces\."):
        unigram.decode([1, 2])
    with pytest.raises(InputError, match="The id -1 is not"):
        unigram.decode([-1])


def test_rembert_decoding():
    tokenizer = rembert()
    assert tokenizer.decode(tokenizer("ab a")["input_ids"], skip_special_tokens=True) == "ab a"
    assert tokenizer.decode(tokenizer("ab a")["input_ids"]) == "[CLS] ab a[SEP]"
    tokenizer = rembert(byte_fallback=True)
    ids = tokenizer("a é", add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["▁a", "▁", "<0xC3>", "<0xA9>"]
    assert tokenizer.decode(ids) == "a é"
    assert tokenizer.decode(ids[:-1]) == "a \ufffd"

"""Bytes, merges and the spans of pieces."""

import pytest

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.byte_bpe import (
    BYTE_CHARS,
    ByteBPE,
    byte_spans,
    bytes_to_unicode,
    encode_word,
    merge_ranks,
    merge_steps,
    to_byte_chars,
)
from minibert.tokenizers.stages.decoding import from_byte_chars


def test_every_byte_has_a_printable_character_of_its_own():
    table = bytes_to_unicode()
    assert sorted(table) == list(range(256))
    assert len(set(table.values())) == 256
    assert all(char.isprintable() and not char.isspace() for char in table.values())
    assert all(BYTE_CHARS[byte] == char for byte, char in table.items())


def test_any_text_goes_to_bytes_and_back():
    for text in ("a b\n", "é😀\x00", "中\u2028"):
        assert from_byte_chars([to_byte_chars(text)]) == text


def test_the_lowest_rank_goes_first_and_of_several_the_leftmost():
    ranks = merge_ranks([("b", "c"), ("a", "b"), ("c", "c")])
    assert [(step.left, step.right) for step in merge_steps("abcc", ranks)] == [("b", "c")]
    assert encode_word("abab", merge_ranks([("a", "b")])) == ["ab", "ab"]
    assert [step.symbols for step in merge_steps("aaa", merge_ranks([("a", "a")]))] == [["aa", "a"]]
    assert merge_ranks([("a", "b"), ("b", "c"), ("a", "b")])["a", "b"] == 2


def test_spans_share_a_character_that_was_cut():
    assert byte_spans("a😀b", [2, 2, 2]) == [(0, 2), (1, 2), (1, 3)]


def test_bytes_without_a_token():
    vocab = {char: i for i, char in enumerate(BYTE_CHARS) if char != "z"} | {"<unk>": 300}
    word = [AlignedText.from_text("azb")]
    vanishing, unknown = ByteBPE(vocab, []), ByteBPE(vocab, [], "<unk>")
    assert vanishing.ids("azb") == [vocab["a"], vocab["b"]]
    assert unknown.ids("azb") == [vocab["a"], 300, vocab["b"]]
    assert [token.span for token in unknown.cut(word)[0]] == [(0, 1), (1, 2), (2, 3)]  # the unknown covers its byte


def test_merges_that_do_not_fit():
    model = ByteBPE({"a": 0, "b": 1}, [("a", "b")])
    with pytest.raises(TokenizerError, match=r"merge 0, 'a' . 'b', needs the token 'ab'"):
        model.ids("ab")


def test_explained_words():
    model = ByteBPE({"l": 0, "o": 1, "lo": 2}, [("l", "o")])
    (word,) = model.explain([AlignedText.from_text("lo")], {2: "lo"}.get)
    assert (word.symbols, [str(step) for step in word.merges]) == (["l", "o"], ["merge 0: l + o -> lo"])
    assert (word.tokens, word.ids, word.span) == (["lo"], [2], (0, 2))
    assert model.to_json()["merges"] == [["l", "o"]]

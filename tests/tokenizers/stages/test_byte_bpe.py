"""Bytes, merges and the spans of pieces."""

import random

import pytest

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.byte_bpe import (
    BYTE_CHARS,
    ByteBPE,
    byte_spans,
    bytes_to_unicode,
    check_merges,
    encode_word,
    merge_all,
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


def test_explained_words():
    model = ByteBPE({"l": 0, "o": 1, "lo": 2}, [("l", "o")])
    (word,) = model.explain([AlignedText.from_text("lo")], {2: "lo"}.get)
    assert (word.symbols, [str(step) for step in word.merges]) == (["l", "o"], ["merge 0: l + o -> lo"])
    assert (word.tokens, word.ids, word.span) == (["lo"], [2], (0, 2))
    assert model.to_json()["merges"] == [["l", "o"]]


PAPER = [("r", "</w>"), ("l", "o"), ("lo", "w"), ("e", "r</w>")]


def test_the_example_of_the_paper():
    ranks = merge_ranks(PAPER)
    assert merge_all([*"lower", "</w>"], ranks) == ["low", "er</w>"]
    assert [str(step) for step in merge_steps([*"lower", "</w>"], ranks)] == [
        "merge 0: r + </w> -> l o w e r</w>",
        "merge 1: l + o -> lo w e r</w>",
        "merge 2: lo + w -> low e r</w>",
        "merge 3: e + r</w> -> low er</w>",
    ]


def slow_merge(symbols, merges):
    """Go down the list: whenever a pair of it stands in the word, merge the leftmost, and begin at the top again."""
    for left, right in merges:
        for i in range(len(symbols) - 1):
            if symbols[i : i + 2] == [left, right]:
                return slow_merge([*symbols[:i], left + right, *symbols[i + 2 :]], merges)
    return symbols


def random_merges(rng):
    """Merges over three letters, each of symbols that were there before."""
    symbols, merges = list("abc"), []
    for _ in range(rng.randint(1, 10)):
        pair = rng.choice(symbols), rng.choice(symbols)
        if pair not in merges:
            merges.append(pair)
            symbols.append("".join(pair))
    return merges


def test_merging_is_going_down_the_list_again_and_again():
    rng = random.Random(0)
    for _ in range(200):
        merges = random_merges(rng)
        word = "".join(rng.choices("abc", k=rng.randint(0, 12)))
        assert encode_word(word, merge_ranks(merges)) == slow_merge(list(word), merges), (word, merges)


@pytest.mark.parametrize("missing", ["a", "b", "ab"])
def test_merges_need_their_tokens(missing):
    vocab = {token: i for i, token in enumerate(["a", "b", "ab"]) if token != missing}
    with pytest.raises(TokenizerError) as caught:
        check_merges([("a", "b")], vocab)
    assert str(caught.value) == (
        f"The merges do not fit the vocabulary: merge 0, 'a' + 'b', needs the token {missing!r}, "
        "which is not among the 2 tokens."
    )
    with pytest.raises(TokenizerError, match="The merges do not fit the vocabulary"):
        ByteBPE(vocab, [("a", "b")]).ids("ab")

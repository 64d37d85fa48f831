"""The longest match, against a search written another way, and its steps."""

import random

import pytest

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.wordpiece import MAX_WORD_LENGTH, WordPiece, attempts, encode_word, longest_match


def recursive(word, vocab, prefix, start=0):
    """The same by recursion over sorted pieces; None where a part is unknown."""
    if start == len(word):
        return []
    mark = prefix if start else ""
    fitting = [piece for piece in vocab if len(piece) > len(mark) and (mark + word[start:]).startswith(piece)]
    if not fitting:
        return None
    longest = max(fitting, key=len)
    rest = recursive(word, vocab, prefix, start + len(longest) - len(mark))
    return None if rest is None else [longest, *rest]


@pytest.mark.parametrize("prefix", ["##", "#", ""])
def test_random_vocabularies(prefix):
    rng = random.Random(1)
    for _ in range(400):
        pieces = ["".join(rng.choices("ab#", k=rng.randint(1, 4))) for _ in range(8)]
        names = dict.fromkeys(["[UNK]", *pieces, *(prefix + piece for piece in pieces), prefix + "a"])
        vocab = {piece: i for i, piece in enumerate(name for name in names if name)}
        word = "".join(rng.choices("aab#", k=rng.randint(1, 9)))
        expected = recursive(word, vocab, prefix)
        assert encode_word(word, vocab, prefix=prefix) == (expected or ["[UNK]"]), (word, vocab)


def test_a_continuation_has_more_than_its_mark():
    assert longest_match("##x", {"#": 0, "##": 1}, 2) is None
    assert encode_word("ax", {"a": 0, "#": 1, "##": 2}) == ["[UNK]"]


def test_the_length_of_a_word():
    vocab = {"a": 0, "##a": 1}
    assert encode_word("a" * 100, vocab) == ["a"] + ["##a"] * 99
    assert encode_word("a" * 101, vocab) == ["[UNK]"]
    assert encode_word("a" * 101, vocab, max_length=101) == ["a"] + ["##a"] * 100


def test_attempts_end_with_the_pieces():
    rng = random.Random(2)
    vocab = {"[UNK]": 0, "a": 1, "##b": 2, "ab": 3, "##ba": 4}
    for _ in range(200):
        word = "".join(rng.choices("aab", k=rng.randint(1, 6)))
        tried = list(attempts(word, vocab))
        found = [attempt.piece for attempt in tried if attempt.known]
        if encode_word(word, vocab) == ["[UNK]"]:
            assert not tried[-1].known
        else:
            assert found == encode_word(word, vocab)
        assert all(attempt.known == (attempt.piece in vocab) for attempt in tried)
        assert all(word[attempt.start : attempt.end] == attempt.piece.removeprefix("##") for attempt in tried)


def test_the_stage():
    model = WordPiece({"[UNK]": 5, "un": 1, "##able": 2})
    words = [AlignedText("unable", [(i * 2, i * 2 + 2) for i in range(6)]), AlignedText("x", [(20, 21)])]
    assert [[tuple(token) for token in word] for word in model.cut(words)] == [
        [(1, (0, 4)), (2, (4, 12))], [(5, (20, 21))],
    ]  # fmt: skip
    explained = model.explain(words, {5: "[UNK]", 1: "un", 2: "##able"}.get)
    assert [(word.tokens, word.span) for word in explained] == [(["un", "##able"], (0, 12)), (["[UNK]"], (20, 21))]
    assert model.to_json()["vocab"] == {"un": 1, "##able": 2, "[UNK]": 5}
    assert list(model.to_json()["vocab"]) == ["un", "##able", "[UNK]"]  # by id
    with pytest.raises(TokenizerError, match=r"no '\[UNK\]', the unknown token"):
        WordPiece({"a": 0})


PAPER = {token: i for i, token in enumerate(["[UNK]", "[CLS]", "want", "##want", "##ed", "wa", "un", "runn", "##ing"])}


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("", []),
        ("unwanted", ["un", "##want", "##ed"]),
        ("running", ["runn", "##ing"]),
        ("unwantedx", ["[UNK]"]),  # one part unknown: the whole word
        ("wanted", ["want", "##ed"]),  # the longest match, not "wa"
        ("ed", ["[UNK]"]),  # "##ed" only continues
        ("wantun", ["[UNK]"]),  # "un" only begins
    ],
)
def test_the_examples_of_google(word, pieces):
    assert encode_word(word, PAPER) == pieces
    assert WordPiece(PAPER).pieces(word) == pieces


def test_greedy_is_not_the_best():
    vocab = {"[UNK]": 0, "ab": 1, "abc": 2, "##cd": 3}
    assert encode_word("abcd", vocab) == ["[UNK]"]  # "abc" leaves a "d", though ab + ##cd would do


@pytest.mark.parametrize(("size", "known"), [(MAX_WORD_LENGTH, True), (MAX_WORD_LENGTH + 1, False)])
def test_words_of_more_than_a_hundred_characters_are_unknown(size, known):
    model = WordPiece({"[UNK]": 0, "é": 1, "##é": 2})
    assert model.pieces("é" * size) == (["é", *["##é"] * (size - 1)] if known else ["[UNK]"])
    (word,) = model.explain([AlignedText.from_text("é" * size)], ["[UNK]", "é", "##é"].__getitem__)
    assert bool(word.attempts) == known


def test_another_mark():
    model = WordPiece({"?": 0, "un": 1, "@@able": 2}, "?", "@@")
    assert model.pieces("unable") == ["un", "@@able"]
    assert model.spans("unable", ["un", "@@able"]) == [(0, 2), (2, 6)]
    assert model.to_json() == {
        "type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "@@", "max_input_chars_per_word": 100,
        "vocab": {"?": 0, "un": 1, "@@able": 2},
    }  # fmt: skip

"""Added tokens are found whole, leftmost and longest first, with the blanks they swallow."""

import pytest

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.added_tokens import AddedToken, AddedVocabulary, TokenMatcher, swallowing_blanks


def test_single_word_tokens():
    matcher = TokenMatcher([(AddedToken("new", single_word=True), 7)])
    found = {
        text: [match.id for match in matcher.split(text)]
        for text in ("new", "(new)", "newt", "_new", "new\u0301", "né new")
    }
    assert found == {
        "new": [7], "(new)": [None, 7, None], "newt": [None], "_new": [None], "new\u0301": [None], "né new": [None, 7],
    }  # fmt: skip


def test_blanks_that_two_tokens_want():
    """A token that swallows blanks and one that is made of blanks overlap, as in the reference."""
    tokens = [AddedToken("l", lstrip=True), AddedToken("r", rstrip=True), AddedToken(" "), AddedToken("  ")]
    matcher = TokenMatcher([(token, i) for i, token in enumerate(tokens)])
    assert [tuple(match) for match in matcher.split("r l")] == [(1, 0, 2), (2, 1, 2), (0, 2, 3)]
    assert [tuple(match) for match in matcher.split("xr    b")] == [
        (None, 0, 1), (1, 1, 6), (3, 2, 4), (3, 4, 6), (None, 6, 7),
    ]  # fmt: skip


def test_swallowed_blanks_reach_to_the_ends_of_the_text():
    for token, text in ((AddedToken("ab", rstrip=True), "ab  "), (AddedToken("ab", lstrip=True), "  ab")):
        assert [tuple(match) for match in TokenMatcher([(token, 1)]).split(text)] == [(1, 0, 4)]


def test_special_tokens_may_stay_text():
    matcher = TokenMatcher([(AddedToken("[X]", special=True), 1), (AddedToken("y"), 2)])
    assert [match.id for match in matcher.split("[X]y", skip_special=True)] == [None, 2]
    assert [match.id for match in matcher.split("[X]y")] == [1, 2]


def test_tokens_are_searched_where_their_flags_say():
    vocabulary = AddedVocabulary(str.lower)
    vocabulary.add_all([(AddedToken("RAW", normalized=False), 1), (AddedToken("Norm"), 2)])
    assert list(vocabulary.raw.tokens) == ["RAW"]
    assert list(vocabulary.normalized.tokens) == ["norm"]  # as it looks in normalised text
    vocabulary.add(AddedToken("Norm", special=True, normalized=False), 2)  # new flags
    assert list(vocabulary.raw.tokens) == ["RAW", "Norm"]
    assert vocabulary.special_ids == {2}


def test_values_that_are_no_tokens():
    with pytest.raises(TokenizerError, match="must be a str or have a str 'content', not 5"):
        AddedToken.from_value(5)
    token = AddedToken("m", rstrip=True)
    assert swallowing_blanks(token) is token

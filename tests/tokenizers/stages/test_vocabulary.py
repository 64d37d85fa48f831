"""Tokens and ids, both ways, with tokens added."""

import pytest

from minibert.errors import InputError, TokenizerError
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.vocabulary import Vocabulary


def test_new_tokens_get_the_ids_after_the_last():
    vocabulary = Vocabulary({"a": 0, "b": 1})
    assert vocabulary.add(["x", "a", "", "x", AddedToken("y", lstrip=True)]) == 3
    assert [vocabulary.id_of(token) for token in ("x", "a", "y", "z")] == [2, 0, 3, None]
    assert vocabulary.add("x") == 0
    assert (len(vocabulary), vocabulary.token_of(3)) == (4, "y")


def test_ids_that_belong_to_others_are_refused():
    vocabulary = Vocabulary({"a": 0, "b": 1})
    with pytest.raises(TokenizerError, match="'a' has the id 5, but in the vocabulary it has 0"):
        vocabulary.add_with_ids({5: "a"})
    with pytest.raises(TokenizerError, match="'x' has the id 1, which belongs to 'b'"):
        vocabulary.add_with_ids({1: "x"})
    with pytest.raises(
        InputError, match="of this tokenizer, whose 2 tokens have the ids 0 to 1"
    ):
        vocabulary.token_of(2)

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


@pytest.fixture
def vocabulary():
    return Vocabulary({"a": 0, "b": 1, "c": 2}, owner="BertTokenizer")


def test_ids_whose_tokens_are_given():
    vocabulary = Vocabulary({"x": 1}, {0: "x", 1: "x", 2: "y"})
    assert (vocabulary.token_of(0), vocabulary.token_of(2), vocabulary.id_of("x")) == ("x", "y", 1)


def test_added_tokens_are_searched_as_they_look_in_normalised_text():
    vocabulary = Vocabulary({"a": 0}, surface=str.lower)
    vocabulary.add("NEW")
    assert [match.id for match in vocabulary.added.normalized.split("a new")] == [None, 1]


def test_a_special_token_gets_new_flags(vocabulary):
    vocabulary.add_special(AddedToken("b", special=True))
    vocabulary.add_special(AddedToken("b", special=True, lstrip=True))
    assert vocabulary.added.by_id == {1: AddedToken("b", special=True, lstrip=True)}
    assert len(vocabulary) == 3


def test_ids_that_a_file_gives(vocabulary):
    vocabulary.add_with_ids({7: "late", 1: "b"})
    assert (vocabulary.id_of("late"), vocabulary.token_of(7)) == (7, "late")
    assert vocabulary.add("next") == 1
    assert vocabulary.id_of("next") == 8
    with pytest.raises(TokenizerError) as caught:
        vocabulary.add_with_ids({5: "a"})
    assert str(caught.value) == "The added token 'a' has the id 5, but in the vocabulary it has 0."
    with pytest.raises(TokenizerError) as caught:
        vocabulary.add_with_ids({2: "other"})
    assert str(caught.value) == "The added token 'other' has the id 2, which belongs to 'c'."


@pytest.mark.parametrize("id_", [3, -1])
def test_ids_outside(vocabulary, id_):
    with pytest.raises(InputError) as caught:
        vocabulary.token_of(id_)
    assert str(caught.value) == (
        f"The id {id_} is outside the vocabulary of this BertTokenizer, whose 3 tokens have the ids 0 to 2."
    )

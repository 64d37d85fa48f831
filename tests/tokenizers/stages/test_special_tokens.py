"""Which token plays which role."""

import pytest
from small_tokenizers import bert

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.special_tokens import SpecialTokens
from minibert.tokenizers.stages.vocabulary import Vocabulary


def test_roles():
    special = SpecialTokens(Vocabulary({"[CLS]": 0, "a": 1}, owner="Example"))
    special.set_role("cls_token", "[CLS]")
    special.set_role("mask_token", AddedToken("[M]", lstrip=True))
    special.extra = ["[X]"]
    special.add_extra(["[X]", "[Y]"], replace=False)
    assert (special.all(), special.id("mask_token"), special.extra) == (
        ["[CLS]", "[M]", "[X]", "[Y]"],
        2,
        ["[X]", "[Y]"],
    )
    special.set_role("mask_token", None)
    assert special.token("mask_token") is special.id("mask_token") is None
    with pytest.raises(TokenizerError, match="This Example has no sep_token, which is needed here"):
        special.required_id("sep_token")


def special_tokens():
    special = SpecialTokens(Vocabulary({"[CLS]": 0, "[SEP]": 1, "a": 2}, owner="BertTokenizer"))
    special.set_role("cls_token", "[CLS]")
    special.set_role("sep_token", "[SEP]")
    return special


def test_a_role_changes_hands_or_is_emptied():
    special = special_tokens()
    special.set_role("sep_token", "[CLS]")
    assert special.id("sep_token") == special.id("cls_token") == 0
    special.set_role("sep_token", None)
    assert special.token("sep_token") is None
    assert special.all() == ["[CLS]"]


def test_new_flags_for_a_token_with_a_role():
    special = special_tokens()
    special.set_role("cls_token", AddedToken("[CLS]", lstrip=True, special=True))
    assert special.vocabulary.added.tokens["[CLS]"].lstrip
    assert special.id("cls_token") == 0


def test_special_tokens_without_a_role():
    special = special_tokens()
    special.extra = ["[X]", "[Y]"]
    special.add_extra(["[Y]", "[Z]"], replace=False)
    assert special.extra == ["[X]", "[Y]", "[Z]"]
    assert special.all() == ["[SEP]", "[CLS]", "[X]", "[Y]", "[Z]"]
    special.add_extra(["[W]"], replace=True)
    assert special.extra == ["[W]"]
    assert special.vocabulary.id_of("[X]") == 3  # still in the vocabulary


def test_an_empty_role_that_is_needed():
    with pytest.raises(TokenizerError) as caught:
        special_tokens().required_id("mask_token")
    assert str(caught.value) == (
        "This BertTokenizer has no mask_token, which is needed here; "
        "set it with tokenizer.add_special_tokens({'mask_token': ...})."
    )
    with pytest.raises(TokenizerError, match="has no cls_token, which is needed here"):
        bert("a", cls_token=None)("a")

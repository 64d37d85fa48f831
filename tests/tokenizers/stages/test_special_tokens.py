"""Which token plays which role."""

import pytest

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

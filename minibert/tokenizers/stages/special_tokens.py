"""The special tokens of a tokenizer by their role: which token is [CLS], which pads, which masks."""

import dataclasses
from typing import Any

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.vocabulary import Vocabulary

ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class SpecialTokens:
    """Which added token plays which role, and the special tokens without one.

    >>> special = SpecialTokens(Vocabulary({"[CLS]": 0, "a": 1}))
    >>> special.set_role("cls_token", "[CLS]")
    >>> special.token("cls_token"), special.id("cls_token"), special.id("sep_token")
    ('[CLS]', 0, None)
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.roles: dict[str, AddedToken | None] = dict.fromkeys(ROLES)
        self._extra: list[AddedToken] = []

    def set_role(self, role: str, value: Any) -> None:
        """Give a role to a token, which makes it a special one; None leaves the role empty."""
        token = None if value is None else _special(value)
        self.roles[role] = token
        if token is not None:
            self.vocabulary.add_special(token)

    def token(self, role: str) -> str | None:
        """A role's token; None if the role is empty."""
        token = self.roles[role]
        return None if token is None else token.content

    def id(self, role: str) -> int | None:
        """The id of a role's token; None if the role is empty."""
        token = self.roles[role]
        return None if token is None else self.vocabulary.added.ids.get(token.content)

    def required_id(self, role: str) -> int:
        """A role's id, or a TokenizerError that says that the role is empty."""
        id_ = self.id(role)
        if id_ is None:
            raise TokenizerError(
                f"This {self.vocabulary.owner} has no {role}, which is needed here; "
                f"set it with tokenizer.add_special_tokens({{{role!r}: ...}})."
            )
        return id_

    @property
    def extra(self) -> list[str]:
        """Special tokens without a role, in the order they were added."""
        return [token.content for token in self._extra]

    @extra.setter
    def extra(self, values: Any) -> None:
        self._extra = list({str(value): _special(value) for value in values or ()}.values())
        for token in self._extra:
            self.vocabulary.add_special(token)

    def add_extra(self, values: Any, replace: bool) -> None:
        """More special tokens without a role, or with `replace` other ones."""
        kept = [] if replace else list(self._extra)
        self.extra = kept + [token for token in values if str(token) not in map(str, kept)]

    def filled(self) -> dict[str, AddedToken]:
        """role -> token, only the roles that are filled."""
        return {role: token for role, token in self.roles.items() if token}

    def all(self) -> list[str]:
        """Every special token once: those with a role first."""
        return list(dict.fromkeys([*(token.content for token in self.filled().values()), *self.extra]))


def _special(value: Any) -> AddedToken:
    return dataclasses.replace(AddedToken.from_value(value, special=True), special=True)

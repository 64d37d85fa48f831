"""The special tokens of a tokenizer by their role: `tokenizer.cls_token`, `tokenizer.cls_token_id`, ..."""

from typing import Any

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.added_tokens import AddedToken, AddedVocabulary

ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def _role_token(role: str) -> property:
    def read(self: "SpecialTokens") -> str | None:
        token = self._roles[role]
        return None if token is None else token.content

    def write(self: "SpecialTokens", value: Any) -> None:
        self._set_role(role, value)

    return property(read, write, doc=f"The {role.removesuffix('_token')} token, or None.")


def _role_id(role: str) -> property:
    def read(self: "SpecialTokens") -> int | None:
        token = self._roles[role]
        return None if token is None else self.added.ids.get(token.content)

    return property(read, doc=f"The id of the {role.removesuffix('_token')} token, or None.")


class SpecialTokens:
    """Which added token plays which role."""

    bos_token, bos_token_id = _role_token("bos_token"), _role_id("bos_token")
    eos_token, eos_token_id = _role_token("eos_token"), _role_id("eos_token")
    unk_token, unk_token_id = _role_token("unk_token"), _role_id("unk_token")
    sep_token, sep_token_id = _role_token("sep_token"), _role_id("sep_token")
    pad_token, pad_token_id = _role_token("pad_token"), _role_id("pad_token")
    cls_token, cls_token_id = _role_token("cls_token"), _role_id("cls_token")
    mask_token, mask_token_id = _role_token("mask_token"), _role_id("mask_token")
    pad_token_type_id = 0

    added: AddedVocabulary
    _roles: dict[str, AddedToken | None]
    _extra: list[AddedToken]

    def _set_role(self, role: str, value: Any) -> None:
        """Give a role to a token; None leaves the role empty."""
        token = None if value is None else AddedToken.from_value(value, special=True)
        self._roles[role] = token
        if token is not None:
            self._add_special(token)

    def _add_special(self, token: AddedToken) -> None:
        raise NotImplementedError

    @property
    def extra_special_tokens(self) -> list[str]:
        """Special tokens without a role, in the order they were added."""
        return [token.content for token in self._extra]

    @extra_special_tokens.setter
    def extra_special_tokens(self, values: Any) -> None:
        self._extra = [AddedToken.from_value(value, special=True) for value in values or ()]
        for token in self._extra:
            self._add_special(token)

    # transformers 4's name of the same
    additional_special_tokens = extra_special_tokens

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        return [self.added.ids[token] for token in self.extra_special_tokens]

    @property
    def special_tokens_map(self) -> dict[str, Any]:
        """role -> token, only the roles that are filled."""
        filled: dict[str, Any] = {role: token.content for role, token in self._roles.items() if token}
        if self._extra:
            filled["additional_special_tokens"] = self.extra_special_tokens
        return filled

    @property
    def all_special_tokens(self) -> list[str]:
        """Every special token once: those with a role first."""
        tokens = [token.content for token in self._roles.values() if token] + self.extra_special_tokens
        return list(dict.fromkeys(tokens))

    @property
    def all_special_ids(self) -> list[int]:
        return [self.added.ids[token] for token in self.all_special_tokens]

    def required_id(self, role: str) -> int:
        """A role's id, or a TokenizerError that says that the role is empty."""
        id_ = getattr(self, f"{role}_id")
        if id_ is None:
            raise TokenizerError(
                f"This {type(self).__name__} has no {role}, which is needed here; "
                f"set it with tokenizer.add_special_tokens({{{role!r}: ...}})."
            )
        return id_

"""The vocabulary of a tokenizer: tokens and ids, both ways, with the tokens that were added to it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minibert.errors import InputError, TokenizerError
from minibert.messages import quoted
from minibert.tokenizers.stages.added_tokens import AddedToken, AddedVocabulary


class Vocabulary:
    """token <-> id.

    `ids`: token -> id of the model. `tokens`: id -> token, if it is not simply the way back. `surface`: how an added
    token looks in normalised text (`Normalizer.surface`). `owner`: what errors call the tokenizer.

    >>> vocabulary = Vocabulary({"a": 0, "b": 1})
    >>> vocabulary.add(["new", "b"])
    2
    >>> vocabulary.id_of("new"), vocabulary.token_of(1), len(vocabulary)
    (2, 'b', 3)
    """

    def __init__(
        self,
        ids: dict[str, int],
        tokens: dict[int, str] | None = None,
        surface: Callable[[str], str | None] = str,
        owner: str = "tokenizer",
    ) -> None:
        self.ids = ids
        self.tokens = dict(zip(self.ids.values(), self.ids, strict=True)) if tokens is None else tokens
        self.added = AddedVocabulary(surface)
        self.owner = owner

    def __len__(self) -> int:
        """The number of different tokens, added ones included."""
        return len(self.ids) + sum(token not in self.ids for token in self.added.tokens)

    # ------------------------------------------------------------ asking

    def id_of(self, token: str) -> int | None:
        """A token's id; None if there is no such token."""
        id_ = self.added.ids.get(token)
        return self.ids.get(token) if id_ is None else id_

    def token_of(self, id_: int) -> str:
        """An id's token. Raises InputError for an id outside the vocabulary."""
        added = self.added.by_id.get(id_)
        if added is not None:
            return added.content
        found = self.tokens.get(id_)
        if found is None:
            raise InputError(
                f"The id {id_!r} is outside the vocabulary of this {self.owner}, "
                f"whose {len(self)} tokens have the ids 0 to {len(self) - 1}."
            )
        return found

    # ------------------------------------------------------------ adding

    def add(self, new_tokens: Any, special: bool = False) -> int:
        """Add a token or a list of them (str or AddedToken); returns how many were new.

        A token that the vocabulary already has keeps its id, and from now on is found in text whole.
        """
        if isinstance(new_tokens, str | AddedToken) or not isinstance(new_tokens, Iterable):
            new_tokens = [new_tokens]
        fresh: dict[str, tuple[AddedToken, int]] = {}
        next_id = max(len(self.ids), max(self.added.by_id, default=-1) + 1)
        for value in new_tokens:
            token = AddedToken.from_value(value, special=special)
            content = token.content
            if not content or content in self.added.tokens or content in fresh:
                continue
            if content in self.ids:
                fresh[content] = (token, self.ids[content])
            else:
                fresh[content] = (token, next_id)
                next_id += 1
        self.added.add_all(fresh.values())
        return len(fresh)

    def add_special(self, token: AddedToken) -> None:
        """Add a special token, or give the one with this content new flags."""
        known = self.added.tokens.get(token.content)
        if known is None:
            self.add(token, special=True)
        elif known != token:
            self.added.add(token, self.added.ids[token.content])

    def add_with_ids(self, tokens: Mapping[int, Any]) -> None:
        """Add tokens under the ids that a file gives them. Raises TokenizerError where two tokens want one id."""
        pairs = [(AddedToken.from_value(value), id_) for id_, value in sorted(tokens.items())]
        for token, id_ in pairs:
            known = self.id_of(token.content)
            if known is not None and known != id_:
                raise TokenizerError(
                    f"The added token {quoted(token.content)} has the id {quoted(id_)}, but in the vocabulary it has "
                    f"{known}."
                )
            taken = self.tokens.get(id_)
            if taken is not None and taken != token.content:
                raise TokenizerError(
                    f"The added token {quoted(token.content)} has the id {quoted(id_)}, which belongs to "
                    f"{quoted(taken)}."
                )
        self.added.add_all(pairs)

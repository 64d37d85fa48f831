"""Added and special tokens: found in the text before anything else cuts it.

A token such as `[MASK]` must survive normalisation and the model whole. The text is searched for such
tokens first: once as the user wrote it (tokens with `normalized=False`), then, in the parts between,
once more after normalisation (tokens with `normalized=True`, whose content is normalised as well).

Source: `AddedVocabulary` of Hugging Face's tokenizers, whose matches are leftmost-longest.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from minibert.errors import TokenizerError
from minibert.messages import quoted
from minibert.tokenizers.stages.unicode_tables import WHITESPACE, code_points


@dataclass(frozen=True)
class AddedToken:
    """A token that text is searched for, and how it is found.

    Attributes:
        content: the text that it is found by.
        single_word: only where no word character touches it.
        lstrip, rstrip: it swallows the blanks on that side.
        normalized: it is looked for after normalisation.
        special: `skip_special_tokens` leaves it out of decoded text.

    Example:
        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> tokenizer.tokenize("an unbelievable dog")
        ['an', 'un', '##be', '##l', '##ie', '##v', '##able', 'dog']
        >>> tokenizer.add_tokens([AddedToken("unbelievable", single_word=True)])
        1
        >>> tokenizer.tokenize("an unbelievable dog")
        ['an', 'unbelievable', 'dog']
    """

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = True
    special: bool = False

    def __str__(self) -> str:
        return self.content

    def to_dict(self) -> dict[str, Any]:
        """The fields, as the JSON files write them."""
        return asdict(self)

    @classmethod
    def from_value(cls, value: Any, special: bool = False) -> "AddedToken":
        """From a str, an AddedToken, a dict of the JSON files, or any object with the same attributes.

        >>> AddedToken.from_value({"content": "<x>", "lstrip": True, "__type": "AddedToken"}).lstrip
        True
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls(value, normalized=not special, special=special)
        read = value.get if isinstance(value, Mapping) else lambda name, default: getattr(value, name, default)
        content = read("content", None)
        if not isinstance(content, str):
            raise TokenizerError(f"An added token must be a str or have a str 'content', not {quoted(value)}.")
        is_special = bool(read("special", special))
        flags = {name: bool(read(name, False)) for name in ("single_word", "lstrip", "rstrip")}
        return cls(content, **flags, normalized=bool(read("normalized", not is_special)), special=is_special)


def swallowing_blanks(token: Any) -> Any:
    """A mask token given as a str: one that swallows the blank before it, as in every published tokenizer.

    >>> swallowing_blanks("<mask>").lstrip
    True
    """
    return AddedToken(token, lstrip=True, normalized=False, special=True) if isinstance(token, str) else token


class Match(NamedTuple):
    """A part of the text: an added token's id, or None for the text between two of them."""

    id: int | None
    start: int
    end: int


class TokenMatcher:
    """Finds a set of tokens in text, leftmost first and of those the longest.

    >>> matcher = TokenMatcher([(AddedToken("ab"), 1), (AddedToken("abc"), 2)])
    >>> [tuple(match) for match in matcher.split("xabcab")]
    [(None, 0, 1), (2, 1, 4), (1, 4, 6)]
    """

    def __init__(self, tokens: Iterable[tuple[AddedToken, int]]) -> None:
        self.tokens = {token.content: (token, id_) for token, id_ in tokens}
        self.lengths = sorted({len(content) for content in self.tokens}, reverse=True)
        self.first_chars = "".join(sorted({content[0] for content in self.tokens}))
        self._candidates = re.compile(f"[{re.escape(self.first_chars)}]") if self.tokens else None

    def absent(self, text: str) -> bool:
        """True if the text certainly holds none of the tokens: no token's first character stands in it."""
        for char in self.first_chars:  # noqa: SIM110 - asked of every text, and a generator would take twice as long
            if char in text:
                return False
        return True

    def split(self, text: str, skip_special: bool = False) -> Iterator[Match]:
        """The text as parts that follow one another; `skip_special` leaves special tokens as plain text."""
        done = 0  # the text before this is given out
        for start, end, token, id_ in self._find(text):
            if (skip_special and token.special) or (token.single_word and touches_word(text, start, end)):
                continue
            if token.lstrip:
                while start > done and ord(text[start - 1]) in _BLANKS:
                    start -= 1
                start = max(start, done)
            if token.rstrip:
                while end < len(text) and ord(text[end]) in _BLANKS:
                    end += 1
            # where the token before swallowed blanks that this one is made of, the two overlap, as in the reference
            if done < start:
                yield Match(None, done, start)
            yield Match(id_, start, end)
            done = end
        if done < len(text):
            yield Match(None, done, len(text))

    def _find(self, text: str) -> Iterator[tuple[int, int, AddedToken, int]]:
        """Matches that do not overlap, before the tokens' own conditions are looked at."""
        position = 0
        while self._candidates and (candidate := self._candidates.search(text, position)):
            start = candidate.start()
            position = start + 1
            for length in self.lengths:
                found = self.tokens.get(text[start : start + length])
                if found:
                    position = start + len(found[0].content)  # near the end of the text the slice is shorter
                    yield start, position, *found
                    break


_BLANKS = code_points(WHITESPACE)


def touches_word(text: str, start: int, end: int) -> bool:
    """True if a word character stands directly before start or at end.

    >>> touches_word("(tok)", 1, 4), touches_word("toks", 0, 3)
    (False, True)
    """
    return (start > 0 and is_word_char(text[start - 1])) or (end < len(text) and is_word_char(text[end]))


def is_word_char(char: str) -> bool:
    r"""What Unicode's regular expressions call \w: letters, marks, decimal digits, connectors, joiners."""
    global _word_char
    if _word_char is None:
        import regex

        _word_char = regex.compile(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]").match
    return _word_char(char) is not None


_word_char: Any = None  # compiled on first use: single_word tokens are rare


class AddedVocabulary:
    """All added tokens of a tokenizer, their ids, and the two searches for them."""

    def __init__(self, normalize: Callable[[str], str | None]) -> None:
        self._normalize = normalize
        self.tokens: dict[str, AddedToken] = {}
        self.ids: dict[str, int] = {}
        self.by_id: dict[int, AddedToken] = {}
        self._refresh()

    def look_for(self, surface: Callable[[str], str | None]) -> None:
        """From now on tokens look so in normalised text."""
        self._normalize = surface
        self._refresh()

    def add(self, token: AddedToken, id_: int) -> None:
        """Add a token, or give the one with this content new flags."""
        self.tokens[token.content] = token
        self.ids[token.content] = id_
        self.by_id[id_] = token
        self._refresh()

    def add_all(self, pairs: Iterable[tuple[AddedToken, int]]) -> None:
        """Add many; the searches are prepared once."""
        for token, id_ in pairs:
            self.tokens[token.content] = token
            self.ids[token.content] = id_
            self.by_id[id_] = token
        self._refresh()

    def _refresh(self) -> None:
        early: list[tuple[AddedToken, int]] = []
        late: list[tuple[AddedToken, int]] = []
        for content, token in self.tokens.items():
            surface = self._normalize(content) if token.normalized else None
            if surface is None:
                early.append((token, self.ids[content]))
            elif surface:
                late.append((replace(token, content=surface), self.ids[content]))
        self.raw = TokenMatcher(early)
        self.normalized = TokenMatcher(late)

    @property
    def special_ids(self) -> set[int]:
        return {id_ for id_, token in self.by_id.items() if token.special}

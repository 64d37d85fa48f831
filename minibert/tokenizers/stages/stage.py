"""What each stage promises: to do its work, to explain it, and to write itself into a tokenizer.json.

    text -> normalised text -> words -> tokens        Normalizer, PreTokenizer, Model
    tokens -> text                                    Decoder

`pipeline.py` runs a text through the first three.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.records import LatticeNode, Word


class Token(NamedTuple):
    """A piece found in a text: its id, and where it stands in the original text."""

    id: int
    span: Span


class Normalizer(Protocol):
    """Stage 1: a text -> the text that is cut."""

    def normalize(self, text: AlignedText) -> AlignedText:
        """The normalised text. Raises InputError for lone surrogates."""

    def steps(self, text: AlignedText) -> Iterator[tuple[str, AlignedText]]:
        """Each step's name, and the text after it."""

    def surface(self, content: str) -> str | None:
        """How an added token looks in normalised text; None if added tokens are searched in raw text only."""

    def to_json(self) -> dict[str, Any] | None:
        """The section "normalizer" of a tokenizer.json."""


class PreTokenizer(Protocol):
    """Stage 2: normalised text -> its words."""

    def split(self, text: AlignedText) -> list[AlignedText]:
        """The words."""

    def to_json(self) -> dict[str, Any]:
        """The section "pre_tokenizer"."""


class Model(Protocol):
    """Stage 3: words -> tokens."""

    algorithm: str  # its name, for readers
    vocab: dict[str, int]  # token -> id

    def cut(self, words: list[AlignedText]) -> list[list[Token]]:
        """The tokens of each word."""

    def explain(self, words: list[AlignedText], token_of: Callable[[int], str]) -> list[Word]:
        """Each word with the steps that cut it; `token_of` gives an id's token."""

    def lattice(self, words: list[AlignedText]) -> list[LatticeNode]:
        """All pieces that were weighed; empty for models that weigh none."""

    def to_json(self) -> dict[str, Any]:
        """The section "model"."""


class Decoder(Protocol):
    """The way back: tokens -> text."""

    cleans_up: bool  # whether `clean_up_tokenization` may be applied to what it writes

    def join(self, tokens: list[str]) -> str:
        """The tokens as text."""

    def to_json(self) -> dict[str, Any]:
        """The section "decoder"."""

"""Stage 4, post-processing: special tokens and token types around one text or two.

    single   [CLS] A [SEP]               types 0 0 0
    pair     [CLS] A [SEP] B [SEP]       types 0 0 0 1 1

A `Sequence` is what comes in: the tokens of one text. A `Template` lays one or two of them out in a row. An
`Encoding` is the row with everything that is known about its tokens.

Sources: Devlin et al. 2018, arXiv:1810.04805, section 3; `TemplateProcessing` of Hugging Face's tokenizers.
"""

from collections.abc import Callable
from collections.abc import Sequence as Seq
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from minibert.tokenizers.stages.aligned_text import Span


@dataclass(slots=True)
class Sequence:
    """A text's tokens without special tokens around them.

    `offsets` and `words` (for each token, the index of the word it belongs to) are None unless asked for.
    `trimmed`: the offsets leave blanks out already, where the tokenizer wants that (`trimming.py`).
    """

    ids: list[int]
    offsets: list[Span] | None = None
    words: list[int | None] | None = None
    trimmed: bool = False

    def part(self, start: int, end: int) -> "Sequence":
        """Tokens start..end.

        >>> Sequence([5, 6, 7], [(0, 1), (1, 2), (3, 4)]).part(1, 3)
        Sequence(ids=[6, 7], offsets=[(1, 2), (3, 4)], words=None, trimmed=False)
        """
        offsets = None if self.offsets is None else self.offsets[start:end]
        words = None if self.words is None else self.words[start:end]
        return Sequence(self.ids[start:end], offsets, words, self.trimmed)


@dataclass(slots=True)
class Encoding:
    """One row, ready for the model. Lists that were not asked for are empty.

    `sequence_ids` says which of a pair's texts a token is from; None for special tokens and padding.
    """

    ids: list[int] = field(default_factory=list)
    type_ids: list[int] = field(default_factory=list)
    special_tokens_mask: list[int] = field(default_factory=list)
    attention_mask: list[int] = field(default_factory=list)
    offsets: list[Span] = field(default_factory=list)
    word_ids: list[int | None] = field(default_factory=list)
    sequence_ids: list[int | None] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    overflowing: list["Encoding"] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)


class Slot(NamedTuple):
    """One place of a template: a special token's id, or the index (0 or 1) of a sequence."""

    special: int | None
    sequence: int
    type_id: int


def special(id_: int, type_id: int = 0) -> Slot:
    """A place for a special token."""
    return Slot(id_, 0, type_id)


A, B, B_TYPE_0 = Slot(None, 0, 0), Slot(None, 1, 1), Slot(None, 1, 0)  # places for texts


@dataclass(frozen=True, eq=False)
class Template:
    """Where special tokens go around a single text and around a pair.

    >>> template = Template((special(101), A, special(102)), (special(101), A, special(102), B, special(102, 1)))
    >>> row = template.build([Sequence([7, 8]), Sequence([9])])
    >>> row.ids, row.type_ids
    ([101, 7, 8, 102, 9, 102], [0, 0, 0, 0, 1, 1])
    """

    single: tuple[Slot, ...]
    pair: tuple[Slot, ...]

    def slots(self, sequences: Seq[Sequence]) -> tuple[Slot, ...]:
        """The places for one sequence or for two."""
        return self.pair if len(sequences) == 2 else self.single

    def count(self, pair: bool) -> int:
        """How many special tokens are added."""
        return sum(slot.special is not None for slot in (self.pair if pair else self.single))

    # ------------------------------------------------------------ a row, list by list

    def ids(self, sequences: Seq[Sequence]) -> list[int]:
        """The ids of a row."""
        row: list[int] = []
        for special_id, index, _ in self.pair if len(sequences) == 2 else self.single:
            if special_id is None:
                row += sequences[index].ids
            else:
                row.append(special_id)
        return row

    def type_ids(self, sequences: Seq[Sequence]) -> list[int]:
        """The token types of a row."""
        return self._lay_out(sequences, lambda slot: [slot.type_id], lambda slot, part: [slot.type_id] * len(part.ids))

    def special_tokens_mask(self, sequences: Seq[Sequence]) -> list[int]:
        """1 for the special tokens that the template adds, 0 for the tokens of the texts."""
        return self._lay_out(sequences, lambda _: [1], lambda _, part: [0] * len(part.ids))

    def offsets(self, sequences: Seq[Sequence]) -> list[Span]:
        """Where each token stands in its text; (0, 0) for special tokens."""
        return self._lay_out(sequences, lambda _: [(0, 0)], lambda _, part: part.offsets or [])

    def word_ids(self, sequences: Seq[Sequence]) -> list[int | None]:
        """The word of its text that each token belongs to; None for special tokens."""
        return self._lay_out(sequences, lambda _: [None], lambda _, part: part.words or [])

    def sequence_ids(self, sequences: Seq[Sequence]) -> list[int | None]:
        """The text that each token is from, 0 or 1; None for special tokens."""
        return self._lay_out(sequences, lambda _: [None], lambda slot, part: [slot.sequence] * len(part.ids))

    def _lay_out(
        self,
        sequences: Seq[Sequence],
        of_special: Callable[[Slot], list[Any]],
        of_sequence: Callable[[Slot, Sequence], list[Any]],
    ) -> list[Any]:
        row: list[Any] = []
        for slot in self.slots(sequences):
            row += of_special(slot) if slot.special is not None else of_sequence(slot, sequences[slot.sequence])
        return row

    def build(self, sequences: Seq[Sequence]) -> Encoding:
        """A row with ids, token types and masks."""
        ids = self.ids(sequences)
        return Encoding(ids, self.type_ids(sequences), self.special_tokens_mask(sequences), [1] * len(ids))

    # ------------------------------------------------------------ tokenizer.json

    def to_json(self, token_of: Callable[[int], str]) -> dict[str, Any]:
        """The section "post_processor" of a tokenizer.json; `token_of` gives an id's token."""
        named = {token_of(slot.special): slot.special for slot in self.pair if slot.special is not None}
        return {
            "type": "TemplateProcessing",
            "single": [_item(slot, token_of) for slot in self.single],
            "pair": [_item(slot, token_of) for slot in self.pair],
            "special_tokens": {token: {"id": token, "ids": [id_], "tokens": [token]} for token, id_ in named.items()},
        }


def _item(slot: Slot, token_of: Callable[[int], str]) -> dict[str, Any]:
    if slot.special is None:
        return {"Sequence": {"id": "AB"[slot.sequence], "type_id": slot.type_id}}
    return {"SpecialToken": {"id": token_of(slot.special), "type_id": slot.type_id}}


# Without special tokens a pair is a plain concatenation.
BARE = Template((A,), (A, B))
# RoBERTa has one token type.
BARE_ONE_TYPE = Template((A,), (A, B_TYPE_0))


def bert_template(cls: int, sep: int) -> Template:
    """BERT's and RemBERT's: [CLS] A [SEP], and [CLS] A [SEP] B [SEP] with type 1 from B on.

    >>> bert_template(101, 102).build([Sequence([7])]).ids
    [101, 7, 102]
    """
    first = (special(cls), A, special(sep))
    return Template(first, (*first, B, special(sep, 1)))


def roberta_template(cls: int, sep: int) -> Template:
    """RoBERTa's: <s> A </s>, and <s> A </s></s> B </s>, all of type 0.

    >>> roberta_template(0, 2).build([Sequence([7]), Sequence([8])]).ids
    [0, 7, 2, 2, 8, 2]
    """
    first = (special(cls), A, special(sep))
    return Template(first, (*first, special(sep), B_TYPE_0, special(sep)))

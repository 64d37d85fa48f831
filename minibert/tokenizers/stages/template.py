"""One encoded text or pair: `Sequence` before special tokens are added, `Encoding` after.

Stage 4, post-processing, is `Template.build`: it lays sequences and special tokens out in a row.
"""

from collections.abc import Sequence as Seq
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from minibert.tokenizers.stages.aligned_text import Span


@dataclass(slots=True)
class Sequence:
    """A text's tokens without special tokens around them.

    `offsets` and `words` (for each token, the index of the word it belongs to) are None unless asked for;
    `finished` offsets need no last word (`_finish_offsets`) any more.
    """

    ids: list[int]
    offsets: list[Span] | None = None
    words: list[int | None] | None = None
    finished: bool = False

    def part(self, start: int, end: int) -> "Sequence":
        """Tokens start..end."""
        offsets = None if self.offsets is None else self.offsets[start:end]
        words = None if self.words is None else self.words[start:end]
        return Sequence(self.ids[start:end], offsets, words, self.finished)


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
    sequence: int | None
    type_id: int


@dataclass(frozen=True)
class Template:
    """Where special tokens go around a single text and around a pair.

    >>> cls, a, sep, b = Slot(101, None, 0), Slot(None, 0, 0), Slot(102, None, 0), Slot(None, 1, 1)
    >>> template = Template((cls, a, sep), (cls, a, sep, b, Slot(102, None, 1)))
    >>> row = template.build([Sequence([7, 8]), Sequence([9])])
    >>> row.ids, row.type_ids
    ([101, 7, 8, 102, 9, 102], [0, 0, 0, 0, 1, 1])
    """

    single: tuple[Slot, ...]
    pair: tuple[Slot, ...]

    def count(self, pair: bool) -> int:
        """How many special tokens are added."""
        return sum(slot.special is not None for slot in (self.pair if pair else self.single))

    @cached_property
    def around_single(self) -> tuple[list[int], list[int], bool]:
        """The ids before and after a single text; False if its types are not all 0 or it stands there twice."""
        places = [i for i, slot in enumerate(self.single) if slot.special is None]
        at = places[0] if places else 0
        before, after = self.single[:at], self.single[at + 1 :]
        plain = len(places) == 1 and not any(slot.type_id for slot in self.single)
        return [slot.special or 0 for slot in before], [slot.special or 0 for slot in after], plain

    def build(self, sequences: Seq[Sequence], details: bool = False) -> Encoding:
        """Lay out one or two sequences; `details` fills offsets, word ids and sequence ids too."""
        row = Encoding()
        for special, index, type_id in self.pair if len(sequences) == 2 else self.single:
            if special is not None:
                part, size, is_special = Sequence([special], [(0, 0)], [None]), 1, 1
            else:
                part = sequences[index or 0]
                size, is_special = len(part.ids), 0
            row.ids += part.ids
            row.type_ids += [type_id] * size
            row.special_tokens_mask += [is_special] * size
            if details:
                row.offsets += part.offsets or ()
                row.word_ids += part.words or ()
                row.sequence_ids += [index] * size
        row.attention_mask = [1] * len(row.ids)
        return row


# Without special tokens a pair is a plain concatenation.
BARE = Template((Slot(None, 0, 0),), (Slot(None, 0, 0), Slot(None, 1, 1)))
# RoBERTa has one token type.
BARE_ONE_TYPE = Template((Slot(None, 0, 0),), (Slot(None, 0, 0), Slot(None, 1, 0)))

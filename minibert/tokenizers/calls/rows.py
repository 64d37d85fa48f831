"""From sequences of tokens to the rows of a batch: truncated, with special tokens around, padded.

    sequences -> parts that fit (truncation) -> columns of lists (template) -> rows of one length (padding)

A row is the sequences, one or two, that a template lays out. A column is one list a row: all `input_ids`, all
`attention_mask`, and so on.
"""

from collections.abc import Callable, Iterable
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from minibert.errors import InputError
from minibert.tokenizers.calls.options import CallOptions
from minibert.tokenizers.calls.padding import PadValues, pad_columns, padded_length
from minibert.tokenizers.calls.truncation import first_window, kept_lengths, window_pairs, windows
from minibert.tokenizers.stages.template import Encoding, Sequence, Slot, Template

Row = Seq[Sequence]
# What an `Encoding` holds, in the order of its fields.
DETAILS = (
    "input_ids", "token_type_ids", "special_tokens_mask", "attention_mask", "offset_mapping", "word_ids",
    "sequence_ids",
)  # fmt: skip



class Column(NamedTuple):
    """One list of a row: how a template lays it out; what it holds for a special token, and for a text of type 0."""

    lay_out: Callable[[Template, Row], list[Any]]
    special: Callable[[Slot], Any]
    text: Callable[[Sequence], list[Any]]


class Around(NamedTuple):
    """A column in a row of one text: what stands before the text, what the text gives, what stands after it."""

    name: str
    before: list[Any]
    text: Callable[[Sequence], list[Any]]
    after: list[Any]


class Plan(NamedTuple):
    """How a template makes the columns of these names. `single`: for rows of one text, if that is so simple."""

    columns: dict[str, Column]
    single: list[Around] | None
    types_are_0: bool  # of rows of one text


_COLUMNS = {
    "input_ids": Column(Template.ids, attrgetter("special"), attrgetter("ids")),
    "token_type_ids": Column(Template.type_ids, attrgetter("type_id"), lambda part: [0] * len(part.ids)),
    "special_tokens_mask": Column(Template.special_tokens_mask, lambda _: 1, lambda part: [0] * len(part.ids)),
    "offset_mapping": Column(Template.offsets, lambda _: (0, 0), attrgetter("offsets")),
    "word_ids": Column(Template.word_ids, lambda _: None, attrgetter("words")),
    "sequence_ids": Column(Template.sequence_ids, lambda _: None, lambda part: [0] * len(part.ids)),
}


@lru_cache(maxsize=256)
def plan_of(template: Template, names: tuple[str, ...]) -> Plan:
    """What is to be done for each row, found once for a template and the names that a call wants."""
    types_are_0 = not any(slot.type_id for slot in template.single)
    columns = {name: _COLUMNS[name] for name in ("input_ids", *names) if name in _COLUMNS}
    if types_are_0:
        columns.pop("token_type_ids", None)
    places = [i for i, slot in enumerate(template.single) if slot.special is None]
    if not types_are_0 or len(places) != 1:
        return Plan(columns, None, types_are_0)
    before, after = template.single[: places[0]], template.single[places[0] + 1 :]
    single = [
        Around(name, list(map(column.special, before)), column.text, list(map(column.special, after)))
        for name, column in columns.items()
    ]
    return Plan(columns, single, types_are_0)


class Batch(NamedTuple):
    """Rows as they come, and for each the index of its text, known once it has come: overflow gives several."""

    rows: Iterable[Row]
    samples: list[int]


@dataclass(slots=True)
class RowBuilder:
    """How the rows of one call are made.

    `google`: a pair is truncated as google-research/bert does it. `pad`: gives what stands at padded places; it is
    asked only if there is padding to do.
    """

    template: Template
    options: CallOptions
    pad: Callable[[], PadValues]
    overflow: bool = False
    google: bool = False

    # ------------------------------------------------------------ truncation

    def truncate(self, sequences: Row) -> list[Row]:
        """The parts of one or two sequences that make the first row, then those of the rows that overflow."""
        options = self.options
        if not options.truncates:
            return [sequences]
        sizes = [len(sequence.ids) for sequence in sequences]
        budget = (options.max_length or 0) - self.template.count(len(sequences) == 2)
        if budget < 0 or sum(sizes) <= budget:  # a budget below zero: the reference does not truncate at all
            return [sequences]
        second = sizes[1] if len(sizes) == 2 else None
        kept = kept_lengths(sizes[0], second, budget, options.truncation, self.google)
        widths = [width for width in kept if width is not None]
        if not self.overflow:
            return [self._first_windows(sequences, sizes, widths)]
        return self._all_windows(sequences, sizes, widths)

    def _first_windows(self, sequences: Row, sizes: list[int], widths: list[int]) -> Row:
        stride, side = self.options.stride, self.options.truncation_side
        return [
            sequence.part(*first_window(size, width, stride, side))
            for sequence, size, width in zip(sequences, sizes, widths, strict=True)
        ]

    def _all_windows(self, sequences: Row, sizes: list[int], widths: list[int]) -> list[Row]:
        stride, side = self.options.stride, self.options.truncation_side
        spans = [windows(size, width, stride, side) for size, width in zip(sizes, widths, strict=True)]
        # rows share their parts, so that what is done to a part is done once
        parts = [{span: sequence.part(*span) for span in own} for sequence, own in zip(sequences, spans, strict=True)]
        pairs = window_pairs(spans[0], spans[1] if len(spans) == 2 else None)
        return [[parts[0][first]] if other is None else [parts[0][first], parts[1][other]] for first, other in pairs]

    def check_stride(self, added: int) -> None:
        """Refuse a stride that leaves no room beside the `added` special tokens of a single text.

        They count whether or not they are asked for, as in the reference. `first_window` looks again where one is cut.
        """
        options = self.options
        if not options.truncates or not options.stride or not options.max_length:
            return
        budget = options.max_length - added
        if options.stride > budget >= 0:
            raise InputError(
                f"tokenizer stride set to {options.stride}, which is greater than its effective max length of "
                f"{budget} (= {options.max_length} original max length - {added} added special tokens)."
            )

    # ------------------------------------------------------------ columns

    def columns(self, batch: Batch, names: tuple[str, ...]) -> dict[str, list[Any]]:
        """The lists of these names, padded; `length` is how long a row became.

        Rows of one text, nearly all, are not kept: what stands around the text is the same in each.
        """
        template = self.template
        plan = plan_of(template, names)
        found: dict[str, list[Any]] = {name: [] for name in plan.columns}
        single = [(found[name].append, before, text, after) for name, before, text, after in plan.single or ()]
        others: list[tuple[int, Row]] = []
        for row in batch.rows:
            if len(row) == 1 and single:
                for append, before, text, after in single:
                    append([*before, *text(row[0]), *after])
            else:
                others.append((len(found["input_ids"]), row))
                for name, column in plan.columns.items():
                    found[name].append(column.lay_out(template, row))
        if plan.types_are_0 and "token_type_ids" in names:
            found["token_type_ids"] = [[0] * len(ids) for ids in found["input_ids"]]
            for i, row in others:
                found["token_type_ids"][i] = template.type_ids(row)
        if "attention_mask" in names:
            found["attention_mask"] = [[1] * len(ids) for ids in found["input_ids"]]
        if self.options.pads:
            self._pad(found, batch.samples)
        found["length"] = [len(row) for row in found["input_ids"]]
        return found

    def _pad(self, columns: dict[str, list[Any]], samples: list[int]) -> None:
        """Pad to the longest of the first rows of each text: what overflows is no longer than those.

        The exception is a text that was cut to nothing, whose overflow is the whole of it, unpadded.
        """
        options = self.options
        first = [len(row) for i, row in enumerate(columns["input_ids"]) if i == 0 or samples[i] != samples[i - 1]]
        fixed = options.max_length if options.padding == "max_length" else None
        length = padded_length(max(first, default=0), fixed, options.pad_to_multiple_of)
        pad_columns(columns, length, self.pad(), options.padding_side)

    def encodings(self, batch: Batch, token_of: Callable[[int], str]) -> list[Encoding]:
        """Every row with every detail."""
        columns = self.columns(batch, DETAILS)
        columns["tokens"] = [list(map(token_of, ids)) for ids in columns["input_ids"]]
        return [Encoding(*row) for row in zip(*(columns[name] for name in (*DETAILS, "tokens")), strict=True)]

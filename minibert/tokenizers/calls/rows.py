"""From sequences of tokens to the rows of a batch: truncated, with special tokens around, padded.

    sequences -> parts that fit (truncation) -> columns of lists (template) -> rows of one length (padding)

A row is the sequences, one or two, that a template lays out. A column is one list a row: all `input_ids`, all
`attention_mask`, and so on.
"""

from collections.abc import Callable
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Any, NamedTuple

from minibert.errors import InputError
from minibert.tokenizers.calls.options import CallOptions
from minibert.tokenizers.calls.padding import PadValues, pad_columns, padded_length
from minibert.tokenizers.calls.truncation import first_window, kept_lengths, window_pairs, windows
from minibert.tokenizers.stages.template import Encoding, Sequence, Template

Row = Seq[Sequence]
# What an `Encoding` holds, in the order of its fields.
DETAILS = (
    "input_ids", "token_type_ids", "special_tokens_mask", "attention_mask", "offset_mapping", "word_ids",
    "sequence_ids",
)  # fmt: skip

_COLUMNS: dict[str, Callable[[Template, Row], list[Any]]] = {
    "token_type_ids": Template.type_ids,
    "special_tokens_mask": Template.special_tokens_mask,
    "offset_mapping": Template.offsets,
    "word_ids": Template.word_ids,
    "sequence_ids": Template.sequence_ids,
}


class Rows(NamedTuple):
    """The rows of a batch, and for each the index of its text: a text that overflows gives several."""

    rows: list[Row]
    samples: list[int]


@dataclass(frozen=True)
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

    def columns(self, batch: Rows, names: Seq[str]) -> dict[str, list[Any]]:
        """The lists of these names, padded; `length` is how long a row became."""
        template, rows = self.template, batch.rows
        ids = [template.ids(row) for row in rows]
        sizes = list(map(len, ids))
        found: dict[str, list[Any]] = {"input_ids": ids}
        for name in names:
            if name == "attention_mask":
                found[name] = [[1] * size for size in sizes]
            elif name == "token_type_ids" and template.single_has_type_0:
                found[name] = [
                    [0] * size if len(row) == 1 else template.type_ids(row)
                    for row, size in zip(rows, sizes, strict=True)
                ]
            elif name in _COLUMNS:
                column = _COLUMNS[name]
                found[name] = [column(template, row) for row in rows]
        if self.options.pads:
            self._pad(found, batch.samples)
        found["length"] = list(map(len, found["input_ids"]))
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

    def encodings(self, batch: Rows, token_of: Callable[[int], str]) -> list[Encoding]:
        """Every row with every detail."""
        columns = self.columns(batch, DETAILS)
        columns["tokens"] = [list(map(token_of, ids)) for ids in columns["input_ids"]]
        return [Encoding(*row) for row in zip(*(columns[name] for name in (*DETAILS, "tokens")), strict=True)]

"""The call of a tokenizer: texts are encoded, made into rows, and returned.

The argument names and their meaning are transformers'. Where today's compiled tokenizers and the older
Python ones differ (which token truncation removes, what overflow looks like), the table in
`profiles.py` says what is done here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minibert.errors import InputError
from minibert.tokenizers.calls.batch_encoding import BatchEncoding, convert_offsets
from minibert.tokenizers.calls.rows import Row, RowBuilder, Rows
from minibert.tokenizers.calls.texts import Text
from minibert.tokenizers.fast.road import Road
from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.normalizers import check_no_surrogates
from minibert.tokenizers.stages.template import Encoding, Sequence
from minibert.tokenizers.stages.vocabulary import Vocabulary

OFFSET_UNITS = ("codepoint", "utf-8", "utf-16")


@dataclass(frozen=True)
class Call:
    """What one call of a tokenizer does with its texts.

    `names`: what is returned, in this order. `warn`, if there is one, is told the length of the longest row.
    """

    road: Road
    vocabulary: Vocabulary
    builder: RowBuilder
    names: list[str]
    split_special: bool
    offsets_unit: str
    warn: Callable[[int], None] | None = None

    def run(self, texts: list[Text], batched: bool, tensors: str | None) -> BatchEncoding:
        """The result for these texts; `batched`: they came as a batch."""
        in_code_points = self.offsets_unit == "codepoint" or "offset_mapping" not in self.names
        extra = () if in_code_points else ("word_ids", "sequence_ids")
        batch = self._rows(texts, "offset_mapping" in self.names, with_words=not in_code_points)
        columns = self.builder.columns(batch, (*self.names, *extra))
        if self.warn is not None:
            self.warn(max(columns["length"], default=0))
        if not in_code_points:
            columns["offset_mapping"] = self._in_unit(columns, [texts[sample] for sample in batch.samples])
        if self.builder.overflow:
            columns["overflow_to_sample_mapping"] = batch.samples
        batched = batched or self.builder.overflow
        result = {name: columns[name] if batched or name == "length" else columns[name][0] for name in self.names}

        def details() -> list[Encoding]:
            full = self._rows(texts, located=True, with_words=True)
            return self.builder.encodings(full, self.vocabulary.token_of)

        return BatchEncoding(result, details, tensors, batched)

    def _rows(self, texts: list[Text], located: bool, with_words: bool) -> Rows:
        """The rows of all texts; `located`: with the spans of their tokens."""
        rows: list[Row] = []
        samples: list[int] = []
        for i, text in enumerate(texts):
            sequences = [self._sequence(part, located, with_words) for part in text if part is not None]
            own = self.builder.truncate(sequences)
            if located:
                self._trim(own, text)
            rows += own
            samples += [i] * len(own)
        return Rows(rows, samples)

    def _sequence(self, text: str | list[str], located: bool, with_words: bool) -> Sequence:
        """The tokens of a text, or of a text that came as words."""
        road, split_special = self.road, self.split_special
        try:
            if isinstance(text, str):
                if located:
                    return road.tokens(text, split_special, with_words=with_words)
                return Sequence(road.ids(text, split_special))
            if located:
                return road.tokens_of_words(text, split_special)
            return Sequence(road.ids_of_words(text, split_special))
        except InputError:
            for word in [text] if isinstance(text, str) else text:
                check_no_surrogates(word)  # names the place in the whole text, not in the part that was read
            raise

    def _trim(self, rows: list[Row], text: Text) -> None:
        """The last word on the offsets. Rows that overflow may share a part, which is trimmed once."""
        trim, seen = self.road.stages.post_processor.trim, set()
        for row in rows:
            for sequence, source in zip(row, text, strict=False):
                if id(sequence) not in seen:
                    trim(sequence, source or "", self.vocabulary)
                    seen.add(id(sequence))

    def _in_unit(self, columns: dict[str, list[Any]], texts: list[Text]) -> list[list[Span]]:
        """The offsets of all rows in another unit."""
        rows = zip(columns["offset_mapping"], columns["sequence_ids"], columns["word_ids"], texts, strict=True)
        return [_in_unit(*row, self.offsets_unit) for row in rows]


def _in_unit(
    offsets: list[Span], sequence_ids: list[int | None], word_ids: list[int | None], text: Text, unit: str
) -> list[Span]:
    """A row's offsets in another unit: each is relative to its text, or to its word if the text came as words."""
    converted: list[Span] = []
    for span, sequence, word in zip(offsets, sequence_ids, word_ids, strict=True):
        if sequence is None:
            converted.append(span)
            continue
        source = text[sequence] or ""
        converted += convert_offsets(source if isinstance(source, str) else source[word or 0], [span], unit)
    return converted

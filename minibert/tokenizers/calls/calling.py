"""The call of a tokenizer: texts are encoded, made into rows, and returned.

The argument names and their meaning are transformers'. Where today's compiled tokenizers and the older
Python ones differ (which token truncation removes, what overflow looks like), the table in
`profiles.py` says what is done here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from minibert.errors import InputError
from minibert.tokenizers.calls.batch_encoding import BatchEncoding, convert_offsets
from minibert.tokenizers.calls.rows import Batch, Row, RowBuilder
from minibert.tokenizers.calls.texts import Text
from minibert.tokenizers.fast.road import Road
from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.normalizers import check_no_surrogates
from minibert.tokenizers.stages.template import Encoding, Sequence
from minibert.tokenizers.stages.vocabulary import Vocabulary

OFFSET_UNITS = ("codepoint", "utf-8", "utf-16")


@dataclass(slots=True)
class Call:
    """What one call of a tokenizer does with its texts.

    `names`: what is returned, in this order. `warn`, if there is one, is told the length of the longest row.
    """

    road: Road
    vocabulary: Vocabulary
    builder: RowBuilder
    names: tuple[str, ...]
    split_special: bool
    offsets_unit: str
    warn: Callable[[int], None] | None = None

    def run(self, texts: list[Text], batched: bool, tensors: str | None) -> BatchEncoding:
        """The result for these texts; `batched`: they came as a batch."""
        in_code_points = self.offsets_unit == "codepoint" or "offset_mapping" not in self.names
        names = self.names if in_code_points else (*self.names, "word_ids", "sequence_ids")
        batch = self._batch(texts, "offset_mapping" in self.names, with_words=not in_code_points)
        columns = self.builder.columns(batch, names)
        if self.warn is not None:
            self.warn(max(columns["length"], default=0))
        if not in_code_points:
            columns["offset_mapping"] = self._in_unit(columns, [texts[sample] for sample in batch.samples])
        if self.builder.overflow:
            columns["overflow_to_sample_mapping"] = batch.samples
        batched = batched or self.builder.overflow
        result = {name: columns[name] if batched or name == "length" else columns[name][0] for name in self.names}

        def details() -> list[Encoding]:
            full = self._batch(texts, located=True, with_words=True)
            return self.builder.encodings(full, self.vocabulary.token_of)

        return BatchEncoding(result, details, tensors, batched)

    def _batch(self, texts: list[Text], located: bool, with_words: bool) -> Batch:
        """The rows of all texts, encoded as they are asked for; `located`: with the spans of their tokens."""
        samples: list[int] = []
        return Batch(self._rows(texts, located, with_words, samples), samples)

    def _rows(self, texts: list[Text], located: bool, with_words: bool, samples: list[int]) -> Iterator[Row]:
        encode = self._encode_located(with_words) if located else self._encode
        truncates = self.builder.options.truncates
        trims = located and self.road.stages.post_processor.trim_offsets
        for i, (text, pair) in enumerate(texts):
            try:
                row = [encode(text)] if pair is None else [encode(text), encode(pair)]
            except InputError:
                _check_no_surrogates(text, pair)  # names the place in the whole text, not in the part that was read
                raise
            for part in self.builder.truncate(row) if truncates else (row,):
                samples.append(i)
                if trims:
                    self._trim(part, (text, pair))
                yield part

    def _encode(self, text: str | list[str]) -> Sequence:
        """The tokens of a text, or of a text that came as words."""
        if isinstance(text, str):
            return Sequence(self.road.ids(text, self.split_special))
        return Sequence(self.road.ids_of_words(text, self.split_special))

    def _encode_located(self, with_words: bool) -> Callable[[str | list[str]], Sequence]:
        """The same with spans and, if asked for, words."""
        road, split_special = self.road, self.split_special

        def encode(text: str | list[str]) -> Sequence:
            if isinstance(text, str):
                return road.tokens(text, split_special, False, with_words)
            return road.tokens_of_words(text, split_special)

        return encode

    def _trim(self, row: Row, text: Text) -> None:
        """The last word on the offsets. Rows that overflow may share a part, which is trimmed once."""
        for sequence, source in zip(row, text, strict=False):
            if not sequence.trimmed:
                self.road.stages.post_processor.trim(sequence, source or "", self.vocabulary)

    def _in_unit(self, columns: dict[str, list[Any]], texts: list[Text]) -> list[list[Span]]:
        """The offsets of all rows in another unit."""
        rows = zip(columns["offset_mapping"], columns["sequence_ids"], columns["word_ids"], texts, strict=True)
        return [_in_unit(*row, self.offsets_unit) for row in rows]


def _check_no_surrogates(*texts: str | list[str] | None) -> None:
    for text in texts:
        for word in [text] if isinstance(text, str) else text or ():
            check_no_surrogates(word)


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

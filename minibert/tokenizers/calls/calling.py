"""The call of a tokenizer: arguments checked, texts encoded, truncated, wrapped, padded, returned.

The argument names and their meaning are transformers'. Where today's compiled tokenizers and the older
Python ones differ (which token truncation removes, what overflow looks like), the table in
`profiles.py` says what is done here.
"""

import warnings
from collections.abc import Sequence as Seq
from typing import Any

from minibert.errors import InputError
from minibert.tokenizers.base import TokenizerBase
from minibert.tokenizers.calls.batch_encoding import BatchEncoding, convert_offsets
from minibert.tokenizers.calls.options import CallOptions, quick_options
from minibert.tokenizers.calls.padding import PadValues, pad_encodings, pad_list, padded_length
from minibert.tokenizers.calls.texts import Text, read_texts
from minibert.tokenizers.calls.truncation import kept_lengths, window_pairs, windows
from minibert.tokenizers.fast.collector import collector_paused
from minibert.tokenizers.stages.aligned_text import Span
from minibert.tokenizers.stages.normalizers import check_no_surrogates
from minibert.tokenizers.stages.template import Encoding, Sequence, Template

OFFSET_UNITS = ("codepoint", "utf-8", "utf-16")


class CallableTokenizer(TokenizerBase):
    """`tokenizer(text, ...)` and its relatives."""

    _warned_of_length = False

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        text_target: Any = None,
        text_pair_target: Any = None,
        add_special_tokens: bool = True,
        padding: Any = False,
        truncation: Any = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        truncation_side: str | None = None,
        split_special_tokens: bool | None = None,
        offsets_unit: str = "codepoint",
    ) -> BatchEncoding:
        """Texts to everything a model takes.

        `text`, `text_pair`: a str, a list of str, or with `is_split_into_words` a list (of lists) of words.
        `text_target`: encoded likewise; its ids become `labels`.
        `padding`: True or "longest", "max_length", False. `truncation`: True or "longest_first",
        "only_first", "only_second", False. `max_length`: None means the model's.
        `stride`, `return_overflowing_tokens`: what is cut off comes as further rows that overlap by `stride`,
        and `overflow_to_sample_mapping` tells whose they are.
        `return_tensors`: None for lists, "np", "cp". `offsets_unit`: "codepoint", "utf-8", "utf-16".
        Raises InputError (a ValueError) when an argument does not fit.
        """
        options = quick_options(
            padding=padding, truncation=truncation, max_length=max_length, stride=stride,
            pad_to_multiple_of=pad_to_multiple_of, padding_side=padding_side or self.padding_side,
            truncation_side=truncation_side or self.truncation_side, model_max_length=self.model_max_length,
            add_special_tokens=add_special_tokens,
        )  # fmt: skip
        if offsets_unit not in OFFSET_UNITS:
            raise InputError(f"offsets_unit must be one of {list(OFFSET_UNITS)}, not {offsets_unit!r}.")
        split_special = self.split_special_tokens if split_special_tokens is None else split_special_tokens
        if text is None and text_target is None:
            raise InputError("You need to specify either `text` or `text_target`.")
        wanted = self._wanted(return_token_type_ids, return_attention_mask)
        if return_special_tokens_mask:
            wanted.append("special_tokens_mask")
        if return_offsets_mapping:
            wanted.append("offset_mapping")
        if return_length:
            wanted.append("length")
        if return_overflowing_tokens:
            wanted.append("overflow_to_sample_mapping")

        def run(text: Any, text_pair: Any) -> BatchEncoding:
            texts, batched = read_texts(text, text_pair, is_split_into_words)
            with collector_paused:
                return self._encode_batch(
                    texts, batched, options, wanted, return_tensors, split_special, offsets_unit, verbose
                )

        if text_target is None:
            return run(text, text_pair)
        target = run(text_target, text_pair_target)
        if text is None:
            return target
        result = run(text, text_pair)
        result["labels"] = target["input_ids"]
        return result

    def _wanted(self, type_ids: bool | None, attention: bool | None) -> list[str]:
        """The names to return, in the order of transformers' results."""
        names = ["input_ids"]
        if type_ids or (type_ids is None and "token_type_ids" in self.model_input_names):
            names.append("token_type_ids")
        if attention or (attention is None and "attention_mask" in self.model_input_names):
            names.append("attention_mask")
        return names

    # ------------------------------------------------------------ the batch

    def _encode_batch(
        self, texts: list[Text], batched: bool, options: CallOptions, wanted: list[str], tensors: str | None,
        split_special: bool, offsets_unit: str, verbose: bool,
    ) -> BatchEncoding:  # fmt: skip
        template = self._template_for(options.add_special_tokens)
        self._check_stride(options)
        overflow = "overflow_to_sample_mapping" in wanted

        def encode(details: bool) -> tuple[list[Encoding], list[int]]:
            rows: list[Encoding] = []
            samples: list[int] = []
            for i, text in enumerate(texts):
                encoded = self._rows(text, template, options, details, overflow, split_special)
                rows += encoded
                samples += [i] * len(encoded)
            if options.pads:
                first = [row for i, row in enumerate(rows) if i == 0 or samples[i] != samples[i - 1]]
                self._pad_rows(rows, first, options)
            return rows, samples

        samples: list[int] = []
        other_unit = "offset_mapping" in wanted and offsets_unit != "codepoint"
        quick = None if overflow or other_unit else self._single_rows(texts, template, options, wanted, split_special)
        if quick is not None:
            columns = {name: quick[name] for name in wanted}
            sizes = quick["length"]
        else:
            rows, samples = encode("offset_mapping" in wanted)
            columns = {name: column(rows, name) for name in wanted if name != "overflow_to_sample_mapping"}
            sizes = [len(row.ids) for row in rows]
        self._warn_of_length(sizes, options, verbose)
        if other_unit:
            columns["offset_mapping"] = [
                _in_unit(row, texts[sample], offsets_unit) for row, sample in zip(rows, samples, strict=True)
            ]
        if overflow:
            columns["overflow_to_sample_mapping"] = samples
        batched = batched or overflow
        if not batched:
            columns = {name: values if name == "length" else values[0] for name, values in columns.items()}

        def details() -> list[Encoding]:
            full = encode(True)[0]
            for row in full:
                row.tokens = [self._id_token(id_) for id_ in row.ids]
            return full

        return BatchEncoding(columns, details, tensors, batched)

    def _single_rows(
        self, texts: list[Text], template: Template, options: CallOptions, wanted: list[str], split_special: bool
    ) -> dict[str, Any] | None:
        """The columns for single texts: lists alone, no `Encoding`.

        None when the general way must be taken: pairs, words, or a strategy that may have to refuse.
        """
        lead, tail, plain = template.around_single
        if not plain or options.truncation == "only_second":
            return None
        limit = options.max_length - len(lead) - len(tail) if options.truncates and options.max_length else -1
        if options.truncates and (options.stride or options.truncation == "only_first"):
            return None
        if any(pair is not None or not isinstance(text, str) for text, pair in texts):
            return None
        located = "offset_mapping" in wanted
        no_span = [(0, 0)]
        rows: list[list[int]] = []
        offsets: list[list[Span]] = []
        for text, _ in texts:
            try:
                sequence = self._sequence(text, located, split_special, only_spans=True)  # type: ignore[arg-type]
            except InputError:
                check_no_surrogates(text)  # type: ignore[arg-type]  # the place in the whole text, not in a part
                raise
            size = len(sequence.ids)
            if 0 <= limit < size:
                sequence = sequence.part(*((0, limit) if options.truncation_side == "right" else (size - limit, size)))
            rows.append([*lead, *sequence.ids, *tail])
            if located:
                self._finish_offsets(sequence, text)
                offsets.append([*no_span * len(lead), *(sequence.offsets or ()), *no_span * len(tail)])
        sizes = [len(row) for row in rows]
        columns: dict[str, Any] = {"input_ids": rows, "length": sizes}
        if "token_type_ids" in wanted:
            columns["token_type_ids"] = [[0] * size for size in sizes]
        if "attention_mask" in wanted:
            columns["attention_mask"] = [[1] * size for size in sizes]
        if "special_tokens_mask" in wanted:
            added = len(lead) + len(tail)
            columns["special_tokens_mask"] = [
                [1] * len(lead) + [0] * (size - added) + [1] * len(tail) for size in sizes
            ]
        if located:
            columns["offset_mapping"] = offsets
        if options.pads:
            self._pad_columns(columns, options)
            columns["length"] = [len(row) for row in columns["input_ids"]]
        return columns

    def _pad_columns(self, data: dict[str, Any], options: CallOptions) -> None:
        """Pad lists of rows by name, those that have a filler."""
        pad = self._pad_values()
        fillers = {
            "input_ids": pad.id, "token_type_ids": pad.type_id, "attention_mask": 0, "special_tokens_mask": 1,
            "offset_mapping": (0, 0),
        }  # fmt: skip
        fixed = options.max_length if options.padding == "max_length" else None
        longest = max(map(len, data["input_ids"]), default=0)
        length = padded_length(longest, fixed, options.pad_to_multiple_of)
        for name, filler in fillers.items():
            if name in data:
                data[name] = [pad_list(row, length, filler, options.padding_side) for row in data[name]]

    def _template_for(self, add_special_tokens: bool) -> Template:
        return self._template() if add_special_tokens else self.bare_template

    def _rows(
        self, text: Text, template: Template, options: CallOptions, details: bool, overflow: bool,
        split_special: bool,
    ) -> list[Encoding]:  # fmt: skip
        """One text or pair as its row and, if asked, the rows that overflow."""
        sequences = []
        for part in text:
            if part is None:
                continue
            try:
                if isinstance(part, str):
                    sequences.append(self._sequence(part, details, split_special))
                else:
                    sequences.append(self._split_sequence(part, details, split_special))
            except InputError:
                for word in [part] if isinstance(part, str) else part:
                    check_no_surrogates(word)  # names the place in the whole text, not in the part that was read
                raise
        rows = self._truncate(sequences, template, options, overflow)
        if details:
            finished = set()  # overflowing rows may share a part
            for row in rows:
                for sequence, source in zip(row, text, strict=False):
                    if id(sequence) not in finished:
                        self._finish_offsets(sequence, source or "")
                        finished.add(id(sequence))
        return [template.build(row, details) for row in rows]

    def _truncate(
        self, sequences: Seq[Sequence], template: Template, options: CallOptions, overflow: bool
    ) -> list[Seq[Sequence]]:
        """The parts of the sequences that make the first row, then (with `overflow`) those of the others."""
        if not options.truncates:
            return [sequences]
        sizes = [len(sequence.ids) for sequence in sequences]
        budget = (options.max_length or 0) - template.count(len(sequences) == 2)
        if budget < 0 or sum(sizes) <= budget:  # a budget below zero: the reference does not truncate at all
            return [sequences]
        second = sizes[1] if len(sizes) == 2 else None
        kept = kept_lengths(sizes[0], second, budget, options.truncation, self.profile == "original")
        cuts = [
            windows(size, width or 0, options.stride, options.truncation_side)
            for size, width in zip(sizes, kept, strict=False)
        ]
        if not overflow:
            return [[sequence.part(*cut[0]) for sequence, cut in zip(sequences, cuts, strict=True)]]
        pieces = [{span: sequence.part(*span) for span in cut} for sequence, cut in zip(sequences, cuts, strict=True)]
        pairs = window_pairs(cuts[0], cuts[1] if len(cuts) == 2 else None)
        return [[pieces[0][first]] if other is None else [pieces[0][first], pieces[1][other]] for first, other in pairs]

    def _check_stride(self, options: CallOptions) -> None:
        """The stride must leave room for new tokens in each window; `windows` looks again where one is cut."""
        if not options.truncates or not options.stride:
            return
        added = self._template().count(False)  # whether or not they are asked for, as in the reference
        budget = (options.max_length or 0) - added
        if options.stride > budget >= 0 and options.max_length:
            raise InputError(
                f"tokenizer stride set to {options.stride}, which is greater than its effective max length of "
                f"{budget} (= {options.max_length} original max length - {added} added special tokens)."
            )

    def _pad_rows(self, rows: list[Encoding], first: list[Encoding], options: CallOptions) -> None:
        """Pad to the longest of the `first` rows of each text: what overflows is no longer than those.

        The exception is a text that was cut to nothing, whose overflow is the whole of it, unpadded.
        """
        fixed = options.max_length if options.padding == "max_length" else None
        longest = max((len(row.ids) for row in first), default=0)
        length = padded_length(longest, fixed, options.pad_to_multiple_of)
        pad_encodings(rows, length, self._pad_values(), options.padding_side)

    def _pad_values(self) -> PadValues:
        if self.pad_token is None or self.pad_token_id is None:
            raise InputError(
                "Asking to pad but the tokenizer does not have a padding token. Please select a token to use as "
                "`pad_token` (tokenizer.pad_token = tokenizer.eos_token, for example) or add a new one via "
                "tokenizer.add_special_tokens({'pad_token': '[PAD]'})."
            )
        return PadValues(self.pad_token_id, self.pad_token_type_id, self.pad_token)

    def _warn_of_length(self, sizes: list[int], options: CallOptions, verbose: bool) -> None:
        """Once for each tokenizer: this is longer than the model can take."""
        if not verbose or self._warned_of_length or options.max_length is not None or not sizes:
            return
        size = max(sizes)
        if size > self.model_max_length:
            self._warned_of_length = True
            warnings.warn(
                "Token indices sequence length is longer than the specified maximum sequence length for this model "
                f"({size} > {self.model_max_length}). Running this sequence through the model will result in "
                "indexing errors.",
                stacklevel=4,
            )


_FIELDS = {
    "input_ids": "ids", "token_type_ids": "type_ids", "attention_mask": "attention_mask",
    "special_tokens_mask": "special_tokens_mask", "offset_mapping": "offsets",
}  # fmt: skip


def column(rows: list[Encoding], name: str) -> list[Any]:
    """One of the lists of a result: what every row has under this name."""
    if name == "length":
        return [len(row.ids) for row in rows]
    return [getattr(row, _FIELDS[name]) for row in rows]


def _in_unit(row: Encoding, text: Text, unit: str) -> list[tuple[int, int]]:
    """A row's offsets in another unit: each is relative to its text, or to its word if the text came as words."""
    converted = []
    for span, sequence, word in zip(row.offsets, row.sequence_ids, row.word_ids, strict=True):
        if sequence is None:
            converted.append(span)
            continue
        source = text[sequence] or ""
        words = [source] if isinstance(source, str) else source
        converted += convert_offsets(words[0 if isinstance(source, str) else word or 0], [span], unit)
    return converted

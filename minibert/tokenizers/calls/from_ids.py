"""Calls that start from tokens or ids, and the names that older code uses."""

from collections.abc import Mapping
from typing import Any

from minibert.errors import InputError
from minibert.tokenizers.base import as_list
from minibert.tokenizers.calls.batch_encoding import BatchEncoding
from minibert.tokenizers.calls.calling import CallableTokenizer, column
from minibert.tokenizers.calls.options import resolve_options
from minibert.tokenizers.calls.truncation import kept_lengths
from minibert.tokenizers.stages.template import Sequence


class IdTokenizer(CallableTokenizer):
    """`tokenize`, `encode`, `pad`, `prepare_for_model` and their like."""

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Any
    ) -> list[str]:
        """The tokens of a text (and of its pair after it) as strings, without truncation."""
        ids = self(text, pair, add_special_tokens=add_special_tokens, verbose=False, **options)["input_ids"]
        return self.convert_ids_to_tokens(ids)

    def encode(self, text: Any, text_pair: Any = None, add_special_tokens: bool = True, **options: Any) -> Any:
        """The ids alone; arguments are those of the call. A list of str is taken as tokens already cut."""
        if isinstance(text, list) and text and all(isinstance(token, str) for token in text):
            split = options.get("is_split_into_words", False)
            if not split:
                ids = [self.convert_tokens_to_ids(part) if part is not None else None for part in (text, text_pair)]
                return self.prepare_for_model(ids[0], ids[1], add_special_tokens, **options)["input_ids"]
        return self(text, text_pair, add_special_tokens=add_special_tokens, **options)["input_ids"]

    def encode_plus(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """The call for one text or pair."""
        return self(text, text_pair, **options)

    def batch_encode_plus(self, batch_text_or_text_pairs: Any, **options: Any) -> BatchEncoding:
        """The call for a batch of texts or pairs."""
        return self(list(batch_text_or_text_pairs), **options)

    # ------------------------------------------------------------ special tokens around ids

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens a single text, or a pair, gets."""
        return self._template().count(pair)

    def _laid_out(self, first: Any, second: Any) -> Any:
        sequences = [Sequence(as_list(ids)) for ids in (first, second) if ids is not None]
        return self._template().build(sequences)

    def build_inputs_with_special_tokens(self, token_ids_0: Any, token_ids_1: Any = None) -> list[int]:
        """Ids with the special tokens of a single text or of a pair around them."""
        return self._laid_out(token_ids_0, token_ids_1).ids

    def create_token_type_ids_from_sequences(self, token_ids_0: Any, token_ids_1: Any = None) -> list[int]:
        """The token types of `build_inputs_with_special_tokens`' result."""
        return self._laid_out(token_ids_0, token_ids_1).type_ids

    def get_special_tokens_mask(
        self, token_ids_0: Any, token_ids_1: Any = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for special tokens, 0 for others.

        With `already_has_special_tokens` every id of a special token counts, wherever it comes from;
        without, the mask is that of `build_inputs_with_special_tokens`' result.
        """
        if not already_has_special_tokens:
            return self._laid_out(token_ids_0, token_ids_1).special_tokens_mask
        if token_ids_1 is not None:
            raise InputError(
                "With already_has_special_tokens=True all ids belong in token_ids_0; token_ids_1 must be None."
            )
        special = set(self.all_special_ids)
        return [int(id_ in special) for id_ in as_list(token_ids_0)]

    def prepare_for_model(
        self, ids: Any, pair_ids: Any = None, add_special_tokens: bool = True, padding: Any = False,
        truncation: Any = None, max_length: int | None = None, stride: int = 0,
        pad_to_multiple_of: int | None = None, padding_side: str | None = None, return_tensors: str | None = None,
        return_token_type_ids: bool | None = None, return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False, return_special_tokens_mask: bool = False,
        return_length: bool = False, verbose: bool = True, prepend_batch_axis: bool = False,
        truncation_side: str | None = None,
    ) -> BatchEncoding:  # fmt: skip
        """Ids of one text or pair, without special tokens, to everything a model takes. Arguments: `__call__`."""
        options = resolve_options(
            padding=padding, truncation=truncation, max_length=max_length, stride=stride,
            pad_to_multiple_of=pad_to_multiple_of, padding_side=padding_side or self.padding_side,
            truncation_side=truncation_side or self.truncation_side, model_max_length=self.model_max_length,
            add_special_tokens=add_special_tokens,
        )  # fmt: skip
        sequences = [Sequence(as_list(part)) for part in (ids, pair_ids) if part is not None]
        template = self._template_for(add_special_tokens)
        rows = [
            template.build(parts) for parts in self._truncate(sequences, template, options, return_overflowing_tokens)
        ]
        if options.pads:
            self._pad_rows(rows, rows[:1], options)
        names = self._wanted(return_token_type_ids, return_attention_mask)
        names += ["special_tokens_mask"] * return_special_tokens_mask + ["length"] * return_length
        columns = {name: column(rows, name) for name in names}
        if return_overflowing_tokens:
            columns["overflow_to_sample_mapping"] = [0] * len(rows)
        else:
            columns = {name: values[0] for name, values in columns.items()}
        result = BatchEncoding(columns)
        return result.convert_to_tensors(return_tensors, prepend_batch_axis=prepend_batch_axis)

    def truncate_sequences(
        self, ids: list[int], pair_ids: list[int] | None = None, num_tokens_to_remove: int = 0,
        truncation_strategy: Any = "longest_first", stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:  # fmt: skip
        """Take `num_tokens_to_remove` ids away; returns both sequences and what was cut off, with `stride` more."""
        strategy = getattr(truncation_strategy, "value", truncation_strategy)
        if num_tokens_to_remove <= 0 or strategy == "do_not_truncate":
            return ids, pair_ids, []
        size = None if pair_ids is None else len(pair_ids)
        budget = len(ids) + (size or 0) - num_tokens_to_remove
        if budget < 0:
            raise InputError(
                f"{num_tokens_to_remove} tokens were to be removed, but there are {len(ids) + (size or 0)}."
            )
        kept = kept_lengths(len(ids), size, budget, strategy, self.profile == "original")
        left = self.truncation_side == "left"
        results: list[Any] = []
        overflow: list[int] = []
        for part, length in zip((ids, pair_ids), kept, strict=True):
            if part is None or length is None:
                results.append(part)
                continue
            cut = len(part) - length
            results.append((part[cut:] if left else part[:length]) if cut else part)
            if cut:
                overflow += part[: cut + stride] if left else part[max(length - stride, 0) :]
        return results[0], results[1], overflow

    # ------------------------------------------------------------ padding of encoded batches

    def pad(
        self, encoded_inputs: Any, padding: Any = True, max_length: int | None = None,
        pad_to_multiple_of: int | None = None, padding_side: str | None = None,
        return_attention_mask: bool | None = None, return_tensors: str | None = None, verbose: bool = True,
    ) -> BatchEncoding:  # fmt: skip
        """Pad what calls returned: a dict of lists, or a list of dicts (as a data loader collects them)."""
        if isinstance(encoded_inputs, list | tuple):
            if not encoded_inputs or not isinstance(encoded_inputs[0], Mapping):
                raise InputError("pad takes a dict of lists, or a non-empty list of dicts.")
            encoded_inputs = {name: [row[name] for row in encoded_inputs] for name in encoded_inputs[0]}
        if "input_ids" not in encoded_inputs:
            raise InputError(
                f"You should supply an encoding that includes 'input_ids', but you provided {list(encoded_inputs)}."
            )
        data = {name: as_list(values) for name, values in encoded_inputs.items()}
        single = not data["input_ids"] or not isinstance(data["input_ids"][0], list)
        if single:
            data = {name: [values] for name, values in data.items()}
        options = resolve_options(
            padding=padding, truncation=False, max_length=max_length, stride=0, pad_to_multiple_of=pad_to_multiple_of,
            padding_side=padding_side or self.padding_side, truncation_side=self.truncation_side,
            model_max_length=self.model_max_length,
        )  # fmt: skip
        wanted = "attention_mask" in self.model_input_names if return_attention_mask is None else return_attention_mask
        if wanted and "attention_mask" not in data:
            data["attention_mask"] = [[1] * len(row) for row in data["input_ids"]]
        if options.pads:
            self._pad_columns(data, options)
        if single:
            data = {name: values[0] for name, values in data.items()}
        return BatchEncoding(data, None, return_tensors, batched=True)

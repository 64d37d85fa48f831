"""A model as generation sees it: texts in, the logits of their next tokens out, with a cache in between."""

from typing import Any

import numpy as np

from minibert.backend import Array, array_module, to_numpy
from minibert.errors import InputError


class Decoder:
    """A model with what belongs to the texts that it continues.

    Args:
        model: a decoder with a head over the vocabulary.
        mask: (B, L), 1 for the prompt's tokens and 0 for padding.
        inputs: further inputs by name: token_type_ids (B, L), encoder_hidden_states and their mask.
        use_cache: whether to read each token once; without, every step reads the whole text.
        first_position, pad_position: where the first token and where padding stands.
    """

    def __init__(
        self,
        model: Any,
        mask: np.ndarray,
        inputs: dict[str, Any],
        use_cache: bool,
        first_position: int,
        pad_position: int,
    ) -> None:
        self.model = model
        self.mask = mask
        self.inputs = inputs
        self.cache: Any = None
        self.use_cache = use_cache
        self.first_position, self.pad_position = first_position, pad_position

    def next_logits(self, ids: np.ndarray) -> np.ndarray:
        """ids (B, L), the texts so far -> (B, V) on the host, in float32, in which transformers too chooses tokens.

        Raises:
            InputError: a score is NaN.
        """
        new = ids.shape[1] - self.mask.shape[1]
        if new > 0:  # tokens that were chosen since the last call
            self.mask = np.pad(self.mask, ((0, 0), (0, new)), constant_values=1)
            if "token_type_ids" in self.inputs:
                self.inputs["token_type_ids"] = np.pad(self.inputs["token_type_ids"], ((0, 0), (0, new)), mode="edge")
        inputs = dict(self.inputs)
        positions = np.cumsum(self.mask, axis=1) - 1 + self.first_position
        inputs["position_ids"] = np.where(self.mask == 0, self.pad_position, positions)
        inputs["input_ids"] = ids
        if self.cache is not None:
            past = self.cache.get_seq_length()
            for name in ("input_ids", "position_ids", "token_type_ids"):
                if name in inputs:
                    inputs[name] = inputs[name][:, past:]
        output = self.model(
            **inputs,
            attention_mask=self.mask,
            past_key_values=self.cache,
            use_cache=self.use_cache,
            logits_to_keep=1,
            output_attentions=False,
            output_hidden_states=False,
            return_dict=True,
        )
        if self.use_cache:
            self.cache = output.past_key_values
        logits = to_numpy(output.logits)[:, -1].astype(np.float32)
        if np.isnan(logits).any():
            raise InputError("the model's scores are not numbers (NaN): look at its weights, or at float16's range.")
        return logits

    def repeat(self, times: int) -> None:
        """Every text so many times, one after the other: B rows become B · times."""
        if times == 1:
            return
        rows = np.repeat(np.arange(len(self.mask)), times)
        self.mask = self.mask[rows]
        self.inputs = {name: _rows(value, rows) for name, value in self.inputs.items()}
        if self.cache is not None:
            self.cache.select_rows(rows)

    def reorder(self, rows: np.ndarray) -> None:
        """Let row i go on with what row rows[i] has read; both are of one prompt, so that the rest is the same."""
        if self.cache is not None and not np.array_equal(rows, np.arange(len(rows))):
            self.cache.select_rows(rows, same_prompt=True)


def _rows(value: Any, rows: np.ndarray) -> Array:
    xp = array_module(value)
    return xp.asarray(value)[xp.asarray(rows)]

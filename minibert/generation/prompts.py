"""The prompts of `generate`: ids, which of them are padding, and what else the model reads."""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError, InputWarning
from minibert.generation.options import Options


class Prompts(NamedTuple):
    """ids and mask (B, L), and the further inputs by name: token_type_ids (B, L), the encoder's states and mask."""

    ids: np.ndarray
    mask: np.ndarray
    further: dict[str, Any]

    @property
    def padding(self) -> int:
        """How much of the longest prompt is padding."""
        return self.ids.shape[1] - int(self.mask.sum(axis=1).max())


def read_prompts(inputs: Any, named: dict[str, Any], options: Options) -> Prompts:
    """Prompts as `generate` is given them.

    Args:
        inputs: ids (B, L), or the tokenizer's output, or None.
        named: the same and more by name, None for what is not given; names win over the tokenizer's output.

    Raises:
        InputError: there are no prompts or two, or shapes and types do not fit.
    """
    if isinstance(inputs, Mapping):
        named = {name: inputs.get(name) if value is None else value for name, value in named.items()}
    elif inputs is not None and named["input_ids"] is not None:
        raise InputError("the prompts were given twice: as the first argument and as input_ids.")
    elif inputs is not None:
        named = {**named, "input_ids": inputs}
    ids = _read_ids(named.pop("input_ids"), options)
    mask = _read_mask(ids, named.pop("attention_mask"), options)
    further = {name: value for name, value in named.items() if value is not None}
    if "token_type_ids" in further:
        further["token_type_ids"] = _same_shape("token_type_ids", further["token_type_ids"], ids.shape)
    return Prompts(ids, mask, further)


def _read_ids(ids: Any, options: Options) -> np.ndarray:
    if ids is None:
        if options.bos_token_id is None:
            raise InputError("there is no prompt, and no bos_token_id to begin with: give input_ids.")
        ids = [[options.bos_token_id]]
    try:
        array = to_numpy(ids)
    except ValueError:
        raise InputError(
            "the prompts have different lengths: pad them on the left, "
            "tokenizer(..., padding=True, padding_side='left')."
        ) from None
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "iu":
        raise InputError(
            f"input_ids has shape {array.shape} and dtype {array.dtype}: integers, (batch, tokens), belong there."
        )
    return array.astype(np.int64)


def _read_mask(ids: np.ndarray, mask: Any, options: Options) -> np.ndarray:
    pad = options.pad_token_id
    if mask is not None:
        mask = (_same_shape("attention_mask", mask, ids.shape) != 0).astype(np.int64)
    elif (ids == pad).any() and pad not in options.eos:
        mask = (ids != pad).astype(np.int64)
    else:
        mask = np.ones_like(ids)
    if not mask[:, -1].all():
        warnings.warn(
            "a prompt ends with padding, after which its continuation would stand: pad on the left, "
            "tokenizer(..., padding_side='left').",
            InputWarning,
            stacklevel=5,
        )
    return mask


def _same_shape(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = to_numpy(value)
    if array.shape != shape:
        raise InputError(f"{name} has shape {array.shape}: {shape}, as input_ids has, belongs there.")
    return array

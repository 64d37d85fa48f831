"""A batch without its padding: texts of like length together, each group as long as its longest text.

Attached to `BertModel.encode`, for calls with `skip_padding=True`. The groups run side by side where there are threads.
States and attentions at padding come back as zeros; all others are those of the padded batch, to rounding. Where that
is not plainly so (padding at the left, masks of three axes, decoders, a trace, edits, dropout) the batch runs as it is.
"""

from functools import partial
from typing import Any

import numpy as np

from minibert.backend import Array
from minibert.forms import form_of
from minibert.models.bert import BertModel
from minibert.models.encoder import StackOutputs
from minibert.models.inputs import Inputs
from minibert.models.model import Encoded
from minibert.running.threads import side_by_side
from minibert.trace import Run

TOKENS = 256  # of a group, at most, where it has more than one text


@form_of(BertModel.encode)
def encode(self: BertModel, inputs: Inputs, run: Run) -> Encoded:
    """ids (B, T) -> hidden (B, T, D), zero at padding, and pooled (B, D)."""
    lengths = lengths_of(self, inputs, run)
    if lengths is None or lengths.min() == inputs.tokens:
        return NotImplemented
    groups = like_lengths(lengths, TOKENS)

    def encode_group(rows: Array) -> Encoded:
        return self.encode(trimmed(inputs, rows, int(lengths[rows].max())), run)

    encoded = side_by_side([partial(encode_group, rows) for rows in groups])
    return joined(encoded, groups, lengths, inputs)


def lengths_of(model: BertModel, inputs: Inputs, run: Run) -> np.ndarray | None:
    """The number of tokens of every text (B,), where they may be cut there; else None."""
    mask, stack = inputs.attention_mask, inputs.stack
    watched = run.trace is not None or bool(run.edits) or run.rng is not None
    if not inputs.skip_padding or type(mask) is not np.ndarray or mask.ndim != 2 or watched:
        return None
    if model.config.is_decoder or stack.cache is not None or stack.encoder_hidden is not None:
        return None
    lengths = (mask != 0).sum(axis=1)
    at_the_end = np.array_equal(mask, np.arange(inputs.tokens) < lengths[:, None])
    return lengths if at_the_end and lengths.min() > 0 else None


def like_lengths(lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    """The rows of every group: the longest texts first, as many together as `tokens` allows with their padding.

    >>> like_lengths(np.array([2, 9, 3, 3]), tokens=8)
    [array([1]), array([2, 3]), array([0])]
    """
    order = np.argsort(-lengths, kind="stable")
    starts = [0]
    for place in range(1, len(order)):
        longest = lengths[order[starts[-1]]]
        if (place + 1 - starts[-1]) * longest > tokens:
            starts.append(place)
    return np.split(order, starts[1:])


def trimmed(inputs: Inputs, rows: np.ndarray, length: int) -> Inputs:
    """The inputs of these rows, cut after `length` tokens."""
    stack = inputs.stack
    heads = stack.head_mask
    positions = inputs.position_ids
    return inputs._replace(
        batch=len(rows),
        tokens=length,
        input_ids=None if inputs.input_ids is None else inputs.input_ids[rows, :length],
        inputs_embeds=None if inputs.inputs_embeds is None else inputs.inputs_embeds[rows, :length],
        token_type_ids=inputs.token_type_ids[rows, :length],
        position_ids=positions[:, :length] if len(positions) == 1 else positions[rows, :length],
        attention_mask=None,
        stack=stack._replace(
            mask=None if stack.mask is None else stack.mask[rows, :, :, :length],
            head_mask=heads if heads is None or heads.shape[1] == 1 else heads[:, rows],
        ),
        skip_padding=False,
    )


def joined(groups: list[Encoded], rows: list[np.ndarray], lengths: np.ndarray, inputs: Inputs) -> Encoded:
    """What the groups gave, in the order of the batch."""

    def whole(arrays: list[Array], tokens_at: tuple[int, ...] = ()) -> Array:
        """Arrays (b, ...) of the groups -> (B, ...), with zeros at padding on the axes that count tokens."""
        shape = [inputs.batch, *arrays[0].shape[1:]]
        for axis in tokens_at:
            shape[axis] = inputs.tokens
        result = np.zeros(shape, dtype=arrays[0].dtype)
        for array, group in zip(arrays, rows, strict=True):
            for text, row in zip(array, group, strict=True):
                useful = [slice(None)] * text.ndim
                for axis in tokens_at:
                    useful[axis - 1] = slice(lengths[row])
                result[row][tuple(useful)] = text[tuple(useful)]
        return result

    def all_layers(field: str, tokens_at: tuple[int, ...]) -> tuple[Array, ...]:
        layers: Any = zip(*(getattr(each.states, field) for each in groups), strict=True)
        return tuple(whole(list(arrays), tokens_at) for arrays in layers)

    if inputs.first_token:  # of some groups nothing else was computed
        hidden = whole([each.hidden[:, :1] for each in groups])
    else:
        hidden = whole([each.hidden for each in groups], (1,))
    pooled = None if groups[0].pooled is None else whole([each.pooled for each in groups])
    states = StackOutputs(hidden, all_layers("hidden_states", (1,)), all_layers("attentions", (2, 3)), ())
    return Encoded(hidden, pooled, states)

"""The last layer for the first token alone, where a head reads nothing else of it: classifiers of whole texts.

Attached to `BertModel.encode`. Keys and values of all tokens are made, but one query a text, and one token's
feed-forward. It is done where nobody watches the values between, and where it saves more than it costs.
"""

import copy

from minibert.backend import Array
from minibert.forms import form_of
from minibert.models.bert import BertModel
from minibert.models.encoder import Encoder
from minibert.models.inputs import Inputs
from minibert.models.layer import Layer, StackInputs
from minibert.models.model import Encoded
from minibert.running import parts
from minibert.trace import Run


@form_of(BertModel.encode)
def encode(self: BertModel, inputs: Inputs, run: Run) -> Encoded:
    """ids (B, T) -> hidden (B, 1, D) and pooled (B, D) of the first token."""
    if not inputs.first_token or not may_leave_out(self, inputs, run):
        return NotImplemented
    embedded = self.embed(inputs, run)
    states = with_layers(self.encoder, slice(-1)).forward(embedded, run, inputs.stack, False, False)
    first = first_token_of(self.encoder.layer[-1], states.hidden, inputs.stack, run)
    pooled = None if self.pooler is None else self.pooler.forward(first, run)
    return Encoded(first, pooled, states._replace(hidden=first))


def may_leave_out(model: BertModel, inputs: Inputs, run: Run) -> bool:
    """Whether nobody asks for what is left out, and it is worth it."""
    asked = inputs.keep_hidden or inputs.keep_attentions or run.trace is not None or bool(run.edits)
    other = run.rng is not None or inputs.stack.cache is not None or inputs.stack.encoder_hidden is not None
    if asked or other or model.config.is_decoder:
        return False
    last = with_layers(model.encoder, slice(-1, None))
    return parts.operations_of(last, inputs.batch * inputs.tokens) > parts.WORTH / 8


def with_layers(encoder: Encoder, layers: slice) -> Encoder:
    """The same stack with these of its layers; it shares every array."""
    shorter = copy.copy(encoder)
    shorter.layer = encoder.layer[layers]
    return shorter


def first_token_of(layer: Layer, hidden: Array, stack: StackInputs, run: Run) -> Array:
    """hidden (B, T, D) -> the layer's output at the first token (B, 1, D), which asks all tokens."""
    first, attention = hidden[:, :1], layer.attention
    mask = None if stack.mask is None else stack.mask[:, :, :1]
    heads = None if stack.head_mask is None else stack.head_mask[attention.self.layer]
    context, _ = attention.self.forward(first, hidden, run, mask, heads)
    return layer.feed_forward(attention.output.forward(context, first, run), run)

"""The primitives: pure functions on arrays, each forward with its backward under it.

A forward that its backward needs something from returns `(y, cache)`; the cache is a NamedTuple.
Arguments stay as they are. What is marked `@step` may be computed in another form (see `minibert/forms.py`): the text
here is its definition.
Shapes: B sentences, T tokens, S keys, D hidden width, N heads, K width of a head, V vocabulary, C classes;
`...` stands for any leading axes. Arrays are NumPy's or CuPy's, and results have their inputs' dtype.
"""

from minibert.functional.activations import ACTIVATIONS, Activation, find_activation
from minibert.functional.attention import (
    attention_context,
    attention_context_backward,
    attention_scores,
    attention_scores_backward,
    merge_heads,
    relative_scores,
    relative_scores_backward,
    split_heads,
)
from minibert.functional.dropout import draw_dropout_mask, dropout, dropout_backward
from minibert.functional.embedding import embedding, embedding_backward
from minibert.functional.layer_norm import LayerNormCache, layer_norm, layer_norm_backward
from minibert.functional.linear import linear, linear_backward
from minibert.functional.losses import (
    BinaryCrossEntropyCache,
    CrossEntropyCache,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
    cross_entropy,
    cross_entropy_backward,
    mean_squared_error,
    mean_squared_error_backward,
)
from minibert.functional.softmax import (
    log_softmax,
    mask_scores,
    softmax,
    softmax_backward,
)

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "BinaryCrossEntropyCache",
    "CrossEntropyCache",
    "LayerNormCache",
    "attention_context",
    "attention_context_backward",
    "attention_scores",
    "attention_scores_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_backward",
    "cross_entropy",
    "cross_entropy_backward",
    "draw_dropout_mask",
    "dropout",
    "dropout_backward",
    "embedding",
    "embedding_backward",
    "find_activation",
    "layer_norm",
    "layer_norm_backward",
    "linear",
    "linear_backward",
    "log_softmax",
    "mask_scores",
    "mean_squared_error",
    "mean_squared_error_backward",
    "merge_heads",
    "relative_scores",
    "relative_scores_backward",
    "softmax",
    "softmax_backward",
    "split_heads",
]

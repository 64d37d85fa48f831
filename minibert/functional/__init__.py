"""The primitives: pure functions on arrays, each forward with its backward under it.

A forward that its backward needs something from returns `(y, cache)`; the cache is a NamedTuple.
`out=` lets a caller who keeps nothing write over an array it owns; without it arguments stay as they are.
Shapes: B sentences, T tokens, S keys, D hidden width, N heads, K width of a head, V vocabulary, C classes;
`...` stands for any leading axes. Arrays are NumPy's or CuPy's, and results have their inputs' dtype
(the losses of float16 are float32: see losses.py).
"""

from minibert.functional.activations import ACTIVATIONS, Activation, bias_activation, find_activation
from minibert.functional.attention import (
    attention_context,
    attention_context_backward,
    attention_scores,
    attention_scores_backward,
    biased_heads,
    merge_heads,
    relative_scores,
    relative_scores_backward,
    split_heads,
)
from minibert.functional.dropout import draw_dropout_mask, dropout, dropout_backward
from minibert.functional.embedding import embedding, embedding_backward
from minibert.functional.layer_norm import LayerNormCache, layer_norm, layer_norm_backward, residual_layer_norm
from minibert.functional.linear import linear, linear_backward
from minibert.functional.losses import (
    CROSS_ENTROPY_CACHES,
    BinaryCrossEntropyCache,
    CrossEntropyCache,
    FusedCrossEntropyCache,
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
    masked_softmax,
    masked_softmax_backward,
    softmax,
    softmax_backward,
)

__all__ = [
    "ACTIVATIONS",
    "CROSS_ENTROPY_CACHES",
    "Activation",
    "BinaryCrossEntropyCache",
    "CrossEntropyCache",
    "FusedCrossEntropyCache",
    "LayerNormCache",
    "attention_context",
    "attention_context_backward",
    "attention_scores",
    "attention_scores_backward",
    "bias_activation",
    "biased_heads",
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
    "masked_softmax",
    "masked_softmax_backward",
    "mean_squared_error",
    "mean_squared_error_backward",
    "merge_heads",
    "relative_scores",
    "relative_scores_backward",
    "residual_layer_norm",
    "softmax",
    "softmax_backward",
    "split_heads",
]

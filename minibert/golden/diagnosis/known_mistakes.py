"""What a step of the model gives if it has one of the mistakes that ports of BERT are known for.

Each function yields (words, array): the array is what would stand there if the words were true. A value that is not
delivered (a sum before its LayerNorm, scores before their softmax) is varied as well, through what follows it.
"""

from collections.abc import Callable

from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair
from minibert.golden.diagnosis.wrong_activation import wrong_activation
from minibert.golden.diagnosis.wrong_attention import wrong_context, wrong_mask, wrong_probs, wrong_scores
from minibert.golden.diagnosis.wrong_embeddings import (
    wrong_embedding_sum,
    wrong_position_embeddings,
    wrong_token_type_embeddings,
    wrong_word_embeddings,
)
from minibert.golden.diagnosis.wrong_gradients import wrong_gradient, wrong_parameter_gradient
from minibert.golden.diagnosis.wrong_layer import wrong_layer
from minibert.golden.diagnosis.wrong_layer_norm import seen_after_layer_norm, wrong_inside_layer_norm, wrong_layer_norm
from minibert.golden.diagnosis.wrong_linear import wrong_linear
from minibert.golden.diagnosis.wrong_loss import wrong_loss
from minibert.golden.diagnosis.wrong_residual import wrong_residual_sum
from minibert.golden.packs.named_array import GRADIENT, PARAMETER_GRADIENT, VALUE

# how a value's name ends -> the mistakes of the step that makes it; the first that fits
_BY_NAME: tuple[tuple[str | tuple[str, ...], Callable[[TensorPair], Mistakes]], ...] = (
    ("extended_attention_mask", wrong_mask),
    (".self.scores", wrong_scores),
    (".self.probs", wrong_probs),
    (".self.context", wrong_context),
    ("embeddings.word_embeddings", wrong_word_embeddings),
    ("embeddings.position_embeddings", lambda pair: wrong_position_embeddings(pair, pair.name)),
    ("embeddings.token_type_embeddings", lambda pair: wrong_token_type_embeddings(pair, pair.name)),
    ("embeddings.sum", lambda pair: wrong_embedding_sum(pair, pair.name)),
    (".sum", lambda pair: wrong_residual_sum(pair, pair.name)),
    ((".rstd", ".normalized"), wrong_inside_layer_norm),
)


def mistakes_of_step(pair: TensorPair) -> Mistakes:
    """Every known mistake of the step that makes this value, the likeliest first."""
    if pair.entry.kind == GRADIENT:
        yield from wrong_gradient(pair)
    elif pair.entry.kind == PARAMETER_GRADIENT:
        yield from wrong_parameter_gradient(pair)
    elif pair.entry.kind == VALUE:
        yield from _of_value(pair)


def _of_value(pair: TensorPair) -> Mistakes:
    for ending, mistakes in _BY_NAME:
        if pair.name.endswith(ending):
            yield from mistakes(pair)
            break
    if pair.name == "loss":
        yield from wrong_loss(pair)
    yield from _by_formula(pair)


def _by_formula(pair: TensorPair) -> Mistakes:
    name, formula = pair.name, pair.entry.formula
    if formula.startswith("gamma normalized"):
        yield from wrong_layer_norm(pair)
        before = f"{name}.sum"
        if before in pair.pack and name.endswith("embeddings"):
            yield from seen_after_layer_norm(pair, wrong_embedding_sum(pair, before))
        elif before in pair.pack:
            yield from seen_after_layer_norm(pair, wrong_residual_sum(pair, before))
        yield from wrong_layer(pair)
    elif formula.endswith("(dense)"):
        yield from wrong_activation(pair)
    elif "ᵀ + b" in formula:
        yield from wrong_linear(pair)

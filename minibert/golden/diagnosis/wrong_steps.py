"""What a step of the model gives if it has one of the mistakes that ports of BERT are known for.

Each function yields (words, array): the array is what would stand there if the words were true. A value that is not
delivered (a sum before its LayerNorm, scores before their softmax) is varied as well, through what follows it.
"""

import math

import numpy as np

from minibert.functional.activations import ACTIVATIONS
from minibert.golden.diagnosis.patterns import dropout_before_sum
from minibert.golden.diagnosis.tensor_pair import TensorPair, Variants
from minibert.golden.diagnosis.wrong_attention import context_variants, mask_variants, probs_variants, scores_variants
from minibert.golden.diagnosis.wrong_embeddings import (
    embedding_sum_variants,
    position_variants,
    type_variants,
    word_variants,
)
from minibert.golden.diagnosis.wrong_linear import linear_variants
from minibert.golden.diagnosis.wrong_norm import inner_variants, norm_variants, through_norm

_LIKELY = ("gelu_new", "gelu", "quick_gelu", "relu", "silu", "tanh", "sigmoid", "linear", "gelu_10", "relu6")


def step_variants(pair: TensorPair) -> Variants:
    """Every known mistake of the step that makes this value, the likeliest first."""
    if pair.entry.kind != "value":
        return
    name = pair.name
    if name.endswith("extended_attention_mask"):
        yield from mask_variants(pair)
    elif name.endswith(".self.scores"):
        yield from scores_variants(pair)
    elif name.endswith(".self.probs"):
        yield from probs_variants(pair)
    elif name.endswith(".self.context"):
        yield from context_variants(pair)
    elif name.endswith("embeddings.word_embeddings"):
        yield from word_variants(pair)
    elif name.endswith("embeddings.position_embeddings"):
        yield from position_variants(pair, name)
    elif name.endswith("embeddings.token_type_embeddings"):
        yield from type_variants(pair, name)
    elif name.endswith("embeddings.sum"):
        yield from embedding_sum_variants(pair, name)
    elif name.endswith(".sum"):
        yield from residual_variants(pair, name)
    elif name.endswith((".rstd", ".normalized")):
        yield from inner_variants(pair)
    elif name == "loss":
        yield from loss_variants(pair)
    yield from _by_formula(pair)


def _by_formula(pair: TensorPair) -> Variants:
    name, formula = pair.name, pair.entry.formula
    if formula.startswith("gamma normalized"):
        yield from norm_variants(pair)
        before = f"{name}.sum"
        if before in pair.pack and name.endswith("embeddings"):
            yield from through_norm(pair, embedding_sum_variants(pair, before))
        elif before in pair.pack:
            yield from through_norm(pair, residual_variants(pair, before))
    elif formula.endswith("(dense)"):
        yield from activation_variants(pair)
    elif "ᵀ + b" in formula:
        yield from linear_variants(pair)


def activation_variants(pair: TensorPair) -> Variants:
    """Another function of the same dense output."""
    dense = pair.given(_dense_of(pair))
    if dense is None:
        return
    act = str(pair.config.get("hidden_act", "gelu"))
    if pair.entry.formula.startswith("tanh"):
        yield "the tanh is missing", dense
        yield "tanh was applied twice", np.tanh(np.tanh(dense))
        return
    yield "the activation is missing", dense
    for other in _LIKELY:
        if other in ACTIVATIONS and other != act:
            value = ACTIVATIONS[other].forward(dense)
            yield _activation_words(act, other), np.asarray(value)


def _dense_of(pair: TensorPair) -> str:
    """The value that the activation was applied to."""
    own = f"{pair.name}.dense"
    return own if own in pair.pack else f"{pair.parent}.dense"


def _activation_words(golden: str, other: str) -> str:
    if golden == "gelu" and other == "gelu_new":
        return "tanh-GELU for erf-GELU: the approximation stands where the exact function belongs"
    if golden.startswith("gelu_") and other == "gelu":
        return "erf-GELU for tanh-GELU: the exact function stands where the approximation belongs"
    return f"another activation: {other} for {golden}"


def residual_variants(pair: TensorPair, name: str) -> Variants:
    """The sum of a dense output and its residual, gone wrong; `name` is the sum's."""
    path = name[: -len(".sum")]
    dense, total = pair.given(f"{path}.dense"), pair.get(name)
    if dense is None or total is None:
        return
    golden_dense = pair.get(f"{path}.dense")
    residual = total - (dense if golden_dense is None else golden_dense)
    yield "the residual connection is missing", dense
    yield "only the residual is there: what the step computed was not added", residual
    yield "the residual was added twice", dense + 2 * residual
    yield "the step's output was added twice", 2 * dense + residual
    yield "the residual was subtracted", dense - residual
    if pair.name == name:
        words = dropout_before_sum(pair, dense, residual)
        if words:
            yield words, None
    if name.endswith(".attention.output.sum"):
        return
    outer = path.rsplit(".", 1)[0]  # the layer
    before = _layer_input(pair, outer)
    if before is not None and before.shape == dense.shape:
        yield "wrong residual: the layer's input was added, where the attention's output belongs", dense + before


def _layer_input(pair: TensorPair, layer: str) -> np.ndarray | None:
    """What enters a layer, `bert.encoder.layer.1`."""
    stem, _, number = layer.rpartition(".")
    if not number.isdigit():
        return None
    if int(number):
        return pair.get(f"{stem}.{int(number) - 1}.output")
    mapped = pair.get(f"{pair.prefix}encoder.embedding_hidden_mapping_in")
    return pair.get(f"{pair.prefix}embeddings") if mapped is None else mapped


def loss_variants(pair: TensorPair) -> Variants:
    """A mean that was taken otherwise."""
    labels = pair.get("input/labels")
    if labels is None:
        return
    counted = int((labels != -100).sum())
    total = float(pair.golden) * counted
    if counted > 1:
        yield f"the loss is the sum over {counted} labels, not their mean", np.array(total)
    if 0 < counted < labels.size:
        yield "the mean is over all labels, those of -100 counted in", np.array(total / labels.size)
    yield "the logarithm is to the base 2", np.array(float(pair.golden) / math.log(2.0))

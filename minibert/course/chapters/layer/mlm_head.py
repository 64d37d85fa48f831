"""The head that guesses masked words, its decoder tied to the word embeddings (Devlin et al. 2018, section 3.1)."""

from minibert.course.chapters.parts import (
    WRONG_GELU,
    WRONG_NORMALIZE,
    layer_norm,
    linear_weights,
    norm_weights,
    softmax,
)
from minibert.course.exercise import Exercise
from minibert.plain import gelu

NORM = "transform.LayerNorm"


def draw(rng, B, T, D, V, eps):
    weights = {
        **linear_weights(rng, "transform.dense", D, D),
        **norm_weights(rng, NORM, D),
        "word_embeddings.weight": rng.normal(size=(V, D)),
        "bias": rng.normal(size=V),
    }
    return {"hidden": rng.normal(size=(B, T, D)), "weights": weights, "eps": eps}


exercise = Exercise(
    "mlm_head",
    "f(hidden, weights, eps)",
    """
    From the last layer's hidden states to a score for every word of the vocabulary, at every token: a linear map
    "transform.dense", GELU, LayerNorm "transform.LayerNorm", and then the word embeddings once more: the score of a
    word is the product with its embedding, plus the word's own "bias". No softmax: scores are logits.
    """,
    draw,
    [{"B": 2, "T": 3, "D": 6, "V": 9, "eps": 1e-12}, {"B": 3, "T": 4, "D": 5, "V": 11, "eps": 0.3}],
)


@exercise.step("B T D")
def dense(hidden, weights):
    """the linear map of the transform"""
    return hidden @ weights["transform.dense.weight"].T + weights["transform.dense.bias"]


@exercise.step("B T D")
def activated(dense):
    """GELU of it"""
    return gelu(dense)


@exercise.step("B T D")
def transformed(activated, weights, eps):
    """LayerNorm of that, with the transform's own parameters"""
    return layer_norm(activated, weights, "transform.LayerNorm", eps)


@exercise.step("B T V")
def logits(transformed, weights):
    """the product with every word's embedding, plus the bias"""
    return transformed @ weights["word_embeddings.weight"].T + weights["bias"]


for name, (words, wrong) in WRONG_GELU.items():
    exercise.mistake(name, words, activated=lambda dense, wrong=wrong: wrong(dense))
for name, (words, wrong) in WRONG_NORMALIZE.items():
    exercise.mistake(
        name, words,
        transformed=lambda activated, weights, eps, wrong=wrong: layer_norm(activated, weights, NORM, eps, wrong),
    )  # fmt: skip
exercise.mistake("activation forgotten", "GELU is left out of the transform", activated=lambda dense: dense)
exercise.mistake("norm forgotten", "LayerNorm is left out of the transform", transformed=lambda activated: activated)
exercise.mistake(
    "norm before the activation", "LayerNorm stands before GELU; the transform is LayerNorm(gelu(x Wᵀ + b))",
    activated=lambda dense, weights, eps: layer_norm(dense, weights, NORM, eps),
    transformed=lambda activated: gelu(activated),
)  # fmt: skip
exercise.mistake(
    "transform forgotten", "the transform is left out: the word embeddings are multiplied with the hidden states",
    transformed=lambda hidden: hidden,
)  # fmt: skip
exercise.mistake(
    "W instead of Wᵀ", "the transform is x W + b; weights are stored (out, in), so it is x Wᵀ + b",
    dense=lambda hidden, weights: hidden @ weights["transform.dense.weight"] + weights["transform.dense.bias"],
)  # fmt: skip
exercise.mistake(
    "transform's bias forgotten", "the bias of the transform's linear map is left out",
    dense=lambda hidden, weights: hidden @ weights["transform.dense.weight"].T,
)  # fmt: skip
exercise.mistake(
    "decoder's bias forgotten", "the bias of the vocabulary is left out of the logits",
    logits=lambda transformed, weights: transformed @ weights["word_embeddings.weight"].T,
)  # fmt: skip
exercise.mistake(
    "softmax applied", "softmax is applied; the head gives logits, and the loss does the rest",
    logits=lambda transformed, weights: softmax(transformed @ weights["word_embeddings.weight"].T + weights["bias"]),
)  # fmt: skip

"""The embeddings (Devlin et al. 2018, figure 2)."""

import math

import numpy as np

from minibert.course.chapters.parts import WRONG_NORMALIZE, layer_norm, norm_weights
from minibert.course.exercise import Exercise


def draw(rng, B, T, D, V, eps):
    ids = rng.integers(1, V, size=(B, T))
    ids[:, -1] = ids[:, 0]  # a repeated token
    types = (np.arange(T) >= np.arange(2, 2 + B)[:, None]).astype(np.int64)
    weights = {
        "word_embeddings.weight": rng.normal(size=(V, D)),
        "position_embeddings.weight": rng.normal(size=(T + 4, D)),
        "token_type_embeddings.weight": rng.normal(size=(2, D)),
        **norm_weights(rng, "LayerNorm", D),
    }
    return {"input_ids": ids, "token_type_ids": types, "weights": weights, "eps": eps}


exercise = Exercise(
    "embeddings",
    "f(input_ids, token_type_ids, weights, eps)",
    """
    Ids to vectors. Each token gets the row of "word_embeddings.weight" that its id names, plus the row of
    "position_embeddings.weight" for its place in the text, counted from 0, plus the row of
    "token_type_embeddings.weight" for its type: 0 in the first sentence, 1 in the second. The sum is normalised with
    "LayerNorm.weight" and "LayerNorm.bias" over its D numbers.
    """,
    draw,
    [{"B": 2, "T": 4, "D": 6, "V": 9, "eps": 1e-12}, {"B": 3, "T": 6, "D": 5, "V": 12, "eps": 0.3}],
)


@exercise.step("B T D")
def words(input_ids, weights):
    """the words' rows"""
    return weights["word_embeddings.weight"][input_ids]


@exercise.step("T D", also=[
    lambda input_ids, positions: positions[None],
    lambda input_ids, positions: np.repeat(positions[None], len(input_ids), axis=0),
])  # fmt: skip
def positions(input_ids, weights):
    """the rows of the places, counted from 0"""
    return weights["position_embeddings.weight"][: input_ids.shape[1]]


@exercise.step("B T D")
def types(token_type_ids, weights):
    """the rows of the token types"""
    return weights["token_type_embeddings.weight"][token_type_ids]


@exercise.step("B T D")
def total(words, positions, types):
    """the sum of the three"""
    return words + positions + types


@exercise.step("B T D")
def output(total, weights, eps):
    """LayerNorm of the sum"""
    return layer_norm(total, weights, "LayerNorm", eps)


for start, words_of in (
    (1, "positions start at 1; BERT's start at 0"),
    (2, "positions start at 2, which is RoBERTa's padding_idx + 1; BERT's start at 0"),
):
    exercise.mistake(
        f"positions from {start}", words_of,
        positions=lambda input_ids, weights, start=start: (
            weights["position_embeddings.weight"][start : start + input_ids.shape[1]]),
    )  # fmt: skip
exercise.mistake("positions forgotten", "the positions are left out", total=lambda words, types: words + types)
exercise.mistake("types forgotten", "the token types are left out", total=lambda words, positions: words + positions)
exercise.mistake("words alone", "positions and token types are left out", total=lambda words: words)
exercise.mistake(
    "all of type 0", "every token gets type 0; token_type_ids says which row belongs",
    types=lambda token_type_ids, weights: weights["token_type_embeddings.weight"][0 * token_type_ids],
)  # fmt: skip
exercise.mistake(
    "types exchanged", "the two token types are exchanged",
    types=lambda token_type_ids, weights: weights["token_type_embeddings.weight"][1 - token_type_ids],
)  # fmt: skip
exercise.mistake(
    "one position for all", "every token gets the position of the first; the rows 0, 1, 2, ... belong",
    positions=lambda input_ids, weights: np.repeat(
        weights["position_embeddings.weight"][:1], input_ids.shape[1], axis=0),
)  # fmt: skip
exercise.mistake(
    "positions by id", "the positions are looked up by token id; they are looked up by place",
    positions=lambda input_ids, weights: weights["position_embeddings.weight"][
        input_ids % len(weights["position_embeddings.weight"])],
)  # fmt: skip
exercise.mistake(
    "times √D", "the words are multiplied with √D, as in Vaswani et al. 2017, section 3.4; BERT leaves that out",
    words=lambda input_ids, weights: (
        weights["word_embeddings.weight"][input_ids] * math.sqrt(weights["word_embeddings.weight"].shape[1])),
)  # fmt: skip
exercise.mistake("mean for the sum", "the mean of the three is taken; it is the sum, and with eps that is not the same",
                 total=lambda words, positions, types: (words + positions + types) / 3)  # fmt: skip
exercise.mistake("norm forgotten", "LayerNorm is left out", output=lambda total: total)
exercise.mistake(
    "norm before the sum", "only the words are normalised; LayerNorm comes after the sum",
    total=lambda words, positions, types, weights, eps: (
        layer_norm(words, weights, "LayerNorm", eps) + positions + types),
    output=lambda total: total,
)  # fmt: skip
for name, (words_of, wrong) in WRONG_NORMALIZE.items():
    exercise.mistake(
        name, words_of,
        output=lambda total, weights, eps, wrong=wrong: layer_norm(total, weights, "LayerNorm", eps, wrong),
    )  # fmt: skip

"""The feed-forward part of a layer (Vaswani et al. 2017, section 3.3)."""

from minibert.course.chapters.parts import WRONG_GELU, linear, linear_weights
from minibert.course.exercise import Exercise
from minibert.plain import gelu


def draw(rng, B, T, D, F):
    weights = {**linear_weights(rng, "intermediate.dense", F, D), **linear_weights(rng, "output.dense", D, F)}
    return {"x": rng.normal(size=(B, T, D)), "weights": weights}


exercise = Exercise(
    "feed_forward",
    "f(x, weights)",
    """
    Two linear maps with GELU between them, for each token alone: from D numbers to F, usually 4 D, and back.
    The weights "intermediate.dense.weight" (F, D) and "output.dense.weight" (D, F) are stored (out, in), so a linear
    map is x Wᵀ + b; the biases are "intermediate.dense.bias" and "output.dense.bias".
    """,
    draw,
    [{"B": 2, "T": 4, "D": 3, "F": 5}, {"B": 3, "T": 2, "D": 4, "F": 7}],
)


@exercise.step("B T F")
def intermediate(x, weights):
    """the first linear map, from D to F"""
    return x @ weights["intermediate.dense.weight"].T + weights["intermediate.dense.bias"]


@exercise.step("B T F")
def activated(intermediate):
    """GELU of it"""
    return gelu(intermediate)


@exercise.step("B T D")
def output(activated, weights):
    """the second linear map, from F to D"""
    return activated @ weights["output.dense.weight"].T + weights["output.dense.bias"]


for name, (words, wrong) in WRONG_GELU.items():
    exercise.mistake(name, words, activated=lambda intermediate, wrong=wrong: wrong(intermediate))
exercise.mistake("no activation", "GELU is left out between the two maps", activated=lambda intermediate: intermediate)
exercise.mistake(
    "first bias forgotten", "the bias of the first map is left out",
    intermediate=lambda x, weights: x @ weights["intermediate.dense.weight"].T,
)  # fmt: skip
exercise.mistake(
    "second bias forgotten", "the bias of the second map is left out",
    output=lambda activated, weights: activated @ weights["output.dense.weight"].T,
)  # fmt: skip
exercise.mistake(
    "both biases forgotten", "the biases of both maps are left out",
    intermediate=lambda x, weights: x @ weights["intermediate.dense.weight"].T,
    output=lambda activated, weights: activated @ weights["output.dense.weight"].T,
)  # fmt: skip
exercise.mistake(
    "activation at the end too", "GELU is applied after the second map as well; nothing follows it",
    output=lambda activated, weights: gelu(linear(activated, weights, "output.dense")),
)  # fmt: skip
exercise.mistake(
    "activation at the end", "GELU is applied after the second map; it stands between the two",
    activated=lambda intermediate: intermediate,
    output=lambda activated, weights: gelu(linear(activated, weights, "output.dense")),
)  # fmt: skip
exercise.mistake(
    "residual added", "the input is added to the result; the residual sum is not part of the feed-forward part",
    output=lambda x, activated, weights: x + linear(activated, weights, "output.dense"),
)  # fmt: skip
exercise.mistake(
    "bias after the activation", "the first bias is added after GELU; it belongs to the linear map before it",
    intermediate=lambda x, weights: x @ weights["intermediate.dense.weight"].T,
    activated=lambda intermediate, weights: gelu(intermediate) + weights["intermediate.dense.bias"],
)  # fmt: skip

"""The two residual sums of a layer, each followed by LayerNorm (Vaswani et al. 2017, section 3.1)."""

import numpy as np

from minibert.course.chapters.parts import WRONG_NORMALIZE, layer_norm, norm_weights
from minibert.course.exercise import Exercise


def draw(rng, B, T, D, eps):
    matrix = rng.normal(size=(D, D)) / np.sqrt(D)

    def feed_forward(x):
        """x (B, T, D) -> (B, T, D)"""
        return np.tanh(x @ matrix)

    norms = {**norm_weights(rng, "attention.output.LayerNorm", D), **norm_weights(rng, "output.LayerNorm", D)}
    x, attended = rng.normal(size=(B, T, D)), 2 * rng.normal(size=(B, T, D))
    return {"x": x, "attended": attended, "feed_forward": feed_forward, "norms": norms, "eps": eps}


exercise = Exercise(
    "add_and_norm",
    "f(x, attended, feed_forward, norms, eps)",
    """
    How a layer is put together. x is the layer's input and attended is what attention made of it. BERT adds the two
    and normalises the sum, with the parameters "attention.output.LayerNorm.weight" and ".bias". The result goes
    through feed_forward, a function that is given; what comes out is added to what went in, and the sum is normalised
    with "output.LayerNorm". The LayerNorm stands after each sum (post-norm).
    """,
    draw,
    [{"B": 2, "T": 4, "D": 6, "eps": 1e-12}, {"B": 3, "T": 5, "D": 8, "eps": 0.3}],
)

FIRST, SECOND = "attention.output.LayerNorm", "output.LayerNorm"


@exercise.step("B T D")
def middle(x, attended, norms, eps):
    """the layer's input plus what attention made of it, normalised"""
    return layer_norm(x + attended, norms, "attention.output.LayerNorm", eps)


@exercise.step("B T D")
def fed(middle, feed_forward):
    """what the feed-forward part makes of the middle"""
    return feed_forward(middle)


@exercise.step("B T D")
def output(middle, fed, norms, eps):
    """the middle plus what the feed-forward part made of it, normalised"""
    return layer_norm(middle + fed, norms, "output.LayerNorm", eps)


exercise.mistake(
    "norm before the sum", "this is x + LayerNorm(f(x)); BERT normalises the sum, LayerNorm(x + f(x))",
    middle=lambda x, attended, norms, eps: x + layer_norm(attended, norms, FIRST, eps),
    output=lambda middle, fed, norms, eps: middle + layer_norm(fed, norms, SECOND, eps),
)  # fmt: skip
exercise.mistake(
    "pre-norm", "this is pre-norm: the feed-forward part reads LayerNorm(sum), and the sum itself goes on; "
    "in BERT the normalised values go on",
    middle=lambda x, attended: x + attended,
    fed=lambda middle, feed_forward, norms, eps: feed_forward(layer_norm(middle, norms, SECOND, eps)),
    output=lambda middle, fed: middle + fed,
)  # fmt: skip
exercise.mistake(
    "first norm forgotten", "the first sum is not normalised",
    middle=lambda x, attended: x + attended,
)  # fmt: skip
exercise.mistake("second norm forgotten", "the second sum is not normalised", output=lambda middle, fed: middle + fed)
exercise.mistake(
    "first residual forgotten", "x is not added to what attention made of it",
    middle=lambda attended, norms, eps: layer_norm(attended, norms, FIRST, eps),
)  # fmt: skip
exercise.mistake(
    "second residual forgotten", "the middle is not added to what the feed-forward part made of it",
    output=lambda fed, norms, eps: layer_norm(fed, norms, SECOND, eps),
)  # fmt: skip
exercise.mistake(
    "residual from the layer's input", "the second sum adds x, the layer's input; "
    "it adds the middle, which the feed-forward part has read",
    output=lambda x, fed, norms, eps: layer_norm(x + fed, norms, SECOND, eps),
)  # fmt: skip
exercise.mistake(
    "residual from before the norm", "the second sum adds x + attended as it was before the LayerNorm; "
    "it adds the normalised middle",
    output=lambda x, attended, fed, norms, eps: layer_norm(x + attended + fed, norms, SECOND, eps),
)  # fmt: skip
exercise.mistake(
    "feed-forward of the wrong input", "the feed-forward part reads x, the layer's input; it reads the middle",
    fed=lambda x, feed_forward: feed_forward(x),
)  # fmt: skip
exercise.mistake(
    "the other norm's parameters", "the parameters of the two LayerNorms are exchanged: "
    "attention.output.LayerNorm belongs to the first sum, output.LayerNorm to the second",
    middle=lambda x, attended, norms, eps: layer_norm(x + attended, norms, SECOND, eps),
    output=lambda middle, fed, norms, eps: layer_norm(middle + fed, norms, FIRST, eps),
)  # fmt: skip
exercise.mistake(
    "one norm for both", "both sums use the parameters of attention.output.LayerNorm; "
    "the second has its own, output.LayerNorm",
    output=lambda middle, fed, norms, eps: layer_norm(middle + fed, norms, FIRST, eps),
)  # fmt: skip
for name, (words, wrong) in WRONG_NORMALIZE.items():
    exercise.mistake(
        name, words,
        middle=lambda x, attended, norms, eps, wrong=wrong: layer_norm(x + attended, norms, FIRST, eps, wrong),
        output=lambda middle, fed, norms, eps, wrong=wrong: layer_norm(middle + fed, norms, SECOND, eps, wrong),
    )  # fmt: skip

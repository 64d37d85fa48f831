"""LayerNorm, forward (Ba et al. 2016)."""

import numpy as np

from minibert.course.chapters.parts import WRONG_NORMALIZE
from minibert.course.exercise import Exercise


def draw(rng, B, T, D, eps):
    x = rng.normal(size=(B, T, D)) * rng.uniform(0.5, 2, size=(B, T, 1)) + rng.normal(size=(B, T, 1))
    return {"x": x, "gamma": 1 + rng.normal(size=D) / 2, "beta": rng.normal(size=D), "eps": eps}


exercise = Exercise(
    "layer_norm",
    "f(x, gamma, beta, eps)",
    """
    Layer normalisation: every token's vector of D numbers is moved to mean 0 and scaled to variance 1, then scaled
    by gamma and moved by beta, both learned. eps stands under the root, so that equal numbers do not divide by zero.
    """,
    draw,
    [{"B": 2, "T": 4, "D": 6, "eps": 1e-12}, {"B": 3, "T": 5, "D": 7, "eps": 0.3}],
)


@exercise.step("B T 1", also=[lambda x: x.mean(axis=-1)])
def mean(x):
    """the mean of each token's D numbers"""
    return x.mean(axis=-1, keepdims=True)


@exercise.step("B T 1", also=[lambda x: x.var(axis=-1)])
def variance(x, mean):
    """the mean of the squared distances from the mean"""
    return ((x - mean) ** 2).mean(axis=-1, keepdims=True)


@exercise.step("B T D")
def normalized(x, mean, variance, eps):
    """the distance from the mean, divided by the root of variance + eps"""
    return (x - mean) / np.sqrt(variance + eps)


@exercise.step("B T D")
def output(normalized, gamma, beta):
    """gamma times the normalised values, plus beta"""
    return gamma * normalized + beta


for name in ("mean kept", "eps outside the root", "no eps"):
    words, wrong = WRONG_NORMALIZE[name]
    exercise.mistake(name, words, normalized=wrong)
exercise.mistake(
    "unbiased variance", WRONG_NORMALIZE["unbiased variance"][0],
    variance=lambda x: x.var(axis=-1, ddof=1, keepdims=True),
)  # fmt: skip
exercise.mistake(
    "mean of squares", "the variance is the mean of x², without the mean subtracted; it is the mean of (x - mean)²",
    variance=lambda x: (x**2).mean(axis=-1, keepdims=True),
)  # fmt: skip
for name, axis in (("over the tokens", 1), ("over the whole batch", None)):
    exercise.mistake(
        name, WRONG_NORMALIZE[name][0],
        mean=lambda x, axis=axis: x.mean(axis=axis, keepdims=True),
        variance=lambda x, axis=axis: x.var(axis=axis, keepdims=True),
    )  # fmt: skip
exercise.mistake(
    "over tokens and width", "mean and variance run over all tokens of a text; each token has its own",
    mean=lambda x: x.mean(axis=(1, 2), keepdims=True),
    variance=lambda x: x.var(axis=(1, 2), keepdims=True),
)  # fmt: skip
exercise.mistake(
    "root forgotten", "it is divided by variance + eps, without the root",
    normalized=lambda x, mean, variance, eps: (x - mean) / (variance + eps),
)  # fmt: skip
exercise.mistake("gamma forgotten", "gamma is left out", output=lambda normalized, beta: normalized + beta)
exercise.mistake("beta forgotten", "beta is left out", output=lambda normalized, gamma: gamma * normalized)
exercise.mistake("both forgotten", "gamma and beta are left out", output=lambda normalized: normalized)
exercise.mistake(
    "gamma and beta exchanged", "gamma and beta are exchanged: gamma multiplies, beta is added",
    output=lambda normalized, gamma, beta: beta * normalized + gamma,
)  # fmt: skip
exercise.mistake(
    "beta before gamma", "beta is added before gamma multiplies; it is gamma n + beta",
    output=lambda normalized, gamma, beta: gamma * (normalized + beta),
)  # fmt: skip

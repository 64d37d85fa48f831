"""GELU, the exact form (Hendrycks & Gimpel 2016)."""

import math

import numpy as np

from minibert.course.chapters.parts import WRONG_GELU
from minibert.course.exercise import Exercise
from minibert.plain import erf

exercise = Exercise(
    "gelu",
    "f(x)",
    """
    BERT's activation: x Φ(x), where Φ(x) = (1 + erf(x / √2)) / 2 is how much of the standard normal distribution lies
    below x. NumPy has no erf: np.vectorize(math.erf) makes one.
    """,
    lambda rng, B, T, F: {"x": 2 * rng.normal(size=(B, T, F))},
    [{"B": 2, "T": 3, "F": 5}, {"B": 3, "T": 4, "F": 2}],
)


@exercise.step("B T F")
def cdf(x):
    """Φ(x), from 0 to 1"""
    return (1 + erf(x / math.sqrt(2))) / 2


@exercise.step("B T F")
def output(x, cdf):
    """x times Φ(x)"""
    return x * cdf


for name, (words, wrong) in WRONG_GELU.items():
    if name != "erf without √2":
        exercise.mistake(name, words, output=wrong)
exercise.mistake("erf without √2", WRONG_GELU["erf without √2"][0], cdf=lambda x: (1 + erf(x)) / 2)
exercise.mistake(
    "density", "this is the density φ(x) of the normal distribution; Φ(x) is its sum up to x",
    cdf=lambda x: np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
)  # fmt: skip
exercise.mistake(
    "erf of √2 x", "erf is taken of √2 x; it is x / √2",
    cdf=lambda x: (1 + erf(x * math.sqrt(2))) / 2,
)  # fmt: skip

"""Small functions that several exercises take as known, and the wrong forms of LayerNorm and GELU that they share."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minibert.plain import erf, gelu

Array = np.ndarray


def padded(batch: int, tokens: int) -> Array:
    """An attention mask (B, T): the first text is whole, each next one is a token shorter, down to two."""
    lengths = [max(2, tokens - row) for row in range(batch)]
    return np.array([[1] * length + [0] * (tokens - length) for length in lengths])


def norm_weights(rng: np.random.Generator, name: str, width: int) -> dict[str, Array]:
    """A LayerNorm's parameters (D,), neither ones nor zeros."""
    return {f"{name}.weight": 1 + rng.normal(size=width) / 2, f"{name}.bias": rng.normal(size=width)}


def linear_weights(rng: np.random.Generator, name: str, width_out: int, width_in: int) -> dict[str, Array]:
    """A linear map's parameters: weight (out, in) and bias (out,)."""
    return {
        f"{name}.weight": rng.normal(size=(width_out, width_in)) / math.sqrt(width_in),
        f"{name}.bias": rng.normal(size=width_out),
    }


def softmax(scores: Array, axis: int = -1) -> Array:
    """scores (...) -> (...): not negative, with sum 1 along the axis."""
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def linear(x: Array, weights: Mapping[str, Array], name: str) -> Array:
    """x (..., in) -> (..., out): x Wᵀ + b."""
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def normalize(x: Array, eps: float) -> Array:
    """x (..., D) -> (x - mean) / √(variance + eps), over the last axis."""
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + eps)


def layer_norm(
    x: Array, weights: Mapping[str, Array], name: str, eps: float, normalize: Callable[..., Array] = normalize
) -> Array:
    """x (..., D) -> (..., D), with the parameters of that name; `normalize` may be a wrong form of it."""
    return normalize(x, eps) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


# name -> (words, wrong form of `normalize`)
WRONG_NORMALIZE: dict[str, tuple[str, Any]] = {
    "mean kept": (
        "LayerNorm does not subtract the mean: it is (x - mean) / √(variance + eps)",
        lambda x, eps: x / np.sqrt(x.var(axis=-1, keepdims=True) + eps),
    ),
    "eps outside the root": (
        "eps is added outside the root, std + eps; it belongs under it, √(variance + eps)",
        lambda x, eps: (x - x.mean(axis=-1, keepdims=True)) / (x.std(axis=-1, keepdims=True) + eps),
    ),
    "no eps": (
        "eps is left out; it belongs under the root, √(variance + eps)",
        lambda x, eps: (x - x.mean(axis=-1, keepdims=True)) / x.std(axis=-1, keepdims=True),
    ),
    "unbiased variance": (
        "the variance divides by D - 1; LayerNorm's divides by D",
        lambda x, eps: (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, ddof=1, keepdims=True) + eps),
    ),
    "over the tokens": (
        "mean and variance run over the tokens (axis 1); LayerNorm's run over the last axis, for each token alone",
        lambda x, eps: (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + eps),
    ),
    "over the whole batch": (
        "mean and variance run over the whole array; LayerNorm's run over the last axis, for each token alone",
        lambda x, eps: (x - x.mean()) / np.sqrt(x.var() + eps),
    ),
}

# name -> (words, wrong form of `gelu`)
WRONG_GELU: dict[str, tuple[str, Any]] = {
    "tanh form": (
        "this is GELU's approximation with tanh (gelu_new); BERT's is the exact one with erf",
        lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    "sigmoid form": (
        "this is the approximation x σ(1.702 x); BERT's GELU is the exact one with erf",
        lambda x: x / (1 + np.exp(-1.702 * x)),
    ),
    "erf without √2": (
        "erf is taken of x instead of x / √2: Φ(x) = (1 + erf(x / √2)) / 2",
        lambda x: x * (1 + erf(x)) / 2,
    ),
    "Φ alone": (
        "this is Φ(x) alone; GELU is x Φ(x)",
        lambda x: (1 + erf(x / math.sqrt(2))) / 2,
    ),
    "half forgotten": (
        "this is x (1 + erf(x / √2)), without the half",
        lambda x: 2 * gelu(x),
    ),
    "one forgotten": (
        "this is x erf(x / √2) / 2, without the 1 in Φ(x) = (1 + erf(x / √2)) / 2",
        lambda x: x * erf(x / math.sqrt(2)) / 2,
    ),
    "ReLU": (
        "this is ReLU; BERT's GELU is x Φ(x), smooth at zero and a little negative below it",
        lambda x: np.maximum(x, 0),
    ),
    "SiLU": (
        "this is x σ(x), SiLU; BERT's GELU is x Φ(x)",
        lambda x: x / (1 + np.exp(-x)),
    ),
}  # fmt: skip

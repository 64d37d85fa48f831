"""LayerNorm made wrongly; gamma and beta are read off the golden values without the weights."""

from pathlib import Path

import numpy as np

from minibert.golden import open_pack
from tests.golden.models import mistaken, weights

NORM = "bert.encoder.layer.0.attention.output"


def normalised(x: np.ndarray, eps: float = 1e-12, ddof: int = 0) -> np.ndarray:
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True, ddof=ddof) + eps)


def test_outputs_of_a_wrong_layer_norm(forward_pack: Path) -> None:
    state = weights()
    gamma, beta = (state[f"{NORM}.LayerNorm.{part}"] for part in ("weight", "bias"))
    x = open_pack(forward_pack)[f"{NORM}.sum"].astype(np.float64)
    for other, words in (
        (normalised(x, ddof=1) * gamma + beta, "unbiased variance: LayerNorm divides by D, not by D - 1"),
        (normalised(x, eps=1e-3) * gamma + beta, "wrong epsilon: 0.001 in LayerNorm, where 1e-12 belongs"),
        (normalised(x), "LayerNorm's gamma and beta are missing"),
        (normalised(x) * gamma, "LayerNorm's beta (bias) is missing"),
        (normalised(x) * beta + gamma, "LayerNorm's gamma and beta are exchanged"),
        (x, "LayerNorm is missing"),
    ):
        for known in (None, state):
            assert mistaken(forward_pack, NORM, other, known).startswith(words)


def test_values_inside_it(forward_pack: Path) -> None:
    x = open_pack(forward_pack)[f"{NORM}.sum"].astype(np.float64)
    inside = f"{NORM}.LayerNorm"
    unbiased = 1 / np.sqrt(x.var(axis=-1, keepdims=True, ddof=1) + 1e-12)
    assert mistaken(forward_pack, f"{inside}.rstd", unbiased) == "unbiased variance: divided by D - 1"
    root_mean_square = x / np.sqrt((x * x).mean(axis=-1, keepdims=True))
    assert (
        mistaken(forward_pack, f"{inside}.normalized", root_mean_square) == "the mean is not subtracted, as in RMSNorm"
    )


def test_a_wrong_sum_is_seen_after_it(forward_pack: Path) -> None:
    """Where a port shows no sums, the mistake shows in what LayerNorm makes of them."""
    state = weights()
    gamma, beta = (state[f"{NORM}.LayerNorm.{part}"] for part in ("weight", "bias"))
    dense = open_pack(forward_pack)[f"{NORM}.dense"].astype(np.float64)
    assert mistaken(forward_pack, NORM, normalised(dense) * gamma + beta) == "the residual connection is missing"

"""Activations that are others, doubled or missing."""

from pathlib import Path

import numpy as np

from minibert.functional.activations import ACTIVATIONS
from minibert.golden import open_pack
from tests.golden.models import mistaken

NAME = "bert.encoder.layer.0.intermediate"


def test_another_activation(forward_pack: Path) -> None:
    dense = open_pack(forward_pack)[f"{NAME}.dense"].astype(np.float64)
    for other, words in (
        (ACTIVATIONS["gelu_new"].forward(dense), "tanh-GELU for erf-GELU: the approximation stands where the exact"),
        (np.maximum(dense, 0.0), "another activation: relu for gelu"),
        (np.tanh(dense), "another activation: tanh for gelu"),
        (dense, "the activation is missing"),
    ):
        assert mistaken(forward_pack, NAME, np.asarray(other)).startswith(words)

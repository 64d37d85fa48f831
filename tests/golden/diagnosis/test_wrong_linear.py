"""Linear maps made wrongly, with the weights at hand."""

from pathlib import Path

import numpy as np

from minibert.golden import open_pack
from tests.golden.models import mistaken, weights

SELF = "bert.encoder.layer.1.attention.self"


def test_wrong_weights(forward_pack: Path) -> None:
    state, pack = weights(), open_pack(forward_pack)
    x = pack["bert.encoder.layer.0.output"].astype(np.float64)

    def mapped(path: str, turned: bool = False) -> np.ndarray:
        weight = state[f"{path}.weight"]
        return x @ (weight if turned else weight.T) + state[f"{path}.bias"]

    for other, words in (
        (mapped(f"{SELF}.key") - state[f"{SELF}.key.bias"], "the bias is missing"),
        (mapped(f"{SELF}.key", turned=True), "the weight is transposed: x W for x Wᵀ"),
        (mapped(f"{SELF}.value"), "key is computed with the weights of value"),
        (
            mapped(f"{SELF.replace('.1.', '.0.')}.key"),
            "wrong layer order: layer 1 is computed with the weights of layer 0",
        ),
    ):
        assert mistaken(forward_pack, f"{SELF}.key", other, state) == words


def test_wrong_inputs(forward_pack: Path) -> None:
    state, pack = weights(), open_pack(forward_pack)
    name = "bert.encoder.layer.1.intermediate.dense"
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    before = pack["bert.encoder.layer.1.attention.output.sum"]
    assert mistaken(forward_pack, name, before @ weight.T + bias, state) == "LayerNorm after the attention is left out"


def test_nothing_is_said_without_the_weights(forward_pack: Path) -> None:
    name = f"{SELF}.key"
    other = open_pack(forward_pack)[name] - weights()[f"{name}.bias"]
    assert mistaken(forward_pack, name, other) == ""

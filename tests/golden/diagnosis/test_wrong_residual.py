"""Residual sums with a term missing, doubled, or taken from elsewhere."""

from pathlib import Path

import numpy as np

from minibert.golden import open_pack
from tests.golden.models import mistaken

LAYER = "bert.encoder.layer.1"


def test_terms_of_the_sum(forward_pack: Path) -> None:
    pack = open_pack(forward_pack)
    dense, total = pack[f"{LAYER}.output.dense"], pack[f"{LAYER}.output.sum"]
    residual = total - dense
    entering = pack["bert.encoder.layer.0.output"]
    for other, words in (
        (dense, "the residual connection is missing"),
        (residual, "only the residual is there: what the step computed was not added"),
        (dense + 2 * residual, "the residual was added twice"),
        (dense - residual, "the residual was subtracted"),
        (dense + entering, "wrong residual: the layer's input was added, where the attention's output belongs"),
    ):
        assert mistaken(forward_pack, f"{LAYER}.output.sum", other) == words


def test_dropout_before_the_sum(forward_pack: Path) -> None:
    pack = open_pack(forward_pack)
    dense, total = pack[f"{LAYER}.output.dense"], pack[f"{LAYER}.output.sum"]
    kept = np.random.default_rng(0).random(dense.shape) < 0.8
    other = total - dense + np.where(kept, dense / 0.8, 0.0)
    words = mistaken(forward_pack, f"{LAYER}.output.sum", other)
    assert words.startswith("dropout is on: ")
    assert words.endswith("1.25 times as large")

"""Shapes that differ, and why."""

from pathlib import Path

import numpy as np

from minibert.golden import diff, open_pack
from tests.golden.models import ported


def test_shapes_and_kinds(pack: Path) -> None:
    right = ported()["bert.embeddings"]
    query = "bert.encoder.layer.0.attention.self.query"
    heads = ported()[query].reshape(2, 7, 3, 8).transpose(0, 2, 1, 3)
    for array, words in (
        (right.transpose(1, 0, 2), "transposed: it is the golden tensor with its axes in the order (1, 0, 2)"),
        (right.reshape(14, 24), "the same numbers in the same order, as (14, 24) for (2, 7, 24): reshape it"),
        (right[:, :5], "axis 1 has 5 entries for 7"),
        (np.zeros((24, 14)), "as many numbers, but (24, 14) for (2, 7, 24), and not in the same order"),
    ):
        row = diff(pack, {"bert.embeddings": array})["bert.embeddings"]
        assert row.verdict == "shape"
        assert row.diagnosis == words
    row = diff(pack, {query: heads})[query]
    assert row.diagnosis.startswith("the heads are not merged yet")
    name = "bert.extended_attention_mask"
    mask = open_pack(pack)[name]
    row = diff(pack, {name: np.repeat(mask, 7, axis=2)})[name]
    assert row.diagnosis == "the same mask, repeated for every query"
    row = diff(pack, {"bert.embeddings": right > 0})["bert.embeddings"]
    assert (row.verdict, row.detail) == ("dtype", "golden float32, other bool")

"""Patterns that any step may show."""

import math
from pathlib import Path

import numpy as np

from minibert.golden import diff, open_pack
from tests.golden.models import ported


def test_general_patterns(pack: Path) -> None:
    key = "bert.encoder.layer.0.attention.self.key"
    right = ported()[key]
    swapped = right.reshape(2, 7, 3, 8)[:, :, [2, 0, 1]].reshape(right.shape)
    fortran = right.reshape(-1, order="F").reshape(right.shape)
    nan = right.copy()
    nan[0, 0, 0] = np.nan
    for array, words in (
        (swapped, "heads permuted: the golden heads in the order [2, 0, 1]"),
        (fortran, "row-major and column-major are confused"),
        (right[:, ::-1], "tokens permuted: the golden tokens in the order [6, 5, 4, 3, 2, 1, 0]"),
        (nan, "1 of 336 numbers are NaN"),
        (right + 1, "the same number, 1, is added everywhere"),
        (right * np.float32(math.sqrt(8)), "√K, K the width of a head"),
        (right / np.float32(math.sqrt(24)), "1 / √D, D the hidden width"),
    ):
        assert words in diff(pack, {key: array})[key].diagnosis
    gradient = "parameter_grad/bert.pooler.dense.weight"
    weight = "parameter_grad/bert.encoder.layer.0.attention.self.value.weight"
    assert gradient not in open_pack(pack)
    turned = np.array(open_pack(pack)[weight]).T
    assert "transposed: axes 0 and 1" in diff(pack, {weight: turned})[weight].diagnosis
    loss = np.array(open_pack(pack)["loss"]) * 5
    assert diff(pack, {"loss": loss})["loss"].diagnosis == "the loss is the sum over 5 labels, not their mean"

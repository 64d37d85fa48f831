"""Losses whose mean was taken otherwise."""

from pathlib import Path

import numpy as np

from minibert.golden import open_pack
from tests.golden.models import mistaken


def test_means_of_the_loss(pack: Path) -> None:
    loss = np.asarray(open_pack(pack)["loss"], np.float64)
    for other, words in (
        (loss * 5, "the loss is the sum over 5 labels, not their mean"),
        (loss * 5 / 14, "the mean is over all labels, those of -100 counted in"),
        (loss / np.log(2.0), "the logarithm is to the base 2"),
        (loss * 1.5, ""),
    ):
        assert mistaken(pack, "loss", np.asarray(other)) == words

"""The right numbers in the wrong order."""

from pathlib import Path

import numpy as np

from minibert.golden import open_pack
from minibert.golden.diagnosis.wrong_order import heads_permuted, laid_out_otherwise, slices_permuted, transposed
from tests.golden.models import pair_of

SCORES, KEY = "bert.encoder.layer.0.attention.self.scores", "bert.encoder.layer.0.attention.self.key"


def test_slices(forward_pack: Path) -> None:
    pack = open_pack(forward_pack)
    for name, order, axis, words in (
        (KEY, [1, 0], 0, "texts permuted: the golden texts in the order [1, 0]"),
        (KEY, [6, 0, 1, 2, 3, 4, 5], 1, "tokens permuted: the golden tokens in the order [6, 0, 1, 2, 3, 4, 5]"),
        (SCORES, [2, 0, 1], 1, "heads permuted: the golden heads in the order [2, 0, 1]"),
    ):
        assert slices_permuted(pair_of(forward_pack, name, np.take(pack[name], order, axis))) == words
    assert slices_permuted(pair_of(forward_pack, KEY, pack[KEY] + 1.0)) == ""


def test_heads_within_a_token(forward_pack: Path) -> None:
    key = open_pack(forward_pack)[KEY].reshape(2, 7, 3, 8)
    moved = key[:, :, [1, 2, 0]].reshape(2, 7, 24)
    assert (
        heads_permuted(pair_of(forward_pack, KEY, moved)) == "heads permuted: the golden heads in the order [1, 2, 0]"
    )
    fastest = key.swapaxes(2, 3).reshape(2, 7, 24)
    assert laid_out_otherwise(pair_of(forward_pack, KEY, fastest)).startswith("the head index runs fastest")
    unmoved = key.swapaxes(1, 2).reshape(2, 7, 24)
    assert laid_out_otherwise(pair_of(forward_pack, KEY, unmoved)).startswith("heads merged without moving")


def test_rows_for_columns(pack: Path) -> None:
    name = "parameter_grad/bert.encoder.layer.0.attention.self.value.weight"
    weight = np.array(open_pack(pack)[name])
    assert transposed(pair_of(pack, name, weight.T)) == "transposed: axes 0 and 1 are exchanged"
    columns = weight.reshape(-1, order="F").reshape(weight.shape)
    assert laid_out_otherwise(pair_of(pack, name, columns)).endswith("the numbers stand in Fortran order")
    assert slices_permuted(pair_of(pack, name, weight[::-1])) == ""  # rows of a weight are no texts

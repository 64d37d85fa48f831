"""When an explanation counts, and what a diagnosis sees around a tensor."""

from pathlib import Path

import numpy as np
import pytest

from minibert.golden import open_pack
from minibert.golden.diagnosis import tensor_pair
from tests.golden.models import pair_of, weights

KEY = "bert.encoder.layer.0.attention.self.key"


def test_an_explanation_leaves_a_tenth_of_the_difference(forward_pack: Path) -> None:
    golden = open_pack(forward_pack)[KEY].astype(np.float64)
    pair = pair_of(forward_pack, KEY, golden + 1.0)
    assert pair.distance == pytest.approx(1.0)
    assert pair.explains(golden + 0.95)
    assert not pair.explains(golden + 0.8)
    assert not pair.explains(np.full_like(golden, np.nan))
    assert not pair.explains(golden[:, :3])
    assert not pair_of(forward_pack, KEY, golden).explains(golden)  # without a difference there is nothing to explain


def test_the_first_mistake_that_explains(forward_pack: Path) -> None:
    golden = open_pack(forward_pack)[KEY].astype(np.float64)
    pair = pair_of(forward_pack, KEY, golden + 1.0)
    mistakes = [("half", golden + 0.5), ("all", golden + 1.0), ("all again", golden + 1.0)]
    assert pair.first_that_explains(iter(mistakes)) == "all"
    assert pair.first_that_explains(iter([("half", golden + 0.5)])) == ""
    assert pair.first_that_explains(iter([("known to be true", None)])) == "known to be true"


def test_of_a_large_tensor_the_worst_text_is_looked_at(forward_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_pair, "MOST_NUMBERS", 200)
    pack = open_pack(forward_pack)
    golden = pack[KEY]
    other = golden.copy()
    other[1, 2, 3] += 1.0
    pair = tensor_pair.TensorPair(pack.entries[KEY], golden, other, 0.0, pack, worst=(1, 2, 3))
    assert pair.golden.shape == (1, 7, 24)
    np.testing.assert_array_equal(pair.other[0], other[1])
    np.testing.assert_array_equal(pair.golden_value("input_ids")[0], pack["input_ids"][1])  # type: ignore[index]


def test_what_stands_around_it(forward_pack: Path) -> None:
    pack = open_pack(forward_pack)
    own = {"bert.embeddings": pack["bert.embeddings"] + 1.0, "bert.embeddings.sum": np.zeros(3)}
    pair = tensor_pair.TensorPair(pack.entries[KEY], pack[KEY], pack[KEY], 0.0, pack, own, weights())
    np.testing.assert_array_equal(pair.value_fed("bert.embeddings"), own["bert.embeddings"])
    np.testing.assert_array_equal(pair.value_fed("bert.embeddings.sum"), pack["bert.embeddings.sum"])  # of no use here
    assert pair.value_fed("nothing") is None
    assert pair.weight("bert.embeddings.LayerNorm.weight").shape == (24,)  # type: ignore[union-attr]
    assert (pair.parent, pair.prefix, pair.heads) == ("bert.encoder.layer.0.attention.self", "bert.", 3)
    np.testing.assert_array_equal(pair.padding(), pack["attention_mask"] == 0)

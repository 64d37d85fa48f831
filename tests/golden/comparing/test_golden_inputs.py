"""What a port's step may see: golden values before its own, by name or by nearness."""

from pathlib import Path

import numpy as np
import pytest

from minibert.golden import GoldenError, GoldenInputs, open_pack


def inputs_of(path: Path, name: str) -> GoldenInputs:
    pack = open_pack(path)
    return GoldenInputs(pack, pack.entries[name], {each: place for place, each in enumerate(pack.entries)})


def test_near_is_the_same_module_then_the_ones_around_it(forward_pack: Path) -> None:
    pack = open_pack(forward_pack)
    golden = inputs_of(forward_pack, "bert.encoder.layer.1.attention.self.scores")
    np.testing.assert_array_equal(golden.near("query"), pack["bert.encoder.layer.1.attention.self.query"])
    np.testing.assert_array_equal(golden.near("extended_attention_mask"), pack["bert.extended_attention_mask"])
    np.testing.assert_array_equal(golden.near("input_ids"), pack["input_ids"])
    assert (golden.layer, golden.config["num_attention_heads"]) == (1, 3)
    assert inputs_of(forward_pack, "cls.predictions").layer is None


def test_only_what_was_computed_before(forward_pack: Path) -> None:
    golden = inputs_of(forward_pack, "bert.embeddings.sum")
    assert "bert.embeddings.word_embeddings" in golden
    assert "bert.embeddings" not in golden
    assert 3 not in golden
    assert list(golden)[-1] != "bert.embeddings.sum"
    assert len(list(golden)) == len(golden)
    with pytest.raises(GoldenError, match=r"asked for bert\.embeddings\.sum, which is not computed before it"):
        golden["bert.embeddings.sum"]

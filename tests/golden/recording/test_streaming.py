"""A run that is handed on value by value keeps little more than one layer."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.golden import check, diff, open_pack, record


@pytest.mark.parametrize("step", ["diff", "check"])
def test_memory_is_about_one_layer(tmp_path: Path, step: str) -> None:
    config = mb.BertConfig(
        vocab_size=200, hidden_size=96, num_hidden_layers=4, num_attention_heads=4, intermediate_size=384,
        max_position_embeddings=96,
    )  # fmt: skip
    model = mb.BertModel(config, seed=0)
    ids = np.random.default_rng(0).integers(1, 200, size=(4, 96))
    seed = {"last_hidden_state": np.ones((4, 96, 96), np.float32)}
    path = record(model, {"input_ids": ids}, tmp_path / "p", backward=seed)
    pack = open_pack(path)
    layer = sum(pack[name].nbytes for name in pack if ".layer.1." in name)
    whole = sum(pack[name].nbytes for name in pack)
    assert whole > 3.5 * layer
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        report = diff(path, path) if step == "diff" else check(path, model)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert report.ok
    assert any(row.kind == "parameter gradient" for row in report)
    assert peak <= 1.5 * layer, f"{peak / layer:.2f} layers"

"""Noise floors, and what a writer refuses."""

from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.golden import GoldenError, open_pack, record
from minibert.golden.packs.named_array import NamedArray
from minibert.golden.packs.writer import PackWriter
from tests.golden.models import batch, bert


def test_noise_floor_is_the_measured_error(tmp_path: Path) -> None:
    inputs = batch()
    pack = open_pack(record(bert(), inputs, tmp_path / "p"))
    wide, narrow = mb.Trace(), mb.Trace()
    bert().to(dtype="float64")(**inputs, trace=wide)
    bert()(**inputs, trace=narrow)
    compared = 0
    for name in ("bert.encoder.layer.1.output", "cls.predictions", "bert.encoder.layer.0.attention.self.probs"):
        measured = float(np.abs(narrow[name].astype(np.float64) - wide[name]).max())
        noise = pack.entries[name].noise
        assert noise is not None
        assert noise["max_abs"] == measured > 0
        assert pack.entries[name].floor["max_abs"] >= measured  # type: ignore[index]
        compared += 1
    assert compared == 3


def test_run_that_is_not_the_same_twice(tmp_path: Path) -> None:
    with PackWriter(tmp_path / "p", {}, "float32") as writer:
        value = NamedArray("loss", "value", np.ones(1, np.float32))
        with pytest.raises(GoldenError, match="loss came in one precision and not in the other: the pass is not"):
            writer.put(value)

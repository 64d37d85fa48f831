"""Arrays of other programs: files that are damaged, and mappings of any kind."""

from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.golden import GoldenError, diff
from minibert.weights.save import save_safetensors
from tests.golden.models import batch, bert


def test_bad_files_are_one_sentence(pack: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"PK not really")
    with pytest.raises(GoldenError, match=r"bad\.npz cannot be read as an \.npz file"):
        diff(pack, bad)
    np.savez(bad, loss=np.array([object()]))
    with pytest.raises(GoldenError, match=r"bad\.npz: 'loss' cannot be read"):
        diff(pack, bad)
    save_safetensors(tmp_path / "x.safetensors", {"x": np.zeros(1)})
    with pytest.raises(GoldenError, match=r"no golden pack: it has no manifest"):
        diff(tmp_path / "x.safetensors", {})


def test_a_trace_is_a_mapping_too(pack: Path) -> None:
    trace = mb.Trace()
    bert()(**batch(labels=True), trace=trace)
    assert diff(pack, trace).ok

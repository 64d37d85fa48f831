"""Tolerances: multiples of the noise floor, of the coarser precision."""

from pathlib import Path

import numpy as np

from minibert.golden import check, diff, open_pack, record
from tests.golden.models import batch, bert, ported


def test_tolerance_is_the_stated_multiple_of_the_floor(pack: Path) -> None:
    report = diff(pack, ported(), multiple=7)
    entries = open_pack(pack).entries
    rows = [row for row in report if row.difference is not None and row.floor]
    assert len(rows) > 30
    for row in rows:
        assert row.floor == entries[row.name].floor["max_abs"]  # type: ignore[index]
        assert row.tolerance == 7 * row.floor
    assert not diff(pack, ported(), multiple=0.01).ok


def test_precision_widens_the_tolerance(pack: Path) -> None:
    rough = {
        name: (array.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)
        if array.dtype == np.float32
        else array
        for name, array in ported().items()
    }
    report = diff(pack, rough)
    assert not report.ok
    assert "bfloat16" in report.first.diagnosis  # type: ignore[union-attr]
    rough = {name: array for name, array in rough.items() if not name.endswith("scores")}  # cut hidden ones grow
    assert diff(pack, rough, precision="bfloat16").ok


def test_float64_is_held_to_float64_and_float32_to_float32(tmp_path: Path) -> None:
    model = bert("float64")
    path = record(model, batch(), tmp_path / "p")
    assert check(path, model).ok
    assert check(path, bert()).ok  # float32 numbers of the same model, within float32's noise
    name = "bert.embeddings.word_embeddings.weight"
    model.parameters[name] = model.parameters[name] * (1 + 1e-9)
    report = check(path, model)
    assert report.first.name == "bert.embeddings.word_embeddings"  # type: ignore[union-attr]

"""What a comparison cannot show is said."""

from pathlib import Path

import minibert as mb
from tests.golden.models import batch, bert, ported


def test_an_epsilon_that_no_number_shows(forward_pack: Path) -> None:
    report = mb.golden.diff(forward_pack, ported())
    assert report.ok
    assert len(report.notes) == 1
    assert report.notes[0].startswith("layer_norm_eps, 1e-12, cannot be seen in these numbers: without it none would ")
    assert not mb.golden.diff(forward_pack, ported("scale missing")).notes  # the first mistake comes first
    assert not mb.golden.diff(forward_pack, forward_pack).notes  # two packs say their rules themselves


def test_an_epsilon_that_shows(tmp_path: Path) -> None:
    pack = mb.golden.record(bert(layer_norm_eps=1e-2), batch(), tmp_path / "large.safetensors")
    golden = mb.golden.open_pack(pack)
    values = {entry.name: golden[entry.name] for entry in golden.results()}
    report = mb.golden.diff(pack, values)
    assert report.ok
    assert not report.notes

"""Names of the other side: exact, with *, by a function, and aliases."""

from pathlib import Path

import numpy as np

from minibert.golden import diff
from minibert.weights.save import save_safetensors
from tests.golden.models import ported

SELF = "bert.encoder.layer.*.attention.self"


def test_maps_of_names(pack: Path, tmp_path: Path) -> None:
    ours = ported()
    theirs = {
        name.replace("bert.encoder.layer.", "blocks.").replace("attention.self.", "attn."): array
        for name, array in ours.items()
    }
    pairs = [(f"{SELF}.*", "blocks.*.attn.*"), ("bert.encoder.layer.*", "blocks.*")]
    for names in (pairs, dict(pairs), lambda name: dict(zip(ours, theirs, strict=True)).get(name)):
        report = diff(pack, theirs, names=names)
        assert report.ok
        assert report.compared == len(ours)
    np.savez(tmp_path / "theirs.npz", **theirs)
    assert diff(pack, tmp_path / "theirs.npz", names=pairs).compared == len(ours)
    save_safetensors(tmp_path / "theirs.safetensors", theirs)
    assert diff(pack, str(tmp_path / "theirs.safetensors"), names=pairs).compared == len(ours)


def test_aliases_find_their_value(pack: Path) -> None:
    report = diff(pack, {"bert.encoder.layer.0": ported()["bert.encoder.layer.0.output"]})
    assert report.compared == 1
    assert report["bert.encoder.layer.0.output"].ok

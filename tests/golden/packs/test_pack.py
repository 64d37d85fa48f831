"""Packs that were cut, changed, or are none: one sentence, never anything else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.golden import GoldenError, check, diff, open_pack
from minibert.golden.packs.manifest import KEY, metadata
from minibert.weights.save import save_safetensors
from tests.golden.models import bert, rewrite


def test_every_cut_is_one_sentence(copied: Path) -> None:
    content = copied.read_bytes()
    for size in (0, 4, 8, 100, len(content) // 4, len(content) // 2, len(content) - 1):
        copied.write_bytes(content[:size])
        with pytest.raises(mb.MinibertError) as caught:
            check(copied, bert())
        assert "pack.safetensors" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_random_damage_never_escapes(forward_pack: Path, copied: Path) -> None:
    content = forward_pack.read_bytes()
    rng = np.random.default_rng(0)
    outcomes, errors = set(), []
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content) if rng.random() < 0.5 else 20000, size=3):
            damaged[place] ^= 1 << int(rng.integers(8))
        copied.write_bytes(damaged)
        try:
            outcomes.add(diff(forward_pack, copied).ok)
        except mb.MinibertError as error:
            outcomes.add("error")
            errors.append(str(error))
    assert outcomes <= {False, "error"}  # every change is noticed
    assert len(outcomes) == 2
    assert not [error for error in errors if "\n" in error]


def newer(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    manifest["format"] = 2


def no_such_format(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    manifest["format"] = "one"


def without_semantics(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    del manifest["semantics"]


def wrong_entry(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    manifest["tensors"][3] = {"name": "x"}


def odd_options(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    manifest["options"] = 3


def odd_model(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    manifest["model"] = {"class": 1}


def missing_tensor(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    del arrays["bert.embeddings"]


def extra_tensor(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    arrays["what.is.this"] = np.zeros(1)


def other_shape(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    arrays["bert.embeddings"] = np.zeros((1, 2), np.float32)


CHANGES = [
    (newer, "is a golden pack of format 2, and this minibert reads formats up to 1: install a newer minibert."),
    (no_such_format, "the pack's format is 'one', which is none that there has been."),
    (without_semantics, "the pack's manifest has no 'semantics'."),
    (odd_options, "'options' of the pack's manifest is not what golden.record writes."),
    (odd_model, "'model' of the pack's manifest is not what golden.record writes."),
    (wrong_entry, "the pack's manifest describes a tensor wrongly (KeyError('kind'))."),
    (missing_tensor, "the manifest lists 'bert.embeddings', which the file does not hold."),
    (extra_tensor, "the file holds 'what.is.this', which the manifest does not list."),
    (other_shape, "'bert.embeddings' is float32 (1, 2) in the file and float32 (2, 7, 24) in the manifest."),
]


@pytest.mark.parametrize(("change", "text"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_changed_manifest_is_one_sentence(copied: Path, change: Any, text: str) -> None:
    rewrite(copied, change)
    with pytest.raises(GoldenError) as caught:
        open_pack(copied)
    assert text in str(caught.value)
    assert str(copied) in str(caught.value)


def test_unsealed_change_of_the_manifest_is_noticed(copied: Path) -> None:
    rewrite(copied, without_semantics, seal=False)
    with pytest.raises(GoldenError, match="the pack's manifest does not fit its checksum: it was changed after"):
        open_pack(copied)


def test_files_that_are_no_packs(tmp_path: Path) -> None:
    plain = tmp_path / "plain.safetensors"
    save_safetensors(plain, {"x": np.zeros(2)})
    with pytest.raises(GoldenError, match="is a safetensors file but no golden pack: it has no manifest"):
        open_pack(plain)
    save_safetensors(plain, {"x": np.zeros(2)}, {KEY: "{not json"})
    with pytest.raises(GoldenError, match="the pack's manifest is not JSON"):
        open_pack(plain)
    save_safetensors(plain, {"x": np.zeros(2)}, metadata([]))  # type: ignore[arg-type]
    with pytest.raises(GoldenError, match=r"the pack's manifest is not what golden\.record writes"):
        open_pack(plain)
    with pytest.raises(mb.WeightFileError, match="there is no such file"):
        check(tmp_path / "none.safetensors", bert())

"""Packs that were cut, changed, or are of another kind: a verdict or one sentence, never anything else."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.golden import GoldenError, check, diff, open_pack, record
from minibert.golden.packs.manifest import DIGEST_KEY, KEY, canonical, metadata, text_digest
from minibert.golden.packs.named_array import NamedArray
from minibert.golden.packs.writer import PackWriter
from minibert.weights.safetensors import open_safetensors
from minibert.weights.save import save_safetensors
from tests.golden.models import batch, bert
from tests.small_models import small_model


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(bert(), batch(), tmp_path_factory.mktemp("golden") / "good.safetensors")


@pytest.fixture
def path(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(good, tmp_path / "pack.safetensors"))


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], None], seal: bool = True) -> None:
    """Change manifest and arrays of a pack, and seal it again with a checksum."""
    file = open_safetensors(path, mapped=False)
    manifest = json.loads(file.metadata[KEY])
    arrays = {name: np.array(file[name]) for name in file}
    change(manifest, arrays)
    text = canonical(manifest)
    sealed = {KEY: text, DIGEST_KEY: text_digest(text) if seal else file.metadata[DIGEST_KEY]}
    save_safetensors(path, arrays, sealed)


def test_every_cut_is_one_sentence(path: Path) -> None:
    content = path.read_bytes()
    for size in (0, 4, 8, 100, len(content) // 4, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(mb.MinibertError) as caught:
            check(path, bert())
        assert "pack.safetensors" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_changed_number_is_a_verdict(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 0x40  # the last tensor's last number
    path.write_bytes(content)
    report = check(path, bert())
    assert not report.ok
    damaged = [row for row in report if row.verdict == "damaged"]
    assert len(damaged) == 1
    assert damaged[0].detail == "its sha256 is another than the manifest's: the file was changed after recording"


def test_changed_number_on_the_other_side_is_a_verdict(good: Path, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 0x40
    path.write_bytes(content)
    report = diff(good, path)
    assert [row.verdict for row in report.failures] == ["damaged"]
    assert report.failures[0].detail.startswith("in pack.safetensors: its sha256")


def test_random_damage_never_escapes(good: Path, path: Path) -> None:
    content = good.read_bytes()
    rng = np.random.default_rng(0)
    outcomes, errors = set(), []
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content) if rng.random() < 0.5 else 20000, size=3):
            damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            outcomes.add(diff(good, path).ok)
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
def test_changed_manifest_is_one_sentence(path: Path, change: Any, text: str) -> None:
    rewrite(path, change)
    with pytest.raises(GoldenError) as caught:
        open_pack(path)
    assert text in str(caught.value)
    assert str(path) in str(caught.value)


def test_unsealed_change_of_the_manifest_is_noticed(path: Path) -> None:
    rewrite(path, without_semantics, seal=False)
    with pytest.raises(GoldenError, match="the pack's manifest does not fit its checksum: it was changed after"):
        open_pack(path)


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


def test_missing_and_extra_names_between_packs(good: Path, path: Path) -> None:
    def drop(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        del arrays["cls.predictions"]
        manifest["tensors"] = [each for each in manifest["tensors"] if each["name"] != "cls.predictions"]

    rewrite(path, drop)
    report = diff(good, path)
    assert [(row.name, row.verdict) for row in report.failures] == [("cls.predictions", "missing")]
    assert not report.ok
    assert diff(good, path, partial=True).ok
    report = diff(path, good)
    assert [(row.name, row.verdict) for row in report.failures] == [("cls.predictions", "extra")]
    report = check(path, bert())
    assert [(row.name, row.verdict) for row in report.failures] == [("cls.predictions", "extra")]
    assert "1 extra" in str(report)
    assert check(path, bert(), partial=True).ok


def test_pack_of_another_model(good: Path) -> None:
    with pytest.raises(GoldenError, match="is a pack of BertForMaskedLM, and the model is a RobertaModel"):
        check(good, small_model("RobertaModel", dtype="float32"))
    with pytest.raises(GoldenError, match="is of another model: its hidden_size is 24, this model's is 36"):
        check(good, bert(hidden_size=36))
    report = check(good, bert(seed=1))  # the same sizes, other weights
    assert not report.ok
    assert any(note.startswith("weights: ") and "parameters differ" in note for note in report.notes)


def test_exchanged_layers_are_told_from_the_weights(good: Path) -> None:
    model = bert()
    for name in list(model.parameters):
        if ".layer.0." in name:
            twin = name.replace(".layer.0.", ".layer.1.")
            model.parameters[name], model.parameters[twin] = model.parameters[twin], model.parameters[name]
    report = check(good, model)
    first = "bert.encoder.layer.0.attention.self.query.weight holds bert.encoder.layer.1.attention.self.query.weight"
    assert any(first in note for note in report.notes)
    assert report.first.name == "bert.encoder.layer.0.attention.self.query"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"multiple": 0}, "multiple is 0: a positive number belongs there."),
        ({"multiple": "many"}, "multiple is 'many': a positive number belongs there."),
        ({"precision": "int4"}, "precision 'int4' is not known: choose one of float64, float32, tf32, float16"),
        ({"mode": "sideways"}, "mode 'sideways' is not known: choose one of propagated, isolated."),
        ({"names": {}}, "names maps the arrays of a port; a model of minibert has the pack's own names."),
        ({"weights": 3}, "weights is a int: a model or a dict of arrays belongs there."),
    ],
)
def test_bad_options_are_one_sentence(good: Path, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(GoldenError) as caught:
        check(good, bert(), **arguments)
    assert text in str(caught.value)


def test_odd_dropout_state(path: Path) -> None:
    def change(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        manifest["dropout_state"] = {"bit_generator": "PCG64", "state": "?"}

    rewrite(path, change)
    with pytest.raises(GoldenError, match="the recorded state of dropout cannot be used"):
        check(path, bert().train(0))


def test_run_that_is_not_the_same_twice(tmp_path: Path) -> None:
    with PackWriter(tmp_path / "p", {}, "float32") as writer:
        value = NamedArray("loss", "value", np.ones(1, np.float32))
        with pytest.raises(GoldenError, match="loss came in one precision and not in the other: the pass is not"):
            writer.put(value)


def test_reference_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(GoldenError, match=r"record_reference runs transformers, and torch is not installed: pip"):
        mb.golden.record_reference(None, {}, tmp_path / "p")


def test_training_packs_are_not_isolated(tmp_path: Path) -> None:
    path = record(bert(), batch(labels=True), tmp_path / "p", training={"steps": 1})
    with pytest.raises(GoldenError, match='p holds whole training steps: check it in mode "propagated"'):
        check(path, bert(), mode="isolated")

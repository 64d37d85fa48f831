"""`minibert doctor`: a sound installation passes, and every planted fault is found and named."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert import golden
from minibert.cli import main
from minibert.commands.diagnosis import checks, surroundings
from minibert.commands.doctor import examine
from minibert.running.blas import built_with
from minibert.weights import find
from tests.small_checkpoints import save, tokenizer


@pytest.fixture(autouse=True)
def _nothing_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in surroundings.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(find, "_shipped_homes", lambda: [tmp_path / "weights"])


def ship(folder: Path) -> Path:
    """A small model in the place of the shipped ones, with two golden packs."""
    home = save("bert", "ForMaskedLM", folder / "weights" / "tiny-bert")
    (home / "golden").mkdir()
    model = mb.BertForMaskedLM.from_pretrained(home)
    ids = tokenizer("bert")("The river", return_tensors="np")["input_ids"]
    for name, row in (("small", ids), ("large", np.repeat(ids, 3, axis=1))):
        golden.record(model, {"input_ids": row}, home / "golden" / f"{name}.safetensors", command="test")
    return home


def test_a_sound_installation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ship(tmp_path)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.endswith("\n\nEverything that minibert needs on the CPU works.\n")
    for words in (f"minibert         {mb.__version__}", f"numpy            {np.__version__}", "numpy  usable: CPU",
                  "matrix product  ok", "forward         ok", "backward        ok", "save and load   ok",
                  "tiny-bert       ok: BertForMaskedLM", "1 of 2 golden"):  # fmt: skip
        assert words in out
    assert max(map(len, out.splitlines())) <= 120


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    home = ship(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["doctor", "--json", "--all-packs"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"]
    assert report["problems"] == []
    assert report["shipped"] == [{"name": "tiny-bert", "folder": str(home)}]
    assert "2 of 2 golden packs checked" in report["checks"][-1]["detail"]
    assert report["cache"] == {"folder": str(tmp_path / "cache"), "exists": False}
    assert report["environment"]["HF_HUB_OFFLINE"] == "1"
    assert report["environment"]["OMP_NUM_THREADS"] is None
    assert report["blas"]["float32_gflops"] > 0
    assert report["backends"]["numpy"] == {"usable": True, "device": "CPU"}


def failed(capsys: pytest.CaptureFixture[str]) -> str:
    """What a run that must fail says after its sections."""
    assert main(["doctor"]) == 1
    return "\n".join(line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED: "))


def test_a_wrong_gradient_is_found(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from minibert import functional

    right = functional.linear_backward

    def wrong(dy: Any, x: Any, weight: Any) -> Any:
        dx, dweight, dbias = right(dy, x, weight)
        return dx, dweight * 1.001, dbias

    monkeypatch.setattr(functional, "linear_backward", wrong)
    said = failed(capsys)
    assert said.startswith("FAILED: backward: the gradient of ")
    assert "weight is off by" in said
    assert said.endswith("at most 1e-7 fits")


def test_a_broken_forward_is_found(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    right = np.sqrt

    def wrong(x: Any, *rest: Any, **more: Any) -> Any:
        root = right(x, *rest, **more)
        if getattr(root, "dtype", None) == np.float32:
            root *= 1.01
        return root

    monkeypatch.setattr(np, "sqrt", wrong)  # which every LayerNorm takes, however it is written
    assert "FAILED: forward: float32 differs from float64 by" in failed(capsys)


def test_a_broken_blas_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.np, "array_equal", lambda a, b: False)
    with pytest.raises(checks.CheckFailedError, match="float32 products of whole numbers are wrong: NumPy's BLAS is"):
        checks._matrix_product()
    with pytest.raises(checks.CheckFailedError, match="is not the same after saving and loading"):
        checks._save_and_load()


def test_damaged_shipped_files_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = ship(tmp_path)
    moved = mb.BertForMaskedLM.from_pretrained(home)
    moved.parameters["cls.predictions.bias"] = moved.parameters["cls.predictions.bias"] + 0.5
    moved.save_pretrained(home)
    assert failed(capsys) == "FAILED: tiny-bert: small.safetensors: cls.predictions is not the golden one"
    weights = home / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    assert "FAILED: tiny-bert: " in failed(capsys)
    weights.unlink()
    assert "holds no weights" in failed(capsys)


def test_a_missing_package_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    versions = surroundings._version
    monkeypatch.setattr(surroundings, "_version", lambda name: None if name in ("regex", "shtab") else versions(name))
    assert failed(capsys) == "FAILED: regex is not installed, and minibert needs it: pip install regex"
    assert "checks" not in examine()
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "regex            FAILED: not installed" in out
    assert "shtab            not installed (for shell completion)" in out


def test_a_backend_that_cannot_be_used(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIBERT_BACKEND", "tpu")
    assert failed(capsys) == (
        "FAILED: MINIBERT_BACKEND is 'tpu', and backend 'tpu' is unknown: choose one of numpy, cupy."
    )
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setenv("MINIBERT_BACKEND", "cupy")
    assert failed(capsys).startswith("FAILED: MINIBERT_BACKEND is 'cupy', and backend 'cupy' needs CuPy, which is not")
    monkeypatch.delenv("MINIBERT_BACKEND")
    assert main(["doctor"]) == 0  # the CPU works
    assert "cupy   no: backend 'cupy' needs CuPy" in capsys.readouterr().out


def test_whatever_goes_wrong_is_a_finding() -> None:
    def fall() -> str:
        raise ZeroDivisionError("of all things")

    assert checks.run_check("name", fall) | {"seconds": 0} == {
        "name": "name", "ok": False, "detail": "ZeroDivisionError: of all things", "seconds": 0,
    }  # fmt: skip


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/maps")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_threads_are_found_without_threadpoolctl(threads: str) -> None:
    code = (
        "import sys, json; sys.modules['threadpoolctl'] = None; import numpy\n"
        "from minibert.commands.diagnosis.blas import blas_libraries\n"
        "print(json.dumps(blas_libraries()))"
    )
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    libraries, source = json.loads(done.stdout)
    assert source == "NumPy's configuration and the loaded libraries"
    if "openblas" not in (built_with()["name"] or "") or libraries[0]["file"] is None:
        pytest.skip(f"NumPy's BLAS is {built_with()['name']}")
    assert libraries[0]["threads"] == min(int(threads), os.cpu_count() or 1)


def test_another_package_of_the_same_import_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "site" / "minibert-0.0.1.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: minibert\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.endswith(
        "FAILED: the package minibert 0.0.1 is installed, which is another project with the same import name, and the "
        "files of one overwrite those of the other: pip uninstall minibert minibert-numpy, then pip install "
        "minibert-numpy\n"
    )

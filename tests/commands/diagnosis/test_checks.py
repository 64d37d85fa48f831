"""The checks of `minibert doctor`: each passes where all is well, and finds the fault that is planted for it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert import functional
from minibert.commands.diagnosis import checks
from minibert.weights.save import save_safetensors
from tests.commands.shipped import ship

pytestmark = pytest.mark.usefixtures("nothing_shipped")


def failed(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(name, detail) of the checks that failed."""
    return [(each["name"], each["detail"]) for each in found if not each["ok"]]


def test_every_check_says_what_it_did() -> None:
    found = checks.self_checks()
    assert failed(found) == []
    assert [each["name"] for each in found] == ["matrix product", "forward", "backward", "save and load"]
    assert all(each["detail"] and each["seconds"] >= 0 for each in found)


def test_a_wrong_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = functional.linear_backward

    def wrong(dy: Any, x: Any, weight: Any) -> Any:
        dx, dweight, dbias = right(dy, x, weight)
        return dx, dweight * 1.001, dbias

    monkeypatch.setattr(functional, "linear_backward", wrong)
    ((name, said),) = failed(checks.self_checks())
    assert name == "backward"
    assert said.startswith("the gradient of ")
    assert "weight is off by" in said
    assert said.endswith("at most 1e-7 fits")


def test_a_broken_forward_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = np.sqrt

    def wrong(x: Any, *rest: Any, **more: Any) -> Any:
        root = right(x, *rest, **more)
        if getattr(root, "dtype", None) == np.float32:
            root *= 1.01
        return root

    monkeypatch.setattr(np, "sqrt", wrong)  # which every LayerNorm takes, however it is written
    ((name, said),) = failed(checks.self_checks())
    assert name == "forward"
    assert said.startswith("float32 differs from float64 by")


def test_a_broken_blas_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.np, "array_equal", lambda a, b: False)
    with pytest.raises(checks.CheckFailedError, match="float32 products of whole numbers are wrong: NumPy's BLAS is"):
        checks._matrix_product()
    with pytest.raises(checks.CheckFailedError, match="is not the same after saving and loading"):
        checks._save_and_load()


def test_whatever_goes_wrong_is_a_finding() -> None:
    def fall() -> str:
        raise ZeroDivisionError("of all things")

    assert checks.run_check("name", fall) | {"seconds": 0} == {
        "name": "name", "ok": False, "detail": "ZeroDivisionError: of all things", "seconds": 0,
    }  # fmt: skip


def test_a_refusal_is_told_in_its_own_words() -> None:
    def refuse() -> str:
        raise mb.InputError("one sentence.")

    assert checks.run_check("name", refuse)["detail"] == "one sentence."


def test_shipped_models_give_their_golden_values(tmp_path: Path) -> None:
    assert checks.shipped_checks() == []
    home = ship(tmp_path)
    megabytes = (home / "model.safetensors").stat().st_size / 1e6
    for every_pack, count in ((False, 1), (True, 2)):
        (found,) = checks.shipped_checks(every_pack)
        assert (found["name"], found["ok"]) == ("tiny-bert", True)
        assert found["detail"] == f"BertForMaskedLM, {megabytes:.1f} MB, {count} of 2 golden packs checked"


def test_damaged_shipped_files_are_found(tmp_path: Path) -> None:
    home = ship(tmp_path)
    moved = mb.BertForMaskedLM.from_pretrained(home)
    moved.parameters["cls.predictions.bias"] = moved.parameters["cls.predictions.bias"] + 0.5
    moved.save_pretrained(home)
    assert failed(checks.shipped_checks()) == [
        ("tiny-bert", "small.safetensors: cls.predictions is not the golden one")
    ]
    moved.parameters["cls.predictions.bias"] = moved.parameters["cls.predictions.bias"] * np.nan
    moved.save_pretrained(home, allow_nonfinite=True)
    assert failed(checks.shipped_checks()) == [("tiny-bert", "the model's output has numbers that are not finite")]
    weights = home / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    ((_, said),) = failed(checks.shipped_checks())
    assert "model.safetensors" in said
    weights.unlink()
    ((_, said),) = failed(checks.shipped_checks())
    assert "holds no weights" in said


def test_golden_packs_come_smallest_first_and_without_weights(tmp_path: Path) -> None:
    home = ship(tmp_path)
    packs = checks.golden_packs(home)
    assert [path.name for path in packs] == ["small.safetensors", "large.safetensors"]
    save_safetensors(home / "golden" / "port.safetensors", {"x": np.zeros(3)})  # arrays, and no pack
    assert checks.golden_packs(home) == packs

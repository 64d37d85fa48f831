"""`--json` of the commands whose other tests stand elsewhere: golden, explore, trace."""

import json
from pathlib import Path

import pytest

from minibert.cli import main
from tests.small_checkpoints import save


@pytest.fixture
def bert(tmp_path: Path) -> str:
    return str(save("bert", "ForMaskedLM", tmp_path / "bert"))


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.err == ""
    return [json.loads(line) for line in captured.out.splitlines()]


def test_golden(tmp_path: Path, bert: str, capsys: pytest.CaptureFixture[str]) -> None:
    pack = str(tmp_path / "pack.safetensors")
    assert main(["golden", "record", bert, "The river", "-o", pack, "--json"]) == 0
    (made,) = objects(capsys)
    assert made == {"pack": pack, "tensors": made["tensors"], "model": "BertForMaskedLM"}
    assert main(["golden", "check", pack, bert, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert main(["golden", "diff", pack, pack, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert main(["golden", "ladder", bert, str(tmp_path / "ladder"), "--json"]) == 0
    (made,) = objects(capsys)
    assert made["folder"] == str(tmp_path / "ladder")
    assert sorted(made["packs"]) == sorted(  # type: ignore[call-overload]
        path.name for path in (tmp_path / "ladder").glob("*.safetensors")
    )


def test_explore(tmp_path: Path, bert: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["explore", bert, "The [MASK] river", "-o", str(page), "--json"]) == 0
    assert objects(capsys) == [{"page": str(page), "bytes": page.stat().st_size, "model": bert}]
    assert main(["explore", bert, "The river", "-o", str(page), "--layers", "one"]) == 1
    assert capsys.readouterr().err == "minibert: --layers takes numbers with commas between them, not 'one'.\n"


def test_explore_into_a_folder_that_is_not_there(tmp_path: Path, bert: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", bert, "The river", "-o", str(tmp_path / "no" / "page.html")]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert str(tmp_path / "no") in captured.err


def test_trace(bert: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", bert, "The river", "--only", "*probs", "--json", "--values"]) == 0
    rows = objects(capsys)
    assert [row["name"] for row in rows] == [f"bert.encoder.layer.{i}.attention.self.probs" for i in range(2)]
    assert all(len(row["values"][0]) == 3 for row in rows)  # type: ignore[index]
    assert main(["trace", bert, "--list", "--json", "--only", "loss"]) == 0
    assert objects(capsys) == []

"""The command `minibert golden`: its five actions, their exit codes and their errors."""

import json
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.cli import main
from minibert.golden import open_pack
from tests.golden.models import batch, bert, tokenizer
from tests.golden.port import Port


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    bert().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def test_record_check_diff_show(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = str(tmp_path / "pack.safetensors")
    command = ["golden", "record", str(checkpoint), "The dog ran.", "Dogs.", "--backward", "-o", pack]
    assert main(command) == 0
    assert "tensors of BertForMaskedLM" in capsys.readouterr().out
    first = Path(pack).read_bytes()
    assert main(command) == 0
    assert Path(pack).read_bytes() == first
    assert str(checkpoint.parent) not in open_pack(pack).manifest["command"]
    capsys.readouterr()
    for options in ([], ["--isolated"], ["--dtype", "float64"], ["--only", "*.probs"]):
        assert main(["golden", "check", pack, str(checkpoint), *options]) == 0
        assert capsys.readouterr().out.startswith("OK: ")
    assert main(["golden", "diff", pack, pack, "--weights", str(checkpoint), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert main(["golden", "show", pack]) == 0
    shown = capsys.readouterr().out
    assert "command: minibert golden record tiny 'The dog ran.' 'Dogs.' --backward" in shown
    assert "text: The dog ran." in shown
    assert "bert.embeddings.sum  float32 [2, 6, 24]  noise floor" in shown
    assert main(["golden", "show", pack, "bert.*.probs"]) == 0
    assert capsys.readouterr().out.count("noise floor") == 2
    assert main(["golden", "show", pack, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == 1


def test_differences_have_their_own_exit_code(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = bert()
    pack = tmp_path / "pack.safetensors"
    mb.golden.record(model, batch(), pack)
    np.savez(tmp_path / "port.npz", **Port(model.state_dict(), model.config, "relu").run(**batch()))
    report = tmp_path / "report.xml"
    arguments = ["golden", "diff", str(pack), str(tmp_path / "port.npz"), "--format", "junit", "-o", str(report)]
    assert main(arguments) == 3
    assert "another activation: relu for gelu" in report.read_text()
    names = tmp_path / "names.json"
    names.write_text('{"bert.embeddings": "bert.embeddings"}')
    assert main([*arguments[:4], "--names", str(names), "--only", "bert.embeddings"]) == 0
    other = tmp_path / "other"
    bert(seed=1).save_pretrained(other)
    assert main(["golden", "check", str(pack), str(other)]) == 3
    capsys.readouterr()


def test_ladder_command(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "ladder")
    assert main(["golden", "ladder", str(checkpoint), folder]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    text = captured.out
    assert main(["golden", "check", folder, str(checkpoint), "--format", "json"]) == 0
    assert "drawn anew" in capsys.readouterr().err
    assert "ladder.json, which says what each can detect" in text
    assert main(["golden", "record", str(checkpoint), "x", "--ladder", folder]) == 1
    assert main(["golden", "check", folder, str(checkpoint), "--format", "junit"]) == 1


BAD = [
    (["record", "MODEL", "The dog"], "there is nowhere to write: give -o PACK.safetensors, or --ladder DIR."),
    (["record", "MODEL", "-o", "TMP/p"], "give either texts or --inputs NPZ."),
    (["record", "MODEL", "The dog", "--pair", "a", "--pair", "b", "-o", "TMP/p"], "there are 1 texts and 2 of --pair"),
    (["record", "MODEL", "The dog", "--class", "Nothing", "-o", "TMP/p"], "Nothing is not a model class of minibert"),
    (["record", "MODEL", "The dog", "--ladder", "TMP/l"], "--ladder has inputs of its own"),
    (["check", "TMP", "MODEL"], "holds no golden pack."),
    (["check", "TMP/none.safetensors", "MODEL"], "there is no such file"),
    (["show", "MODEL/model.safetensors"], "is a safetensors file but no golden pack"),
    (["diff", "TMP/none", "TMP/none"], "there is no such file"),
]


@pytest.mark.parametrize(("arguments", "text"), BAD, ids=[text[:30] for _, text in BAD])
def test_bad_commands_are_one_sentence(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    filled = [each.replace("MODEL", str(checkpoint)).replace("TMP", str(tmp_path)) for each in arguments]
    assert main(["golden", *filled]) == 1
    error = capsys.readouterr().err
    assert error.startswith("minibert: ")
    assert text in error
    assert error.count("\n") == 1


def test_bad_names_file(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = tmp_path / "pack.safetensors"
    mb.golden.record(bert(), batch(), pack)
    names = tmp_path / "names.json"
    for content, text in (("{", "cannot be read as a JSON file of names"), ("[1]", "is no map of names")):
        names.write_text(content)
        assert main(["golden", "diff", str(pack), str(pack), "--names", str(names)]) == 1
        assert text in capsys.readouterr().err
    assert main(["golden", "diff", str(pack), str(pack), "-o", str(tmp_path / "no" / "r")]) == 1
    assert "cannot be written" in capsys.readouterr().err

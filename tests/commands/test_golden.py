"""The command `minibert golden`: its actions one after the other. Each is tested in golden_actions/."""

import json
from pathlib import Path

import pytest

from minibert.cli import main
from minibert.golden import open_pack
from tests.golden.models import bert, tokenizer


def test_record_check_diff_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint, pack = tmp_path / "tiny", str(tmp_path / "pack.safetensors")
    bert().save_pretrained(checkpoint)
    tokenizer().save_pretrained(checkpoint)
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

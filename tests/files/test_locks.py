"""Locks: who holds one is alive, and what a killed process held is left behind."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from minibert.files import locks
from minibert.files.locks import LEFT_BEHIND_AFTER, is_left_behind, is_old, try_lock

needs_locks = pytest.mark.skipif(locks.fcntl is None, reason="this system has no flock")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "half"
    file.write_bytes(b"half")
    return file


@needs_locks
def test_one_holder_at_a_time(path: Path) -> None:
    """A lock belongs to the open file, so that threads of one process shut each other out as well."""
    with path.open("rb") as first, path.open("rb") as second:
        assert try_lock(first) is True
        assert try_lock(second) is False
        assert not is_left_behind(path)
    assert is_left_behind(path)


@needs_locks
def test_a_lock_ends_with_its_process(path: Path) -> None:
    code = f"""
from minibert.files.locks import try_lock
file = open({str(path)!r}, "rb")
print(try_lock(file), flush=True)
input()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "True\n"
        assert not is_left_behind(path)
    finally:
        process.kill()
        process.communicate()
    assert is_left_behind(path)


def test_a_file_that_is_gone_is_not_left_behind(tmp_path: Path) -> None:
    assert not is_left_behind(tmp_path / "nothing")
    assert not is_old(tmp_path / "nothing")


def aged(path: Path, seconds: float) -> Path:
    written = time.time() - seconds
    os.utime(path, (written, written))
    return path


@pytest.mark.parametrize("reason", ["no flock", "refused"])
def test_without_locks_an_hour_decides(path: Path, monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    def refuse(file: object, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    none = None if reason == "no flock" else SimpleNamespace(flock=refuse, LOCK_EX=2, LOCK_NB=4)
    monkeypatch.setattr(locks, "fcntl", none)
    with path.open("rb") as file:
        assert try_lock(file) is None
    assert not is_left_behind(path)
    assert not is_left_behind(aged(path, LEFT_BEHIND_AFTER - 60))
    assert is_left_behind(aged(path, LEFT_BEHIND_AFTER + 60))

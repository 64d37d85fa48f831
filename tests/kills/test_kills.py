"""A few kills of every scene, and the harness itself: what it must find it finds."""

import os
from pathlib import Path

import pytest

from tests.kills.run import at_every_line, at_random_times
from tests.kills.scenes import SCENES, Scene

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot copy a process")



@pytest.mark.parametrize("scene", SCENES)
def test_whenever_it_is_killed_all_is_old_or_all_is_new(scene: str) -> None:
    found = at_random_times(scene, 6)
    found += at_every_line(scene, step=151, most=25)
    assert found["old"] + found["new"] >= 6


def torn_writer(folder: Path, state: int) -> None:
    """In place, as no file should be written."""
    for name in "ab":
        with (folder / name).open("w") as file:
            for _ in range(300):
                file.write(str(state) * 100)
                file.flush()


def read(folder: Path) -> tuple[str, ...]:
    return tuple(path.read_text() for path in sorted(folder.iterdir()))


def test_torn_files_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENES, "torn", Scene(torn_writer, read))
    with pytest.raises(AssertionError, match="kills the folder is neither the old nor the new one"):
        at_random_times("torn", 200)


def test_what_is_left_behind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(folder: Path, state: int) -> None:
        (folder / f".{os.getpid()}.tmp").write_text(str(state))
        (folder / f".{os.getpid()}.tmp").replace(folder / "a")
        (folder / f".{os.getpid()}.left").touch()

    monkeypatch.setitem(SCENES, "leaving", Scene(write, lambda folder: (folder / "a").read_text()))
    with pytest.raises(AssertionError, match="was left behind"):
        at_random_times("leaving", 20)

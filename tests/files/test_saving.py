"""Files that are saved together: whenever the process is killed and whatever fails, all are old or all are new."""

import contextlib
import errno
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minibert.errors import OutputError, TokenizerError, WeightFileError
from minibert.files import saving as module
from minibert.files.saving import COMMITTED, saving, settle
from tests.kills.planted import FINISHED, KILLED, REFUSED, failing_at_call, in_a_copy, killed_at_line

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot copy a process")

# what stands there before -> what is saved: each {name: content}; "gone" names what must go
CASES = {
    "one file": ({"config.json": "a"}, {"config.json": "b"}),
    "two files": ({"config.json": "a", "model.safetensors": "a"}, {"config.json": "b", "model.safetensors": "b"}),
    "one of two changes": (
        {"config.json": "a", "model.safetensors": "a"},
        {"config.json": "a", "model.safetensors": "b"},
    ),
    "nothing before": ({}, {"config.json": "b", "model.safetensors": "b"}),
    "shards become a file": (
        {"config.json": "a", "model-1": "a", "model-2": "a", "model.safetensors.index.json": "a"},
        {"config.json": "b", "model.safetensors": "b"},
    ),
    "a file becomes shards": (
        {"config.json": "a", "model.safetensors": "a"},
        {"config.json": "a", "model-1": "b", "model-2": "b", "model.safetensors.index.json": "b"},
    ),
    "only going": ({"vocab.txt": "a", "added_tokens.json": "a"}, {"vocab.txt": "a"}),
}


def put(folder, files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)


def read(folder):
    """The files as they stand, without any help from minibert; other people's aside."""
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file() and path.name != "notes.txt"}


def save(folder, old, new):
    with saving(folder) as files:
        for name, content in new.items():
            with files.open(name) as file:
                file.write(content.encode())
        for name in old.keys() - new.keys():
            files.remove(name)


@pytest.fixture
def no_disk(monkeypatch):
    """Copies of this process that die do not take the disk with them."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@needs_fork
@pytest.mark.usefixtures("no_disk")
@pytest.mark.parametrize("case", CASES)
def test_killed_at_any_line(tmp_path, case):
    old, new = CASES[case]
    seen = set()
    for n in range(0, 1000, 1 if case == "two files" else 4):
        folder = tmp_path / str(n)
        put(folder, {**old, "notes.txt": "mine"})
        ended = killed_at_line(n, lambda folder=folder: save(folder, old, new))
        found = read(folder)
        # what other programs see: old, new, or a folder that lacks something
        assert found in (old, new) or not set(new) <= set(found) or not set(old) <= set(found)
        assert len(set(found.values()) | set(old.values())) < 3 or "config.json" not in found
        settle(folder)
        found = read(folder)
        assert found in (old, new)
        seen.add("old" if found == old else "new")
        save(folder, found, new)
        assert sorted(os.listdir(folder)) == sorted([*new, "notes.txt"])  # nothing is left of any of them
        assert (folder / "notes.txt").read_text() == "mine"
        if ended == FINISHED:
            break
        assert ended == KILLED
    assert seen == {"old", "new"}
    assert n > 50


@needs_fork
@pytest.mark.usefixtures("no_disk")
@pytest.mark.parametrize("case", CASES)
def test_killed_while_a_killed_save_is_finished(tmp_path, case):
    old, new = CASES[case]
    for n in range(0, 1000, 3):
        folder = tmp_path / str(n)
        put(folder, old)
        with pytest.MonkeyPatch.context() as patch:  # the save counts, and nothing has been moved
            patch.setattr(module, "_install", lambda *_: os._exit(KILLED))
            assert in_a_copy(lambda folder=folder: save(folder, old, new)) == KILLED
        assert read(folder) == old
        ended = killed_at_line(n, lambda folder=folder: settle(folder))
        settle(folder)
        assert read(folder) == new
        if ended == FINISHED:
            break
    assert n > 20


@needs_fork
@pytest.mark.usefixtures("no_disk")
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("case", CASES)
def test_a_failure_at_any_call(tmp_path, case, lasting):
    old, new = CASES[case]
    outcomes = set()
    for n in range(300):
        folder = tmp_path / str(n)
        put(folder, old)
        ended = failing_at_call(n, lambda folder=folder: save(folder, old, new), errno.ENOSPC, lasting=lasting)
        before_settling = read(folder)
        settle(folder)
        assert read(folder) in (old, new)
        if ended == REFUSED and not lasting:
            assert before_settling == read(folder) == old
        assert ended in (FINISHED, REFUSED)
        outcomes.add(ended)
        if ended == FINISHED and n > 40:
            break
    assert outcomes == {FINISHED, REFUSED}


def test_a_file_that_is_not_saved_stays(tmp_path):
    put(tmp_path, {"config.json": "a", "README.md": "mine"})
    (tmp_path / "sub").mkdir()
    save(tmp_path, {}, {"config.json": "b"})
    assert read(tmp_path) == {"config.json": "b", "README.md": "mine"}
    assert sorted(os.listdir(tmp_path)) == ["README.md", "config.json", "sub"]


def test_an_exception_in_the_block(tmp_path):
    put(tmp_path, {"a": "a"})
    with pytest.raises(KeyError) as caught, saving(tmp_path) as files, files.open("a") as file:
        file.write({}["a mistake while writing"])
    assert caught.value.__notes__ == [f"Not saved into {tmp_path}; what stood there is unchanged."]
    assert read(tmp_path) == {"a": "a"}
    assert os.listdir(tmp_path) == ["a"]


def test_an_interruption_between_the_renames_lets_them_all_happen(tmp_path, monkeypatch):
    old, new = CASES["two files"]
    put(tmp_path, old)
    replace, calls = os.replace, []

    def interrupted(source, target):
        calls.append(source)
        if len(calls) == 3:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        save(tmp_path, old, new)
    assert not hasattr(caught.value, "__notes__")
    assert read(tmp_path) == new
    assert sorted(os.listdir(tmp_path)) == sorted(new)


def test_one_changed_file_is_one_rename(tmp_path, monkeypatch):
    old, new = CASES["one of two changes"]
    put(tmp_path, old)
    inode = (tmp_path / "config.json").stat().st_ino
    moves, replace = [], os.replace
    monkeypatch.setattr("os.replace", lambda *paths: (moves.append(paths), replace(*paths)))
    save(tmp_path, old, new)
    assert [target for _, target in moves] == [tmp_path / "model.safetensors"]
    assert (tmp_path / "config.json").stat().st_ino == inode


def test_the_key_leaves_first_and_comes_last(tmp_path, monkeypatch):
    old = {"a": "a", "config.json": "a", "z": "a"}
    put(tmp_path, old)
    moves, replace = [], os.replace
    monkeypatch.setattr("os.replace", lambda *paths: (moves.append(paths), replace(*paths)))
    save(tmp_path, old, {"a": "b", "config.json": "b", "z": "b"})
    left = [source.name for source, _ in moves if source.parent == tmp_path]
    came = [target.name for _, target in moves if target.parent == tmp_path]
    assert (left, came) == (["config.json", "z", "a"], ["a", "z", "config.json"])


def test_everything_is_on_the_disk_before_it_counts(tmp_path, monkeypatch):
    order, fsync, rename = [], os.fsync, os.rename
    monkeypatch.setattr("os.fsync", lambda handle: (order.append("sync"), fsync(handle)))
    monkeypatch.setattr("os.rename", lambda *paths: (order.append("rename"), rename(*paths)))
    save(tmp_path, {}, {"a": "b", "b": "b"})
    assert order[: order.index("rename")] == ["sync"] * 5  # two files, and the three folders that they stand in


def test_permission_bits_of_the_old_file_stay(tmp_path):
    put(tmp_path, {"a": "a"})
    (tmp_path / "a").chmod(0o640)
    save(tmp_path, {}, {"a": "b", "b": "b"})
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_links_are_replaced_and_their_targets_kept(tmp_path):
    put(tmp_path / "blobs", {"1": "a", "2": "a"})
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    (snapshot / "config.json").symlink_to("../blobs/1")
    (snapshot / "vocab.txt").symlink_to("../blobs/2")
    save(snapshot, {}, {"config.json": "b", "vocab.txt": "b"})
    assert read(snapshot) == {"config.json": "b", "vocab.txt": "b"}
    assert read(tmp_path / "blobs") == {"1": "a", "2": "a"}
    assert not (snapshot / "config.json").is_symlink()


def test_a_save_inside_a_save_joins_it(tmp_path):
    put(tmp_path, {"model.safetensors": "a", "config.json": "a"})
    with saving(tmp_path) as outer:
        (outer.staged / "vocab.txt").write_text("b")
        with saving(outer.staged) as inner:
            assert inner.folder == tmp_path
            (inner.staged / "config.json").write_text("b")
            inner.remove("model.safetensors")
        assert read(tmp_path) == {"model.safetensors": "a", "config.json": "a"}
    assert read(tmp_path) == {"vocab.txt": "b", "config.json": "b"}


def test_a_file_that_is_removed_and_saved_stays(tmp_path):
    put(tmp_path, {"a": "a", "b": "a"})
    with saving(tmp_path) as files:
        files.remove("a")
        files.remove("b")
        (files.staged / "a").write_text("a")
    assert read(tmp_path) == {"a": "a"}


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_not_replaced(tmp_path, kind):
    put(tmp_path, {"a": "a"})
    if kind == "folder":
        (tmp_path / "b").mkdir()
    elif hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "b")
    else:
        pytest.skip("the system has no pipes with names")

    def write():
        with saving(tmp_path, TokenizerError) as files:
            for name in "ab":
                (files.staged / name).write_text("b")

    with pytest.raises(TokenizerError) as caught:
        write()
    what = "a folder" if kind == "folder" else "not a regular file"
    assert str(caught.value) == (
        f"{tmp_path / 'b'} is {what}, so no file can be saved in its place; nothing was changed."
    )
    assert (tmp_path / "a").read_text() == "a"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_file_in_the_folders_place(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(WeightFileError) as caught, saving(tmp_path / "file"):
        pass
    assert str(caught.value) == f"{tmp_path / 'file'} is a file, so nothing can be saved into it; give a folder."


def test_a_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError) as caught, saving(tmp_path / "file" / "sub"):
        pass
    assert str(caught.value) == f"{tmp_path / 'file' / 'sub'} cannot be written: Not a directory."


def test_a_name_that_is_too_long(tmp_path):
    folder = tmp_path / ("n" * 300)
    with pytest.raises(OutputError) as caught, saving(folder):
        pass
    assert str(caught.value) == f"{folder} cannot be written: File name too long."


def test_a_name_with_a_zero_byte():
    with pytest.raises(WeightFileError) as caught, saving("a\0b"):
        pass
    assert str(caught.value) == "'a\\x00b' cannot be the name of a folder: it holds a zero byte."


def test_a_folder_that_is_made(tmp_path):
    save(tmp_path / "deep" / "er", {}, {"a": "b"})
    assert read(tmp_path / "deep" / "er") == {"a": "b"}


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OutputError) as caught, saving(tmp_path) as files, files.open("vocab.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(caught.value) == (
        f"{tmp_path / 'vocab.txt'} cannot be written: No space left on device; what stood there is unchanged."
    )
    assert os.listdir(tmp_path) == []


# what killed saves leave


def kill_after_commit(folder, old, new):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_install", lambda *_: os._exit(KILLED))
        assert in_a_copy(lambda: save(folder, old, new)) == KILLED


@needs_fork
def test_files_that_were_written_since_are_not_overwritten(tmp_path):
    put(tmp_path, {"config.json": "a", "vocab.txt": "a"})
    kill_after_commit(tmp_path, {}, {"config.json": "b", "vocab.txt": "b"})
    time.sleep(0.02)
    (tmp_path / "config.json").write_text("newer")
    with pytest.raises(TokenizerError) as caught:
        settle(tmp_path, TokenizerError)
    assert str(caught.value) == (
        f"{tmp_path}: a save was interrupted here, and config.json was written by something else since. "
        f"Remove {tmp_path / COMMITTED} to keep what stands there, or {tmp_path / 'config.json'} to finish the save."
    )
    assert read(tmp_path) == {"config.json": "newer", "vocab.txt": "a"}
    (tmp_path / "config.json").unlink()
    settle(tmp_path)
    assert read(tmp_path) == {"config.json": "b", "vocab.txt": "b"}


@needs_fork
def test_a_folder_that_may_only_be_read(tmp_path, monkeypatch):
    put(tmp_path, {"config.json": "a", "vocab.txt": "a"})
    kill_after_commit(tmp_path, {}, {"config.json": "b", "vocab.txt": "b"})

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(WeightFileError) as caught:
        settle(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: a save was interrupted here and cannot be finished: Permission denied. "
        f"Whoever may write there finishes it by loading from the folder with minibert."
    )


@pytest.mark.parametrize("part", ["", "new", "old", "gone", "lock"])
@pytest.mark.parametrize("kind", ["link", "missing"])
def test_a_forged_save_is_refused(tmp_path, part, kind):
    secret = tmp_path / "secret"
    put(secret, {"key": "mine"})
    folder = tmp_path / "download"
    (folder / COMMITTED).mkdir(parents=True)
    for name in ("new", "old", "gone"):
        (folder / COMMITTED / name).mkdir()
    (folder / COMMITTED / "lock").touch()
    place = folder / COMMITTED / part if part else folder / COMMITTED
    if part in ("", "lock"):
        place.rename(tmp_path / "away")
    else:
        place.rmdir()
    if kind == "link":
        place.symlink_to(secret)
    if kind == "missing" and not part:
        settle(folder)
        return
    with pytest.raises(WeightFileError) as caught:
        settle(folder)
    expected = f"{folder / COMMITTED} is not what an interrupted save leaves; remove it to use the folder."
    assert str(caught.value) == expected
    assert read(secret) == {"key": "mine"}


@needs_fork
def test_a_save_that_is_still_going_on_is_left_alone(tmp_path):
    put(tmp_path, {"a": "a"})
    with saving(tmp_path) as slow:
        (slow.staged / "a").write_text("slow")
        save(tmp_path, {}, {"a": "quick"})
        assert read(tmp_path) == {"a": "quick"}
    assert read(tmp_path) == {"a": "slow"}
    assert os.listdir(tmp_path) == ["a"]


def test_readers_wait_for_a_save_that_is_moving_its_files(tmp_path, monkeypatch):
    old, new = CASES["two files"]
    put(tmp_path, old)
    moving, go_on, install, found = threading.Event(), threading.Event(), module._install, []

    def slow_install(*arguments):
        moving.set()
        assert go_on.wait(10)
        install(*arguments)

    monkeypatch.setattr(module, "_install", slow_install)
    writer = threading.Thread(target=lambda: save(tmp_path, old, new))
    writer.start()
    assert moving.wait(10)
    reader = threading.Thread(target=lambda: (settle(tmp_path), found.append(read(tmp_path))))
    reader.start()
    time.sleep(0.1)
    assert found == []
    go_on.set()
    writer.join()
    reader.join()
    assert found == [new]


def test_readers_do_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    texts = []

    def install(folder, *_):
        with pytest.raises(WeightFileError) as caught:
            settle(folder)
        texts.append(str(caught.value))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_install", install)
        save(tmp_path, {}, {"a": "b"})
    assert texts == [f"{tmp_path}: another process has been saving into this folder for 0 seconds."]


@needs_fork
def test_many_at_once(tmp_path):
    """Writers and killers of one folder: at the end it holds the files of one of them."""
    code = f"""
import sys
from tests.files.test_saving import save
for n in range(20):
    text = sys.argv[1] + str(n)
    save({str(tmp_path)!r} and __import__("pathlib").Path({str(tmp_path)!r}), {{}}, dict.fromkeys("abcdef", text))
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, name], cwd=ROOT) for name in "wxyz"]
    while any(writer.poll() is None for writer in writers):
        settle(tmp_path)
        time.sleep(0.002)
    assert [writer.returncode for writer in writers] == [0] * 4
    found = read(tmp_path)
    assert sorted(found) == list("abcdef")
    assert len(set(found.values())) == 1
    assert sorted(os.listdir(tmp_path)) == list("abcdef")


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_leftovers_without_locks_are_removed_when_they_are_old(tmp_path, monkeypatch):
    from minibert.files import locks

    monkeypatch.setattr(locks, "fcntl", None)
    young, old = tmp_path / f"{COMMITTED}-{'0' * 16}.tmp", tmp_path / f"{COMMITTED}-{'1' * 16}.tmp"
    for stage in (young, old):
        stage.mkdir()
        (stage / "lock").touch()
    os.utime(old / "lock", (0, 0))
    save(tmp_path, {}, {"a": "b"})
    assert sorted(os.listdir(tmp_path)) == sorted(["a", young.name])


def test_a_file_that_goes_away_while_a_folder_is_looked_at_is_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    listed = os.scandir

    class Gone:
        name = "config.json"

        def is_file(self) -> bool:
            return True

        def stat(self) -> os.stat_result:
            raise FileNotFoundError

    @contextlib.contextmanager
    def scan(folder: Path) -> Iterator[list[Any]]:
        with listed(folder):
            yield [Gone()]

    whole = module.fingerprint(tmp_path)
    monkeypatch.setattr(module.os, "scandir", scan)
    first, second = module.fingerprint(tmp_path), module.fingerprint(tmp_path)
    assert len({tuple(each) for each in (whole, first, second)}) == 3

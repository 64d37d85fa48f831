"""Whatever fails, and whenever: the old file stays whole, the temporary one goes."""

import os
import stat
import sys

import numpy as np
import pytest

from minibert.errors import WeightFileError
from minibert.files.output import Replacement, replacing
from minibert.weights import open_safetensors, save_safetensors

OLD = {"w": np.arange(1000, dtype=np.float32)}
NEW = {"w": np.ones(1000, np.float32), "v": np.ones(10)}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    save_safetensors(path, OLD)
    return path


def assert_unchanged(path):
    assert os.listdir(path.parent) == [path.name]
    assert np.array_equal(open_safetensors(path)["w"], OLD["w"])


def failing(error, after=0):
    """A function that raises the error at the call number `after`, counted from 0."""
    calls = []

    def fail(*arguments, **options):
        calls.append(arguments)
        if len(calls) > after:
            raise error

    return fail


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("step", ["os.fsync", "os.replace"])
def test_a_failure_at_the_end(path, monkeypatch, step, error):
    monkeypatch.setattr(step, failing(error))
    with pytest.raises(type(error)):
        save_safetensors(path, NEW)
    monkeypatch.undo()
    assert_unchanged(path)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_failure_in_the_middle_of_writing(path, monkeypatch, error, after):
    from minibert.weights import save

    real, fail = save._write_array, failing(error, after)

    def write(file, array):
        fail()
        real(file, array)

    monkeypatch.setattr(save, "_write_array", write)
    if after == 2:  # there are two arrays
        save_safetensors(path, NEW)
        assert set(open_safetensors(path)) == {"v", "w"}
        return
    with pytest.raises(type(error)):
        save_safetensors(path, NEW)
    assert_unchanged(path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_disk_that_is_really_full(tmp_path):
    def write():
        with Replacement() as new:
            file = new.open(tmp_path / "model.safetensors")
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, file.fileno())
            os.close(full)
            file.write(bytes(1 << 20))
            new.sync()
            new.rename()

    with pytest.raises(OSError, match="No space left"):
        write()
    assert os.listdir(tmp_path) == []


def test_the_error_of_the_system_names_the_file(path, monkeypatch):
    monkeypatch.setattr("os.fsync", failing(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left on device") as caught:
        save_safetensors(path, NEW)
    assert caught.value.__notes__ == [
        f"Not written: model.safetensors in {path.parent}; what stood there is unchanged."
    ]


def test_a_new_file_that_fails_leaves_nothing(tmp_path):
    def write():
        with replacing(tmp_path / "new") as file:
            file.write(b"half")
            raise KeyError("a mistake while writing")

    with pytest.raises(KeyError):
        write()
    assert os.listdir(tmp_path) == []


def test_the_content_is_forced_to_the_disk_before_the_rename(path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr("os.fsync", lambda handle: (order.append("sync"), fsync(handle)))
    monkeypatch.setattr("os.replace", lambda *paths: (order.append("rename"), replace(*paths)))
    save_safetensors(path, NEW)
    assert order[:2] == ["sync", "rename"]


def test_the_temporary_file_is_beside_the_target(path, monkeypatch):
    moves = []
    replace = os.replace
    monkeypatch.setattr("os.replace", lambda *paths: (moves.append(paths), replace(*paths)))
    save_safetensors(path, NEW)
    (temporary, target), = moves  # fmt: skip
    assert target == path
    assert temporary.parent == path.parent
    assert temporary.name.startswith(".model.safetensors.")
    assert temporary.name.endswith(".tmp")


def test_two_writers_use_two_temporary_files(tmp_path):
    path = tmp_path / "file"
    with Replacement() as one, Replacement() as two:
        one.open(path).write(b"one")
        two.open(path).write(b"two")
        for new in (one, two):
            new.sync()
            new.rename()
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")
def test_permission_bits(tmp_path):
    path = tmp_path / "file"
    ordinary = tmp_path / "ordinary"
    ordinary.write_bytes(b"")
    with replacing(path) as file:
        file.write(b"1")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
    path.chmod(0o640)
    with replacing(path) as file:
        file.write(b"2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    old = os.umask(0o027)
    try:
        with replacing(tmp_path / "other") as file:
            file.write(b"3")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o640


def test_a_link_is_replaced_and_its_target_kept(tmp_path):
    target, link = tmp_path / "blob", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with replacing(link) as file:
        file.write(b"new")
    assert target.read_bytes() == b"old"
    assert link.read_bytes() == b"new"
    assert not link.is_symlink()


def write_all(folder, names):
    with Replacement() as new:
        for name in names:
            new.open(folder / name).write(b"new")
        new.sync()
        new.rename()


def test_several_files_keep_their_places_until_all_are_written(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / name).write_bytes(b"old")
    monkeypatch.setattr("os.replace", failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_all(tmp_path, "ab")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"old"


def test_a_failure_between_renames_names_what_was_not_written(tmp_path, monkeypatch):
    replace, fail = os.replace, failing(PermissionError(13, "in use"), after=1)
    monkeypatch.setattr("os.replace", lambda *paths: (fail(), replace(*paths)))
    with pytest.raises(PermissionError) as caught:
        write_all(tmp_path, "abc")
    assert caught.value.__notes__ == [f"Not written: b, c in {tmp_path}; what stood there is unchanged."]
    assert os.listdir(tmp_path) == ["a"]


def test_a_long_name(tmp_path):
    path = tmp_path / ("n" * 250)
    with replacing(path) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


def test_no_folder(tmp_path):
    with pytest.raises(WeightFileError) as caught:
        save_safetensors(tmp_path / "no" / "model.safetensors", {})
    expected = f"{tmp_path / 'no' / 'model.safetensors'} cannot be written: there is no folder {tmp_path / 'no'}."
    assert str(caught.value) == expected


def test_a_folder_in_its_place(tmp_path):
    with pytest.raises(WeightFileError) as caught:
        save_safetensors(tmp_path, {})
    assert str(caught.value) == f"{tmp_path} is a folder; give the name of the file to write."


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.open", failing(PermissionError(13, "Permission denied")))
    with pytest.raises(PermissionError) as caught:
        save_safetensors(tmp_path / "model.safetensors", {})
    assert caught.value.__notes__ == [
        f"Not written: {tmp_path / 'model.safetensors'}; no file can be made in its folder."
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot open folders")
def test_the_folder_is_synced_too(path, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(
        "os.fsync", lambda handle: (synced.append(stat.S_ISDIR(os.fstat(handle).st_mode)), fsync(handle))
    )
    save_safetensors(path, NEW)
    assert synced == [False, True]


def test_everything_is_in_the_file_when_it_is_forced_to_the_disk(path, monkeypatch):
    sizes = []
    fsync = os.fsync
    monkeypatch.setattr("os.fsync", lambda handle: (sizes.append(os.fstat(handle).st_size), fsync(handle)))
    with replacing(path) as file:
        file.write(b"12345")
    assert sizes[0] == 5


def test_files_are_closed_before_they_are_renamed(tmp_path):
    with Replacement() as new:
        file = new.open(tmp_path / "a")
        new.sync()
        assert file.closed
        new.rename()


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="reads /proc")
def test_no_file_stays_open(path, monkeypatch):
    before = len(os.listdir("/proc/self/fd"))
    save_safetensors(path, NEW)
    opened = []
    real = Replacement.open
    monkeypatch.setattr(Replacement, "open", lambda self, path: opened.append(real(self, path)) or opened[-1])
    monkeypatch.setattr("os.replace", failing(OSError(5, "Input/output error")))
    with pytest.raises(OSError, match="Input/output"):
        save_safetensors(path, NEW)
    monkeypatch.setattr("os.fsync", failing(OSError(5, "Input/output error")))
    with pytest.raises(OSError, match="Input/output"):
        save_safetensors(path, NEW)
    assert [file.closed for file in opened] == [True, True]
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_never_renamed_is_removed_without_a_fuss(tmp_path):
    with Replacement() as new:
        new.open(tmp_path / "a").write(b"x")
    assert os.listdir(tmp_path) == []


def test_an_interruption_says_what_was_not_written(path, monkeypatch):
    monkeypatch.setattr("os.fsync", failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt) as caught:
        save_safetensors(path, NEW)
    assert caught.value.__notes__ == [
        f"Not written: model.safetensors in {path.parent}; what stood there is unchanged."
    ]

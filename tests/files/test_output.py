"""Whatever fails, and whenever: the old file stays whole, the temporary one goes; and what is no file is kept."""

import io
import os
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

from minibert.errors import InputError, MinibertError, OutputError, WeightFileError
from minibert.files.output import output_file
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
    path = tmp_path / "model.safetensors"

    def write():
        with output_file(path) as file:
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, file.fileno())
            os.close(full)
            file.write(bytes(1 << 20))

    with pytest.raises(OutputError) as caught:
        write()
    assert str(caught.value) == f"{path} cannot be written: No space left on device; what stood there is unchanged."
    assert os.listdir(tmp_path) == []


def test_the_error_of_the_system_names_the_file(path, monkeypatch):
    monkeypatch.setattr("os.fsync", failing(OSError(28, "No space left on device")))
    with pytest.raises(OutputError) as caught:
        save_safetensors(path, NEW)
    assert str(caught.value) == f"{path} cannot be written: No space left on device; what stood there is unchanged."
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, MinibertError)
    assert (caught.value.errno, caught.value.strerror) == (28, "No space left on device")
    assert caught.value.filename == str(path)


def test_an_error_of_another_file_keeps_its_own_words(path):
    with pytest.raises(FileNotFoundError), output_file(path), open(path.parent / "no-such-file"):
        pass
    assert_unchanged(path)


def test_a_new_file_that_fails_leaves_nothing(tmp_path):
    def write():
        with output_file(tmp_path / "new") as file:
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
    with output_file(path) as one:
        one.write(b"one")
        with output_file(path) as two:
            two.write(b"two")
        assert path.read_bytes() == b"two"
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["file"]


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "file"
    code = f"""
import os
from minibert.files.output import output_file
with output_file({str(path)!r}) as file:
    file.write(b"half")
    file.flush()
    os._exit(9)
"""
    for _ in range(3):
        assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert len(os.listdir(tmp_path)) == 1  # each run removed what the one before it had left
    others = {".file.txt", ".file.0123.tmp", f".filed.{'0' * 16}.tmp", f"file.{'0' * 16}.tmp"}
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    with output_file(path) as file:
        file.write(b"whole")
    assert set(os.listdir(tmp_path)) == {"file", *others}


def test_without_locks_only_what_is_an_hour_old_counts_as_left(tmp_path, monkeypatch):
    from minibert.files import locks

    monkeypatch.setattr(locks, "fcntl", None)
    path, young, old = tmp_path / "file", tmp_path / f".file.{'0' * 16}.tmp", tmp_path / f".file.{'1' * 16}.tmp"
    for left in (young, old):
        left.write_bytes(b"half")
    os.utime(old, (0, 0))
    with output_file(path) as file:
        file.write(b"whole")
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, young.name])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")
def test_permission_bits(tmp_path):
    path = tmp_path / "file"
    ordinary = tmp_path / "ordinary"
    ordinary.write_bytes(b"")
    with output_file(path) as file:
        file.write(b"1")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
    path.chmod(0o640)
    with output_file(path) as file:
        file.write(b"2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    old = os.umask(0o027)
    try:
        with output_file(tmp_path / "other") as file:
            file.write(b"3")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o640


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    target, between, link = tmp_path / "far" / "page.html", tmp_path / "between", tmp_path / "link"
    target.write_bytes(b"old")
    between.symlink_to("far/page.html")
    link.symlink_to(between)
    inode = target.stat().st_ino
    with output_file(link) as file:
        file.write(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert target.stat().st_ino != inode  # replaced in one step, not written over
    assert os.readlink(link) == str(between)
    assert os.readlink(between) == "far/page.html"


def test_a_link_to_nothing_makes_its_target(tmp_path):
    (tmp_path / "link").symlink_to("target")
    with output_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "target").read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()


def test_a_link_into_a_missing_folder(tmp_path):
    (tmp_path / "link").symlink_to("no/target")
    with pytest.raises(InputError) as caught, output_file(tmp_path / "link"):
        pass
    assert str(caught.value) == f"{tmp_path / 'link'} cannot be written: there is no folder {tmp_path / 'no'}."


def test_a_link_to_itself(tmp_path):
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(InputError) as caught, output_file(tmp_path / "link"):
        pass
    assert str(caught.value) == f"{tmp_path / 'link'} cannot be written: it is a link that leads back to itself."
    assert (tmp_path / "link").is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_is_written_through(tmp_path):
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    with output_file(pipe) as file:
        file.write(b"page")
    reader.join()
    assert received == [b"page"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="the system has no /dev/null")
def test_a_device_is_written_through(tmp_path):
    (tmp_path / "link").symlink_to("/dev/null")
    for path in ("/dev/null", tmp_path / "link"):
        with output_file(path) as file:
            file.write(b"page")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert (tmp_path / "link").is_symlink()
    assert not [name for name in os.listdir("/dev") if name.startswith(".null.")]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_device_that_is_full():
    with pytest.raises(OutputError) as caught, output_file("/dev/full") as file:
        file.write(b"page")
    assert str(caught.value) == "/dev/full cannot be written: No space left on device."


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output(name):
    code = f"""
from minibert.files.output import output_file
print("before")
with output_file({name!r}) as file:
    file.write(bytes([0xff]))
print("after")
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert done.stdout.split() == [b"before", b"\xffafter"]


def test_standard_output_of_a_notebook(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    with output_file("-") as file:
        file.write("é".encode())
    assert sys.stdout.getvalue() == "é"


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="reads /proc")
def test_an_open_file_by_its_number_is_not_replaced(tmp_path):
    with open(tmp_path / "out", "wb") as out, output_file(f"/proc/self/fd/{out.fileno()}") as file:
        inode = os.fstat(out.fileno()).st_ino
        file.write(b"page")
    assert (tmp_path / "out").read_bytes() == b"page"
    assert (tmp_path / "out").stat().st_ino == inode


def test_a_long_name(tmp_path):
    for name in ("n" * 250, "😀" * 60):
        with output_file(tmp_path / name) as file:
            file.write(b"x")
        assert (tmp_path / name).read_bytes() == b"x"


@pytest.mark.parametrize("name", ["n" * 300, "😀" * 80])
def test_a_name_that_is_too_long(tmp_path, name):
    with pytest.raises(OutputError, match=r"n* cannot be written: File name too long"), output_file(tmp_path / name):
        pass
    assert os.listdir(tmp_path) == []


def test_a_name_with_a_zero_byte():
    with pytest.raises(InputError) as caught, output_file("a\0b"):
        pass
    assert str(caught.value) == "'a\\x00b' cannot be the name of a file: it holds a zero byte."


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
    path = tmp_path / "model.safetensors"
    with pytest.raises(OutputError) as caught:
        save_safetensors(path, {})
    assert str(caught.value) == f"{path} cannot be written: Permission denied; what stood there is unchanged."


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
    with output_file(path) as file:
        file.write(b"12345")
    assert sizes[0] == 5


def test_a_file_is_closed_before_it_is_renamed(tmp_path, monkeypatch):
    closed, replace = [], os.replace
    with output_file(tmp_path / "a") as file:
        monkeypatch.setattr("os.replace", lambda *paths: (closed.append(file.closed), replace(*paths)))
    assert closed == [True]


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="reads /proc")
@pytest.mark.parametrize("step", ["os.fsync", "os.replace"])
def test_no_file_stays_open(path, monkeypatch, step):
    before = len(os.listdir("/proc/self/fd"))
    save_safetensors(path, NEW)
    monkeypatch.setattr(step, failing(OSError(5, "Input/output error")))
    with pytest.raises(OSError, match="Input/output"):
        save_safetensors(path, NEW)
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_interruption_says_what_was_not_written(path, monkeypatch):
    monkeypatch.setattr("os.fsync", failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt) as caught:
        save_safetensors(path, NEW)
    assert caught.value.__notes__ == [
        f"Not written: model.safetensors in {path.parent}; what stood there is unchanged."
    ]

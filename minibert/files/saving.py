"""Saving several files into a folder together: at any moment the folder holds all of the old or all of the new.

    with saving(folder) as save:
        with save.open("vocab.json") as file:    # as many files as there are, here or by their paths in save.staged
            file.write(...)
        save.remove("added_tokens.json")         # a file of an earlier save that must go

1. The files are written into a hidden folder inside `folder`, `.minibert-saving-<16 hex digits>.tmp/new`, and forced
   to the disk. Nothing that stood in `folder` has changed; what a killed process left here is dead weight, and the
   next save removes it.
2. The hidden folder is renamed to `.minibert-saving`. With this one rename the new files count.
3. The old files are moved into it, `config.json` first; the new ones are moved out of it, `config.json` last.
4. It is renamed back and removed.

A process that is killed between 2 and 4 leaves `.minibert-saving` behind. Whoever reads the folder through minibert or
saves into it calls `settle` first, which goes on with step 3: what is still in `new` has not been moved. Another
program that reads the folder at such a moment misses `config.json`, and does not take it for whole. If one file alone
changes, step 3 is one rename, and every program sees the old or the new. If the system refuses a step, the files that
were moved are moved back.

A lock on a file in the hidden folder tells a save that is still going on from one that was killed. Links in `folder`
are replaced, and what they point to is kept: a cache keeps its files that way.
"""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from minibert.errors import MinibertError, WeightFileError
from minibert.files.locks import is_left_behind, try_lock
from minibert.files.output import keep_permissions, output_error, remove_temporaries, sync_folder

COMMITTED = ".minibert-saving"  # the hidden folder of a save that counts
KEY = "config.json"  # without it no program takes a folder for a checkpoint

_STAGE = re.compile(re.escape(COMMITTED) + r"-[0-9a-f]{16}\.tmp")
_LOCK, _NEW, _OLD, _GONE = "lock", "new", "old", "gone"
_PATIENCE = 30.0  # seconds that a save may take from step 2 to 4 until others give up waiting
_UNCHANGED = "; what stood there is unchanged"
_COMPARED = 1 << 24  # bytes of a file up to which it is worth a look whether the new one is the same

_running: "dict[str, FolderSave]" = {}  # the saves of this process by the folder of their new files


class FolderSave:
    """A save that is going on: `folder` is where it goes, `staged` where its files are to be written."""

    def __init__(self, folder: Path, stage: Path):
        """Not for users: see `saving`."""
        self.folder = folder
        self.stage = stage
        self.staged = stage / _NEW
        self.done = False  # whether the new files stand in their places

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file of that name to write."""
        path = self.staged / name
        try:
            with path.open("wb") as file:
                yield file
        except OSError as reason:
            reason.filename = reason.filename or str(path)  # the system does not say which file it could not write
            raise

    def remove(self, name: str) -> None:
        """Let the file of that name go when the new ones come, unless it is one of them."""
        (self.stage / _GONE / name).touch()


@contextlib.contextmanager
def saving(folder: str | os.PathLike[str], error: type[MinibertError] = WeightFileError) -> Iterator[FolderSave]:
    """A save into `folder` (made if missing), which happens as a whole when the block ends without an exception.

    A save into the `staged` folder of another one joins that one.

    Raises:
        error: something that is no file stands where a new file belongs, or another process is in the way.
        OutputError: the disk is full, the folder cannot be written to, ...; what stood in `folder` is unchanged.
    """
    folder = Path(folder)
    if joined := _running.get(os.path.abspath(folder)):
        yield joined
        return
    _make(folder, error)
    settle(folder, error)
    _remove_left_behind(folder)
    stage, lock = _new_stage(folder)
    save = FolderSave(folder, stage)
    place = os.path.abspath(save.staged)
    _running[place] = save
    try:
        with _naming_final_places(save):
            yield save
            _prepare(save, error)
            _commit(save, error)
        _discard(stage)
    finally:
        del _running[place]
        _discard(stage)
        if lock is not None:
            os.close(lock)


def _make(folder: Path, error: type[MinibertError]) -> None:
    if "\0" in str(folder):
        raise error(f"{str(folder)!r} cannot be the name of a folder: it holds a zero byte.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise error(f"{folder} is a file, so nothing can be saved into it; give a folder.") from None
    except OSError as reason:
        raise output_error(folder, reason) from reason


def _new_stage(folder: Path) -> tuple[Path, int | None]:
    """A hidden folder for new files, and the lock in it, where there are locks."""
    while True:
        stage = folder / f"{COMMITTED}-{secrets.token_hex(8)}.tmp"
        try:
            stage.mkdir()
            with contextlib.suppress(FileNotFoundError):  # it was taken for left behind before it had its lock
                return stage, _filled(stage)
        except OSError as reason:
            _discard(stage)
            raise output_error(folder, reason, _UNCHANGED) from reason


def _filled(stage: Path) -> int | None:
    """Put the lock into a hidden folder, then the rest. Raises FileNotFoundError if another process removes it."""
    lock = os.open(stage / _LOCK, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o666)
    locked = try_lock(lock)
    try:
        for name in (_NEW, _OLD, _GONE):
            (stage / name).mkdir()
        if locked is False:
            raise FileNotFoundError(stage)
    except OSError:
        os.close(lock)
        raise
    if locked is None:  # Windows renames no folder in which a file is open
        os.close(lock)
    return lock if locked else None


@contextlib.contextmanager
def _naming_final_places(save: FolderSave) -> Iterator[None]:
    """Errors name the files by the places where they belong, not by those where they are first written."""
    try:
        yield
    except OSError as reason:
        place = save.folder
        if reason.filename is not None:
            written = Path(os.fsdecode(reason.filename))
            if save.folder not in written.parents:
                raise
            place = save.folder / written.name
        elif isinstance(reason, MinibertError):
            raise
        later = "; the save is finished when the folder is opened again"
        raise output_error(place, reason, _UNCHANGED if save.stage.is_dir() else later) from reason
    except BaseException as reason:
        if not save.done:
            reason.add_note(f"Not saved into {save.folder}{_UNCHANGED}.")
        raise


# step 1: the new files are whole


def _prepare(save: FolderSave, error: type[MinibertError]) -> None:
    names = os.listdir(save.staged)
    for name in sorted(names):
        new, place = save.staged / name, save.folder / name
        _check_place(place, error)
        _sync_file(new)
        keep_permissions(place, new)
        remove_temporaries(place)
        (save.stage / _GONE / name).unlink(missing_ok=True)
    for folder in (save.staged, save.stage / _GONE, save.stage):
        sync_folder(folder)
    os.utime(save.stage / _LOCK)  # a file that is newer than this is not one that the save was to replace


def _check_place(path: Path, error: type[MinibertError]) -> None:
    """Only a file or a link is replaced by a file of a save."""
    with contextlib.suppress(FileNotFoundError):
        kind = stat.S_IFMT(path.lstat().st_mode)
        if kind not in (stat.S_IFREG, stat.S_IFLNK):
            found = "a folder" if kind == stat.S_IFDIR else "not a regular file"
            raise error(f"{path} is {found}, so no file can be saved in its place; nothing was changed.")


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# step 2: they count


def _commit(save: FolderSave, error: type[MinibertError]) -> None:
    committed = save.folder / COMMITTED
    settle(save.folder, error)
    while not _rename_unless_there(save.stage, committed):  # another save was quicker
        settle(save.folder, error)
    sync_folder(save.folder)
    moved: list[tuple[Path, Path]] = []
    try:
        _install(save.folder, committed, moved)
    except OSError:
        for was, now in reversed(moved):
            os.replace(now, was)
        os.rename(committed, save.stage)
        raise
    except BaseException:  # Ctrl-C: the rest takes no time
        _install(save.folder, committed, [])
        _end(save, committed)
        raise
    _end(save, committed)


def _end(save: FolderSave, committed: Path) -> None:
    save.done = True
    with contextlib.suppress(OSError):  # then whoever opens the folder next ends the save
        os.rename(committed, save.stage)


def _rename_unless_there(stage: Path, committed: Path) -> bool:
    try:
        os.rename(stage, committed)
    except OSError as reason:
        if reason.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES) or not os.path.lexists(committed):
            raise
        return False
    return True


# step 3: they take their places


def _install(folder: Path, committed: Path, moved: list[tuple[Path, Path]]) -> None:
    """Move the old files out of their places and the new ones into them, whatever of that has been done before.

    `moved` collects (from, to).
    """
    new, old = committed / _NEW, committed / _OLD

    def move(source: Path, target: Path) -> None:
        os.replace(source, target)
        moved.append((source, target))

    for name in os.listdir(new):
        if _same(new / name, folder / name):
            os.unlink(new / name)
    coming = sorted(os.listdir(new), key=lambda name: (name == KEY, name))
    leaving = [name for name in [*reversed(coming), *os.listdir(committed / _GONE)] if _is_file(folder / name)]
    if len(coming) != 1 or leaving not in ([], coming):
        for name in leaving:
            move(folder / name, old / name)
    for name in coming:
        move(new / name, folder / name)
    sync_folder(folder)


def _same(new: Path, old: Path) -> bool:
    """Whether a file of moderate size would not change."""
    try:
        size = new.stat().st_size
        return size <= _COMPARED and old.stat().st_size == size and new.read_bytes() == old.read_bytes()
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


# readers


def fingerprint(folder: Path) -> list[tuple[str, int, int, int]]:
    """(name, inode, time of writing, size) of the files in a folder: another after every save into it.

    Who reads several files takes it before and after: if it is the same, all of them are of one save.
    """
    with os.scandir(folder) as entries:
        return sorted(_state(entry) for entry in entries if entry.is_file())


def _state(entry: os.DirEntry[str]) -> tuple[str, int, int, int]:
    try:
        status = entry.stat()
    except FileNotFoundError:  # replaced since the folder was listed: like no state before or after
        return entry.name, 0, time.monotonic_ns(), 0
    return entry.name, status.st_ino, status.st_mtime_ns, status.st_size


# what killed saves left


def settle(folder: Path, error: type[MinibertError] = WeightFileError) -> None:
    """Finish a save into the folder that was interrupted after its files were whole; wait for one that goes on.

    Raises:
        error: it cannot be finished, because the folder is read-only or its files have been changed since.
    """
    committed = folder / COMMITTED
    begun = time.monotonic()
    while os.path.lexists(committed):
        _check_committed(committed, error)
        with _held(committed / _LOCK) as held:
            if held:
                _finish(folder, committed, error)
                return
        if time.monotonic() > begun + _PATIENCE:
            raise error(f"{folder}: another process has been saving into this folder for {_PATIENCE:.0f} seconds.")
        time.sleep(0.01)


def _check_committed(committed: Path, error: type[MinibertError]) -> None:
    """The hidden folder must be what a save makes: links in it could lead to other files of the user's."""
    folders = (committed, *(committed / name for name in (_NEW, _OLD, _GONE)))
    whole = all(_kind(path) == stat.S_IFDIR for path in folders) and _kind(committed / _LOCK) == stat.S_IFREG
    if not whole and os.path.lexists(committed):  # it has not just been finished
        raise error(f"{committed} is not what an interrupted save leaves; remove it to use the folder.")


def _kind(path: Path) -> int:
    with contextlib.suppress(OSError):
        return stat.S_IFMT(path.lstat().st_mode)
    return 0


@contextlib.contextmanager
def _held(lock: Path) -> Iterator[bool]:
    """Whether the save's lock is ours now, so that its process has ended; True where there are no locks."""
    try:
        handle = os.open(lock, os.O_RDONLY)
    except OSError:  # it has just been finished; or it is not ours to read
        yield False
        return
    try:
        ours = try_lock(handle) is not False
        # the same file still, not that of another save which has come since
        yield ours and os.path.lexists(lock) and os.path.samestat(os.fstat(handle), os.stat(lock))
    finally:
        os.close(handle)


def _finish(folder: Path, committed: Path, error: type[MinibertError]) -> None:
    """Steps 3 and 4 of a save whose process was killed."""
    if since := _written_since(folder, committed):
        raise error(
            f"{folder}: a save was interrupted here, and {since} was written by something else since. "
            f"Remove {committed} to keep what stands there, or {folder / since} to finish the save."
        )
    discarded = folder / f"{COMMITTED}-{secrets.token_hex(8)}.tmp"
    try:
        _install(folder, committed, [])
        os.rename(committed, discarded)
    except OSError as reason:
        raise error(
            f"{folder}: a save was interrupted here and cannot be finished: {reason.strerror or reason}. "
            f"Whoever may write there finishes it by loading from the folder with minibert."
        ) from reason
    _discard(discarded)


def _written_since(folder: Path, committed: Path) -> str:
    """A file in the folder that is newer than the save and would be replaced or removed by it; "" if none is."""
    with contextlib.suppress(OSError):
        when = (committed / _LOCK).stat().st_mtime_ns
        for name in sorted([*os.listdir(committed / _NEW), *os.listdir(committed / _GONE)]):
            if _is_file(folder / name) and (folder / name).lstat().st_mtime_ns > when:
                return name
    return ""


def _remove_left_behind(folder: Path) -> None:
    """Remove the hidden folders of saves that were killed before their files counted, or after they were moved."""
    with contextlib.suppress(OSError):  # the folder cannot be listed
        for name in os.listdir(folder):
            stage = folder / name
            if _STAGE.fullmatch(name) and not stage.is_symlink():
                if is_left_behind(stage / _LOCK):
                    _discard(stage)
                with contextlib.suppress(OSError):  # killed before it had its lock, or after that was gone
                    stage.rmdir()


def _discard(stage: Path) -> None:
    """Remove a hidden folder, its lock last."""
    for name in (_NEW, _OLD, _GONE, ""):
        shutil.rmtree(stage / name, ignore_errors=True)

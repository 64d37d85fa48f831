"""Writing one file: a regular file is replaced in one step, anything else is written through.

The new file is written beside the old under a temporary name, forced to the disk, then renamed over it, which POSIX
and Windows both do in one step. Until then the old file stays as it was. Whatever goes wrong before that (a full disk,
Ctrl-C), the temporary file is removed; one that a killed process left is removed when the same file is written again.

A link stays a link: the file that it points to is replaced. A device, a pipe or `-`, which is standard output, is not
replaced by a file: the bytes go through it. Not handled: two processes writing the same file; the later rename wins.

Source: POSIX rename(2), which lets nobody see the name without a file.
"""

import contextlib
import io
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from minibert.errors import InputError, MinibertError, OutputError
from minibert.files.locks import is_left_behind, try_lock

STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1")

_SYSTEM_FOLDERS = ("/dev/fd/", "/proc/")  # the links in them are not files' names


@contextlib.contextmanager
def output_file(path: str | os.PathLike[str], error: type[MinibertError] = InputError) -> Iterator[BinaryIO]:
    """A file for writing that becomes `path` when the block ends without an exception; `-` is standard output.

    Raises:
        error: `path` is a folder, or there is no folder for it.
        OutputError: the disk is full, the folder cannot be written to, ...
    """
    with _standard_output() if os.fspath(path) in STANDARD_OUTPUT else _named_file(Path(path), error) as file:
        yield file


def _named_file(path: Path, error: type[MinibertError]) -> contextlib.AbstractContextManager[BinaryIO]:
    if "\0" in str(path):
        raise error(f"{str(path)!r} cannot be the name of a file: it holds a zero byte.")
    if os.path.isdir(path):
        raise error(f"{path} is a folder; give the name of the file to write.")
    if _is_written_through(path):
        return _through(path)
    target = Path(os.path.realpath(path)) if os.path.islink(path) else path
    if os.path.islink(target):
        raise error(f"{path} cannot be written: it is a link that leads back to itself.")
    if not os.path.isdir(target.parent):
        raise error(f"{path} cannot be written: there is no folder {target.parent}.")
    return _replacing(target)


def _is_written_through(path: Path) -> bool:
    """Whether the name stands for a device, a pipe, or a link of the system's own."""
    if os.path.abspath(path).startswith(_SYSTEM_FOLDERS):
        return True
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:  # there is no such file yet, or the name is refused below
        return False


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    remove_temporaries(path)
    temporary = path.with_name(f"{_temporary_prefix(path.name)}{secrets.token_hex(8)}.tmp")
    lock = None
    try:
        with saying_what_failed(path, temporary):
            with temporary.open("xb") as file:  # a new file: the umask decides on its permission bits
                lock = os.dup(file.fileno())  # keeps the lock until after the rename
                try_lock(lock)
                yield file
                file.flush()
                os.fsync(file.fileno())
            keep_permissions(path, temporary)
            os.replace(temporary, path)
            sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if lock is not None:
            os.close(lock)


@contextlib.contextmanager
def _through(path: Path) -> Iterator[BinaryIO]:
    with saying_what_failed(path, path, unchanged=False), path.open("wb") as file:
        yield file


@contextlib.contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    sys.stdout.flush()
    binary: Any = getattr(sys.stdout, "buffer", None)
    if binary is not None:
        yield binary
        binary.flush()
        return
    collected = io.BytesIO()  # a notebook's standard output takes text alone
    yield collected
    sys.stdout.write(collected.getvalue().decode("utf-8", "replace"))


# what several files at once need too


@contextlib.contextmanager
def saying_what_failed(path: Path, written: Path, *, unchanged: bool = True) -> Iterator[None]:
    """Turn a failure of the system while `written` is written, which shall become `path`, into an OutputError.

    Other exceptions pass through, with a note.
    """
    kept = "; what stood there is unchanged" if unchanged else ""
    try:
        yield
    except OSError as reason:
        if isinstance(reason, MinibertError | BrokenPipeError) or reason.filename not in (None, str(written), written):
            raise
        raise output_error(path, reason, kept) from reason
    except BaseException as reason:
        if unchanged:
            reason.add_note(f"Not written: {path.name} in {path.parent}{kept}.")
        raise


def output_error(path: Path, reason: OSError, consequence: str = "") -> OutputError:
    """The error of a file that the system would not write."""
    error = OutputError(f"{path} cannot be written: {reason.strerror or reason}{consequence}.")
    error.errno, error.strerror, error.filename = reason.errno, reason.strerror, str(path)
    return error


def keep_permissions(old: Path, new: Path) -> None:
    """Give the new file the permission bits of the old one, if there is one."""
    with contextlib.suppress(OSError):
        os.chmod(new, old.stat().st_mode & 0o777)


def remove_temporaries(path: Path) -> None:
    """Remove what killed writers of this file left beside it."""
    pattern = re.compile(re.escape(_temporary_prefix(path.name)) + r"[0-9a-f]{16}\.tmp")
    with contextlib.suppress(OSError):  # the folder cannot be listed
        for name in os.listdir(path.parent):
            if pattern.fullmatch(name) and is_left_behind(path.parent / name):
                with contextlib.suppress(OSError):
                    os.unlink(path.parent / name)


def _temporary_prefix(name: str) -> str:
    return f".{name[:40]}."  # at most 160 bytes: file systems take 255


def sync_folder(folder: Path) -> None:
    """Force renames in a folder to the disk, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

"""Replacing files in one step: until a new one is whole and on the disk, the old one stays as it was.

The new file is written beside the old under a temporary name, forced to the disk, then renamed over it, which
POSIX and Windows both do in one step. Whatever goes wrong before that (a full disk, Ctrl-C), the temporary
file is removed. Several files at once are first all written and forced to the disk, then renamed one after
the other: each is whole at any time, and only the renames lie between the old set and the new. Not handled:
two processes writing the same file; the later rename wins.

Source: POSIX rename(2), which lets nobody see the name without a file.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from minibert.errors import WeightFileError


class Replacement:
    """New files that take their places together: `open` each, write, then `sync` and `rename`.

    A context manager: what has not been renamed when the block ends is removed. Exceptions pass through, with a
    note that says which files were not written.
    """

    def __init__(self) -> None:
        self._open: list[tuple[Path, Path, BinaryIO]] = []  # (final path, temporary path, file)

    def open(self, path: str | os.PathLike[str]) -> BinaryIO:
        """A file to write, to become `path`. Raises WeightFileError when there is no folder for it."""
        path = Path(path)
        if path.is_dir():
            raise WeightFileError(f"{path} is a folder; give the name of the file to write.")
        if not path.parent.is_dir():
            raise WeightFileError(f"{path} cannot be written: there is no folder {path.parent}.")
        temporary = path.parent / f".{path.name[:100]}.{secrets.token_hex(8)}.tmp"
        try:
            file = temporary.open("xb")  # a new file: the umask decides on its permission bits
        except OSError as reason:
            reason.add_note(f"Not written: {path}; no file can be made in its folder.")
            raise
        self._open.append((path, temporary, file))
        return file

    def sync(self) -> None:
        """Force the content of every file to the disk and close it; a replaced file keeps its permission
        bits."""
        for path, temporary, file in self._open:
            file.flush()
            os.fsync(file.fileno())
            file.close()
            with contextlib.suppress(OSError):  # mostly: there is no old file
                os.chmod(temporary, path.stat().st_mode & 0o777)

    def rename(self) -> None:
        """Put the files in their places, in the order in which they were opened."""
        folders = {path.parent for path, _, _ in self._open}
        while self._open:
            path, temporary, _ = self._open[0]
            os.replace(temporary, path)
            del self._open[0]
        for folder in folders:
            _sync_folder(folder)

    def __enter__(self) -> "Replacement":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, reason: BaseException | None, trace: TracebackType | None
    ) -> None:
        if reason is not None and self._open:
            names = ", ".join(path.name for path, _, _ in self._open)
            reason.add_note(f"Not written: {names} in {self._open[0][0].parent}; what stood there is unchanged.")
        for _, temporary, file in self._open:
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file for writing that becomes `path` when the block ends without an exception."""
    with Replacement() as new:
        yield new.open(path)
        new.sync()
        new.rename()


def _sync_folder(folder: Path) -> None:
    """Force the rename itself to the disk, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

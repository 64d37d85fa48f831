"""Locks that end with their process, however that ends: who holds one is alive and still writing.

A lock is an open file with flock(2) on it. Systems without flock, and file systems that refuse it, have no locks:
there a file counts as left behind once nobody has written to it for an hour.

Source: flock(2); a lock belongs to the open file, so two threads of one process shut each other out as well.
"""

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LEFT_BEHIND_AFTER = 3600.0  # seconds without a write, where there are no locks

_BUSY = (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN)


def try_lock(file: Any) -> bool | None:
    """Lock an open file for this process: True if that worked, False if another holds it, None without locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as reason:
        return False if reason.errno in _BUSY else None
    return True


def is_left_behind(path: Path) -> bool:
    """Whether nobody is writing the file any more: its writer, which held a lock on it, has ended."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # it is gone, or not ours to read
        return False
    try:
        locked = try_lock(handle)
        return is_old(path) if locked is None else locked
    finally:
        os.close(handle)


def is_old(path: Path) -> bool:
    """Whether nobody has written to the file, or put anything into the folder, for an hour."""
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > LEFT_BEHIND_AFTER
    return False

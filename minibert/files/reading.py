"""Reading small files of strangers whole: only what is a file, and only up to a size.

A pipe would block, a device never end, and a file of gigabytes under the name of a vocabulary fill the memory.
"""

import os
from pathlib import Path
from stat import S_ISREG

from minibert.errors import MinibertError
from minibert.messages import listed, shown

MAX_BYTES = 100_000_000  # the largest tokenizer.json files in use are near 35 MB


def read_bytes(
    path: str | os.PathLike[str], what: str, *, error: type[MinibertError], max_bytes: int = MAX_BYTES
) -> bytes:
    """The content of a file.

    `what` names the file's role in messages ("the configuration"), `error` is the class raised: when the file is
    missing, no regular file, unreadable, or larger than `max_bytes`.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise error(f"{shown(path)}: {what} should be a file, but is a folder or a special file.")
        with path.open("rb") as file:
            content = file.read(max_bytes + 1) if status.st_size <= max_bytes else b""
    except FileNotFoundError:
        raise error(f"{shown(path)}: there is no such file, but {what} is needed. {_siblings(path.parent)}") from None
    except (OSError, ValueError) as reason:  # ValueError: a name with a zero byte
        if isinstance(reason, MinibertError):
            raise
        why = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
        raise error(f"{shown(path)}: {what} cannot be read: {why}.") from reason
    if max(len(content), status.st_size) > max_bytes:
        raise error(
            f"{shown(path)}: {what} is {max(len(content), status.st_size):,} bytes long; at most {max_bytes:,} are "
            f"read. This is probably another kind of file under this name."
        )
    return content


def read_text(
    path: str | os.PathLike[str], what: str, *, error: type[MinibertError], max_bytes: int = MAX_BYTES
) -> str:
    """The text of a UTF-8 file, its line ends as they are; otherwise as `read_bytes`."""
    return decoded(read_bytes(path, what, error=error, max_bytes=max_bytes), f"{shown(path)}: {what}", error)


def decoded(data: bytes, where: str, error: type[MinibertError]) -> str:
    """Bytes of UTF-8 -> their text; `where` begins the message of the error."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as reason:
        raise error(
            f"{where} is not UTF-8 text: byte 0x{data[reason.start]:02x} at position {reason.start}. "
            f"The file is probably damaged, or it is not a text file at all."
        ) from None


def _siblings(folder: Path) -> str:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return f"The folder {shown(folder)} does not exist either."
    return f"The folder holds {listed(names)}."

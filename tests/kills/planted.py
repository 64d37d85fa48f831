"""Ends or failures planted in a copy of this process: at its n-th line of minibert, or its n-th call of the system."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import minibert

KILLED, FINISHED, REFUSED = 9, 0, 3
PACKAGE = str(Path(minibert.__file__).parent)


def in_a_copy(run: Callable[[], Any]) -> int:
    """Run it in a forked process; gives FINISHED, REFUSED after an OSError, or the code with which `run` exits."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            run()
            code = FINISHED
        except OSError:
            code = REFUSED
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed_at_line(n: int, run: Callable[[], Any]) -> int:
    """Run it in a copy that ends, without any cleaning up, before the n-th line of minibert's that it comes to."""

    def traced() -> None:
        left = [n]

        def count(frame: FrameType, event: str, _: Any) -> Any:
            if event == "line":
                if left[0] == 0:
                    os._exit(KILLED)
                left[0] -= 1
            return count

        sys.settrace(lambda frame, event, _: count if frame.f_code.co_filename.startswith(PACKAGE) else None)
        run()

    return in_a_copy(traced)


def failing_at_call(n: int, run: Callable[[], Any], error: int, *, lasting: bool) -> int:
    """Run it in a copy whose n-th call that opens, makes, renames, removes or lists files fails with this errno.

    With `lasting`, all later ones that need room on the disk fail too.
    """

    def planted() -> None:
        left = [n]

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            writes = event in ("os.rename", "os.mkdir") or (event == "open" and _writes(arguments))
            if not writes and event not in ("os.remove", "os.chmod", "os.utime", "os.listdir"):
                return
            left[0] -= 1
            if left[0] == -1 or (left[0] < -1 and lasting and writes):
                raise OSError(error, os.strerror(error), str(arguments[0]))

        sys.addaudithook(hook)
        run()

    return in_a_copy(planted)


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    return any(letter in mode for letter in "wxa+") if mode else bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))

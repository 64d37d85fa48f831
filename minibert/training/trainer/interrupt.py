"""Ctrl-C during training: the first one waits for the step to end and a checkpoint to be written."""

import signal
import threading
from typing import Any


class Interrupt:
    """While this context is open, Ctrl-C sets `asked`; a second one stops at once.

    Only in the main thread, and only where nobody else handles the signal (a notebook's kernel may).
    """

    def __init__(self) -> None:
        self.asked = False
        self._ours = False

    def __enter__(self) -> "Interrupt":
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._ours = True
        return self

    def __exit__(self, *_: Any) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, *_: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

"""What the stand-in refuses, who is let off, and the count of transfers.

The library's own code gets no mercy. A test may compare a device array with a NumPy array directly when the existing
suites run on the stand-in (`pytest --backend=strict`): then `lenient_folder` is set, and a line of code in a file
below it is let off, as if it had called `to_numpy`. What counts is the nearest caller that is a test or the library.
"""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

HERE = str(Path(__file__).resolve().parent)
TESTS = str(Path(HERE).parent)
LIBRARY = str(Path(TESTS).parent / "minibert")

lenient_folder: str | None = None  # where code may mix device and NumPy arrays


class Refused(TypeError):
    """CuPy would fail here, or copy silently between host and device."""


class Transfers:
    """How often arrays were copied, and how often the host had to wait for a number from the device.

    Attributes:
        counts: "to device", "to host" (`get`, `item`, `asnumpy`, `tolist`) and "wait" (the size of a result depends on
            the values: `nonzero`, a boolean index, `unique`).
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.forbidden: frozenset[str] = frozenset()

    def happen(self, kind: str, what: str) -> None:
        if kind in self.forbidden and not caller_is_lenient():
            raise Refused(f"{what} here: a copy or wait ({kind}) in a place that must do without.")
        self.counts[kind] += 1

    @contextlib.contextmanager
    def forbid(self, *kinds: str) -> Iterator[None]:
        """Within the block these kinds are refused."""
        before, self.forbidden = self.forbidden, frozenset(kinds)
        try:
            yield
        finally:
            self.forbidden = before


transfers = Transfers()


def caller_is_lenient() -> bool:
    """Whether the nearest caller that is a test or the library is a test that may mix arrays."""
    if lenient_folder is None:
        return False
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(HERE):
            if name.startswith(LIBRARY):
                return False
            if name.startswith(lenient_folder):
                return True
        frame = frame.f_back
    return False


def refuse(what: str) -> NoReturn:
    """Raise Refused with one sentence."""
    raise Refused(f"strict CuPy stand-in: {what}")


def refuse_unless_lenient(what: str) -> None:
    """As `refuse`, except where a test may mix arrays."""
    if not caller_is_lenient():
        refuse(what)

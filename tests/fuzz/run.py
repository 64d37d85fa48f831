"""Damage one file, read it, and judge what happened."""

import contextlib
import random
import resource
import signal
import tempfile
import time
import traceback
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from minibert.errors import MinibertError
from tests.fuzz.kinds import KINDS, Kind

LONGEST_TEXT = 400  # characters of an error, its paths aside
LONGEST_TIME = 10.0  # seconds
MOST_MEMORY = 1 << 30  # bytes


class Outcome(NamedTuple):
    """What one damaged file led to: "loaded", "refused", or what must not be."""

    kind: str
    number: int
    verdict: str
    text: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether this must be mended."""
        return self.verdict not in ("loaded", "refused")

    def __str__(self) -> str:
        again = f"python -m tests.fuzz --kind {self.kind!r} --first {self.number} --files 1"
        return f"{self.verdict}: {again}\n{self.text if len(self.text) < 4000 else self.text[:500] + '...'}"


class TooLongError(BaseException):
    """Reading takes longer than it may."""


def outcomes(kind: str, first: int, count: int, *, measure: bool = False) -> Iterator[Outcome]:
    """What becomes of `count` damaged files of a kind; `measure` also counts memory, which takes longer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        KINDS[kind].make(folder)
        KINDS[kind].read(folder)  # the whole example loads
        whole = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        for number in range(first, first + count):
            for file, content in whole.items():
                if not (folder / file).exists() or (folder / file).stat().st_size != len(content):
                    (folder / file).write_bytes(content)
            damaged = KINDS[kind].damage(random.Random(f"{kind} {number}"), whole[KINDS[kind].file])
            (folder / KINDS[kind].file).write_bytes(damaged)
            yield judged(kind, number, folder, KINDS[kind], measure)
            (folder / KINDS[kind].file).write_bytes(whole[KINDS[kind].file])


def judged(name: str, number: int, folder: Path, kind: Kind, measure: bool) -> Outcome:
    """Read the folder and say how that ended."""
    begun = time.perf_counter()
    if measure:
        tracemalloc.start()
    try:
        with warnings.catch_warnings(), _alarm():
            warnings.simplefilter("ignore")
            kind.read(folder)
        outcome = Outcome(name, number, "loaded")
    except MinibertError as error:
        text = str(error).replace(str(folder), "")
        verdict = "refused" if _is_readable(text) else "its text is too long, or not printable"
        outcome = Outcome(name, number, verdict, text)
    except TooLongError:
        outcome = Outcome(name, number, "takes too long", traceback.format_exc())
    except Exception as error:
        outcome = Outcome(name, number, f"raises {type(error).__name__}", traceback.format_exc())
    peak = tracemalloc.get_traced_memory()[1] if measure else 0
    tracemalloc.stop()
    if not outcome.is_fault and time.perf_counter() - begun > LONGEST_TIME:
        return Outcome(name, number, "takes too long")
    if not outcome.is_fault and peak > MOST_MEMORY:
        return Outcome(name, number, f"takes {peak:,} bytes")
    return outcome


def _is_readable(text: str) -> bool:
    """One sentence or two; a table of tensors may stand between them, each of its lines behind two blanks."""
    lines = text.split("\n")
    sentences = [line for line in lines if not line.startswith("  ")]
    return text.replace("\n", "").isprintable() and len(lines) < 40 and sum(map(len, sentences)) <= LONGEST_TEXT


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    """Raise TooLongError in the block after the longest time, where the system can."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_TIME)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def limit_memory() -> None:
    """Let allocations beyond the limit fail in this process, with room for the libraries."""
    resource.setrlimit(resource.RLIMIT_AS, (8 * MOST_MEMORY, resource.RLIM_INFINITY))

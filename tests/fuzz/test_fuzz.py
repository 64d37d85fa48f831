"""A few damaged files of every kind, and the fuzzer itself: what it must find it finds."""

import random
import time
from pathlib import Path

import pytest

import minibert as mb
from tests.fuzz.kinds import KINDS, Kind
from tests.fuzz.run import outcomes

FILES = 12  # of each kind; `python -m tests.fuzz` reads more
SECONDS = 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_refused_in_a_sentence_or_loads(kind: str) -> None:
    end = time.monotonic() + SECONDS
    for outcome in outcomes(kind, 0, FILES, measure=True):
        assert not outcome.is_fault, str(outcome)
        if time.monotonic() > end:
            break


def test_the_same_number_gives_the_same_file() -> None:
    kind = KINDS["config of bert"]
    whole = b'{"hidden_size": 24, "model_type": "bert", "id2label": {"0": "a", "1": "b"}}'
    files = [kind.damage(random.Random(f"x {number % 50}"), whole) for number in range(100)]
    assert files[:50] == files[50:]
    assert len(set(files)) > 25


def planted(monkeypatch: pytest.MonkeyPatch, read) -> str:
    """The verdict on a reader that does this."""

    def read_once(folder: Path) -> None:
        if (folder / "file").read_bytes() != b"whole":
            read(folder)

    kind = Kind("file", lambda folder: (folder / "file").write_bytes(b"whole"), lambda *_: b"damaged!", read_once)
    monkeypatch.setitem(KINDS, "planted", kind)
    return next(iter(outcomes("planted", 0, 1, measure=True))).verdict


def test_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fuzz import run

    def refuse(text: str):
        def read(_: Path) -> None:
            raise mb.ConfigError(text)

        return read

    assert planted(monkeypatch, lambda _: None) == "loaded"
    assert planted(monkeypatch, refuse("hidden_size is 5.")) == "refused"
    assert planted(monkeypatch, refuse("two\n  a: (1,), (2,)\n  b: (1,), (2,)\nlines")) == "refused"
    for text in ("x" * 401, "a\x1b[31m", "a\0"):
        assert planted(monkeypatch, refuse(text)) == "its text is too long, or not printable"
    assert planted(monkeypatch, lambda _: [][5]) == "raises IndexError"
    monkeypatch.setattr(run, "LONGEST_TIME", 0.05)
    assert planted(monkeypatch, lambda _: time.sleep(5)) == "takes too long"
    monkeypatch.setattr(run, "LONGEST_TIME", 10)
    monkeypatch.setattr(run, "MOST_MEMORY", 1 << 20)
    assert planted(monkeypatch, lambda _: bytearray(2 << 20)).startswith("takes ")

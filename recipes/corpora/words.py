"""How frequent words are, from the word lists of the package wordfreq (used as a filter; none of it is copied).

A list is a MessagePack array, gzipped: first a header, then the words of frequency 10^(-i/100) at place i (Speer,
"wordfreq", 2022). Zipf frequency is log10 of the occurrences in a billion words: "the" 7.7, "kitten" 3.9.
"""

import gzip
import re
from pathlib import Path
from typing import Any

WORD = re.compile(r"[A-Za-z']+")


def read_zipf_frequencies(package: Path, language: str) -> dict[str, float]:
    """{word: Zipf frequency} of the words that occur at least once in a million."""
    packed = gzip.decompress((package / "wordfreq" / "data" / f"small_{language}.msgpack.gz").read_bytes())
    _, *bins = _Reader(packed).value()
    return {word: 9 - i / 100 for i, words in enumerate(bins) for word in words}


def words_of(text: str) -> list[str]:
    """The words of a text in lower case.

    >>> words_of("Don't say 'no'.")
    ["don't", 'say', 'no']
    """
    return [word.strip("'").lower() for word in WORD.findall(text) if word.strip("'")]


class _Reader:
    """The few kinds of values of MessagePack that the lists hold."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, count: int) -> bytes:
        self.place += count
        return self.data[self.place - count : self.place]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def value(self) -> Any:
        kind = self.number(1)
        if kind < 0x80:
            return kind
        if kind < 0x90:
            return {self.value(): self.value() for _ in range(kind & 0x0F)}
        if kind < 0xA0:
            return [self.value() for _ in range(kind & 0x0F)]
        if kind < 0xC0:
            return self.take(kind & 0x1F).decode()
        if kind in (0xD9, 0xDA):
            return self.take(self.number(kind - 0xD8)).decode()
        if kind in (0xDC, 0xDD):
            return [self.value() for _ in range(self.number(2 if kind == 0xDC else 4))]
        raise ValueError(f"byte {self.place - 1} of the word list is {kind:#x}, which begins no known value")

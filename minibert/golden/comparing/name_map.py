"""From golden names to those of the other side."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minibert.golden.errors import GoldenError

Names = Mapping[str, str] | Callable[[str], str | None] | Iterable[tuple[str, str]]


class NameMap:
    """From a golden name to the other side's.

    Args:
        names: {golden: other}, a function golden -> other (or None), or pairs (golden, other). In a dict and in pairs
            a `*` stands for any text without a slash, and comes back in the other name at the same place:
            ("bert.encoder.layer.*.attention.self.query", "blocks.*.attn.q"). A name that the map does not know is
            looked up as it is.
    """

    def __init__(self, names: Names | None) -> None:
        self._exact: dict[str, str] = {}
        self._globs: list[tuple[re.Pattern[str], str]] = []
        self._function = names if callable(names) else None
        self.used: set[str] = set()
        if names is None or callable(names):
            return
        pairs = names.items() if isinstance(names, Mapping) else names
        for pair in pairs:
            self._add(pair)

    def _add(self, pair: Any) -> None:
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
            raise GoldenError(f"names has {pair!r}: a pair of a golden name and the other name belongs there.")
        golden, other = pair
        if golden.count("*") != other.count("*"):
            raise GoldenError(f"names has {golden!r} for {other!r}: both need the same number of *.")
        if "*" in golden:
            parts = [re.escape(part) for part in golden.split("*")]
            self._globs.append((re.compile("([^/]*)".join(parts)), other))
        else:
            self._exact[golden] = other

    def other(self, golden: str) -> str:
        """The other side's name of a golden name."""
        if self._function is not None:
            mapped = self._function(golden)
            return golden if mapped is None else mapped
        if golden in self._exact:
            return self._exact[golden]
        for pattern, other in self._globs:
            found = pattern.fullmatch(golden)
            if found:
                parts = iter(found.groups())
                return "".join(next(parts) if piece == "*" else piece for piece in re.split(r"(\*)", other))
        return golden

    def find(self, names: Iterable[str], values: Mapping[str, Any]) -> str | None:
        """Which of the other side's names holds a value that goes by any of these golden names."""
        for each in names:
            other = self.other(each)
            if other in values:
                resolve = getattr(values, "resolve", None)
                self.used.add(other if resolve is None else resolve(other) or other)
                return other
        return None

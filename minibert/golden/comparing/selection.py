"""Which tensors of a pack are compared: all that are no inputs, or those that were asked for."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from minibert.golden.errors import GoldenError
from minibert.golden.packs.pack import Entry, Pack


class Selection:
    """The tensors to compare.

    Args:
        pack: the golden side.
        only: a glob or several, for names and aliases; None for every tensor.

    Attributes:
        entries: what the pack says of them, in execution order.
        everything: whether nothing was left out.

    Raises:
        GoldenError: a glob fits nothing in the pack.
    """

    def __init__(self, pack: Pack, only: str | Iterable[str] | None) -> None:
        self.everything = only is None
        self.entries = list(pack.results())
        if only is not None:
            globs = [only] if isinstance(only, str) else list(only)
            for glob in globs:
                if not any(_fits(entry, glob) for entry in self.entries):
                    raise GoldenError(f"only has {glob!r}, which fits no tensor of {pack.path.name}.")
            self.entries = [entry for entry in self.entries if any(_fits(entry, glob) for glob in globs)]
        self._names = {entry.name for entry in self.entries}

    def __contains__(self, name: str) -> bool:
        return name in self._names


def _fits(entry: Entry, glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in (entry.name, *entry.aliases))

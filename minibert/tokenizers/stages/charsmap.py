"""The precompiled normalisation map of a SentencePiece model (`precompiled_charsmap`).

It says which strings are replaced by which before a text is split: NFKC with a few changes, in most models.
At each place of the text the longest rule that matches there is applied, left to right; a character
without a rule stays. The blob is a double-array trie over the UTF-8 bytes of the sources, followed by the
targets, each ending in a NUL:

    size of the trie in bytes (uint32) | units of the trie (uint32 each) | targets

Each unit of the trie, at place `i` of the array, packs four things (Aoe 1989; the layout is that of the
Darts-clone library): `label`, the byte that leads here; `leaf`, whether a rule ends here; `offset`, so that
the children stand at `i ^ offset ^ byte`; in a unit that ends a rule, the place of the target instead.

`CharsMap` reads the array once into three things: a table of the rules for one character, the characters that
continue a longer rule, and, by node, which character leads where. `training/charsmap_builder.py` writes such blobs.
"""

import re
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from minibert.errors import TokenizerError

ROOT = 0
Ints = NDArray[np.int64]


class CharsMap:
    """A normalisation map: `match` gives the rule at a place, `replace` rewrites a whole text.

    Raises TokenizerError for a blob that is cut short or corrupt. An empty blob has no rules.

    >>> from minibert.tokenizers.training.charsmap_builder import build_charsmap
    >>> rules = CharsMap(build_charsmap({"①": "1", "e\\u0301": "é", "e": "E"}))
    >>> rules.replace("①e e\\u0301!")
    '1E é!'
    >>> rules.match("e\\u0301!", 0)
    (2, 'é')
    """

    def __init__(self, blob: bytes, *, name: str = "the model") -> None:
        self.singles: dict[int, str] = {}  # code point -> what replaces it when no longer rule matches
        self._children: dict[int, dict[str, int]] = {}  # node -> character -> node
        self._targets: dict[int, str] = {}  # node where a rule ends -> what replaces its source
        if blob:
            array, strings = _split_blob(blob, name)
            trie = _Trie(array)
            trie.check(len(strings), name)
            self._read(trie, strings, name)
        first = self._children.get(ROOT, {})
        self._starts = {char: node for char, node in first.items() if node in self._children}
        self._refuse_cycles(name)
        self.inner = self._inner_characters()  # characters at the second or a later place of a rule
        inner = one_of(self.inner)
        self._has_inner = inner and inner.search
        self._printable_ascii_stays = self._stays(map(chr, range(0x20, 0x7F)))

    def _read(self, trie: "_Trie", strings: bytes, name: str) -> None:
        edges = trie.character_edges()
        for parent, code, child in zip(*(column.tolist() for column in edges), strict=True):
            self._children.setdefault(parent, {})[chr(code)] = child
        nodes = np.unique(edges[2])
        leaves = nodes[trie.has_leaf(nodes)]
        places = trie.values(leaves)
        texts = {place: _target(strings, place, name) for place in set(places.tolist())}
        self._targets = {node: texts[at] for node, at in zip(leaves.tolist(), places.tolist(), strict=True)}
        for char, node in self._children.get(ROOT, {}).items():
            if node in self._targets:
                self.singles[ord(char)] = self._targets[node]

    def _refuse_cycles(self, name: str) -> None:
        """A double array may share suffixes, but no path may come back to a node: no rule is endless."""
        waiting = dict.fromkeys(self._children, 0)  # node -> how many nodes still lead to it
        for steps in self._children.values():
            for child in steps.values():
                if child in waiting:
                    waiting[child] += 1
        free = [node for node, parents in waiting.items() if parents == 0]
        done = 0
        while free:
            done += 1
            for child in self._children[free.pop()].values():
                if child in waiting:
                    waiting[child] -= 1
                    if waiting[child] == 0:
                        free.append(child)
        if done < len(waiting):
            raise _corrupt(name, "the trie runs in a circle")

    def _inner_characters(self) -> set[str]:
        return {char for node, steps in self._children.items() if node != ROOT for char in steps}

    def _stays(self, characters: Iterable[str]) -> bool:
        """Whether no rule applies to a text that consists of these characters."""
        waiting, alphabet = [ROOT], set(characters)
        while waiting:
            steps = self._children.get(waiting.pop(), {})
            reached = [steps[char] for char in alphabet.intersection(steps)]
            if not self._targets.keys().isdisjoint(reached):
                return False
            waiting += reached
        return True

    def match(self, text: str, at: int) -> tuple[int, str]:
        """The longest rule that matches `text` at place `at`: how many characters it takes, and its target.

        Gives (1, the character) where none matches.
        """
        node, end, found = ROOT, at, None
        while end < len(text) and (steps := self._children.get(node)) and text[end] in steps:
            node = steps[text[end]]
            end += 1
            if node in self._targets:
                found = end - at, self._targets[node]
        return found or (1, text[at])

    def replace(self, text: str) -> str:
        """The text with every rule applied, longest first, left to right."""
        if self._printable_ascii_stays and text.isascii() and text.isprintable():
            return text
        if self._has_inner is None or not self._has_inner(text):
            return text.translate(self.singles)  # no rule longer than a character can match
        return "".join(target for _, target in self.matches(text))

    def keeps_places(self, text: str) -> bool:
        """Whether every character of the text becomes one character, so that places stay the same."""
        if self._has_inner is not None and self._has_inner(text):
            return False
        return all(len(self.singles.get(ord(char), char)) == 1 for char in set(text))

    def matches(self, text: str) -> Iterator[tuple[int, str]]:
        """What `match` gives at each place where a rule starts or a character stands alone, left to right."""
        singles, starts, inner = self.singles, self._starts, self.inner
        at, size = 0, len(text)
        while at < size:
            char = text[at]
            if char in starts and at + 1 < size and text[at + 1] in inner:
                length, target = self.match(text, at)
            else:
                length, target = 1, singles.get(ord(char), char)
            yield length, target
            at += length

    def mentions(self, char: str) -> bool:
        """Whether the character stands in the source of any rule."""
        return char in self._children.get(ROOT, {}) or char in self.inner

    def written_as(self, target: str) -> list[str]:
        """The characters that are replaced by `target` wherever they stand."""
        chars = [chr(code) for code, written in self.singles.items() if written == target]
        return [char for char in chars if char not in self._starts and char not in self.inner]

    def rules(self) -> dict[str, str]:
        """Every rule, source -> target. Real maps have some 200,000: this takes a second."""
        found: dict[str, str] = {}
        waiting = [(ROOT, "")]
        while waiting:
            node, source = waiting.pop()
            if node in self._targets:
                found[source] = self._targets[node]
            waiting.extend((child, source + char) for char, child in self._children.get(node, {}).items())
        return found

    def pairs(self) -> Iterator[tuple[str, str]]:
        """The rules for two characters: source, target."""
        for first, node in self._starts.items():
            for second, child in self._children[node].items():
                if child in self._targets:
                    yield first + second, self._targets[child]

    @property
    def targets(self) -> Iterable[str]:
        """What rules write, each at least once."""
        return self._targets.values()


def one_of(characters: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern that any one of these characters fits; None if there are none."""
    inside = "".join(map(re.escape, sorted(characters)))
    return re.compile(f"[{inside}]") if inside else None


def _split_blob(blob: bytes, name: str) -> tuple[NDArray[np.uint32], bytes]:
    """The units of the trie and the bytes of the targets, checked for size."""
    size = int.from_bytes(blob[:4], "little")
    if len(blob) <= 4 or size >= len(blob) - 4:
        raise _corrupt(name, f"the trie claims {size} bytes, and the map has {len(blob)} in all")
    if size < 1024 or size % 1024:
        raise _corrupt(name, f"the trie has {size} bytes, which is not a multiple of 1024")
    if blob[-1] != 0:
        raise _corrupt(name, "the last target does not end in a NUL")
    return np.frombuffer(blob, "<u4", size // 4, 4), blob[4 + size :]


def _corrupt(name: str, reason: str) -> TokenizerError:
    return TokenizerError(f"{name}: the normalisation map (precompiled_charsmap) is corrupt: {reason}.")


def _target(strings: bytes, place: int, name: str) -> str:
    try:
        return strings[place : strings.index(0, place)].decode("utf-8")
    except UnicodeDecodeError:
        raise _corrupt(name, f"the target at byte {place} is not UTF-8") from None


class _Trie:
    """The double array, taken apart with NumPy so that a map of 60,000 units loads in milliseconds."""

    def __init__(self, units: NDArray[np.uint32]) -> None:
        array = units.astype(np.int64)
        self._array = array
        self._bases = np.arange(len(array)) ^ ((array >> 10) << ((array & 512) >> 6))
        labels = array & 0x800000FF  # bit 31 marks a unit that holds a value, not a byte
        inner = np.flatnonzero((labels <= 0xFF) & (labels > 0))
        order = np.argsort(inner ^ labels[inner], kind="stable")
        self._child = inner[order]  # units by the base of the parent that would reach them
        self._label = labels[self._child]
        self._parent_base = self._child ^ self._label

    def check(self, strings: int, name: str) -> None:
        """Refuse an array that leads outside itself, or outside the `strings` bytes of targets."""
        array, size = self._array, len(self._array)
        has_value = array >> 31 == 1
        has_leaf = ~has_value & (array >> 8 & 1 == 1)
        if array[ROOT] & 0x800001FF or self._bases[ROOT] == 0:
            raise _corrupt(name, "the first unit of the trie is not a root")
        outside = np.flatnonzero(~has_value & (self._bases | 0xFF >= size))
        if len(outside):
            raise _corrupt(name, f"unit {outside[0]} of the trie leads outside its {size} units")
        loose = np.flatnonzero(has_leaf)
        loose = loose[~has_value[self._bases[loose]]]
        if len(loose):
            raise _corrupt(name, f"unit {loose[0]} of the trie ends a rule that has no target")
        far = np.flatnonzero(has_value & (array & 0x7FFFFFFF >= strings))
        if len(far):
            place = array[far[0]] & 0x7FFFFFFF
            raise _corrupt(name, f"a rule points to byte {place} of {strings} bytes of targets")

    def has_leaf(self, nodes: Ints) -> NDArray[np.bool_]:
        return self._array[nodes] >> 8 & 1 == 1

    def values(self, nodes: Ints) -> Ints:
        return self._array[self._bases[nodes]] & 0x7FFFFFFF

    def step(self, nodes: Ints) -> tuple[Ints, Ints, Ints]:
        """All children of these nodes: (index into nodes, byte, child)."""
        first = np.searchsorted(self._parent_base, self._bases[nodes], "left")
        last = np.searchsorted(self._parent_base, self._bases[nodes], "right")
        counts = last - first
        index = np.repeat(np.arange(len(nodes)), counts)
        within = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
        at = first[index] + within
        return index, self._label[at], self._child[at]

    def character_edges(self) -> tuple[Ints, Ints, Ints]:
        """Every (node, code point, node) that a valid text can walk, from the root on."""
        edges: list[tuple[Ints, Ints, Ints]] = []
        seen = np.zeros(len(self._array), bool)
        frontier = np.array([ROOT])
        while len(frontier):
            seen[frontier] = True
            found = self._characters_from(frontier)
            edges.append(found)
            children = np.unique(found[2])
            frontier = children[~seen[children]]
        parents, codes, children = (np.concatenate(column) for column in zip(*edges, strict=True))
        return parents, codes, children

    def _characters_from(self, nodes: Ints) -> tuple[Ints, Ints, Ints]:
        """One whole character further: a first byte, then as many continuation bytes as it announces."""
        index, byte, child = self.step(nodes)
        parent = nodes[index]
        more = np.select([byte < 0x80, byte < 0xC2, byte < 0xE0, byte < 0xF0, byte < 0xF5], [0, -1, 1, 2, 3], -1)
        code = np.select([more == 0, more == 1, more == 2], [byte, byte & 0x1F, byte & 0x0F], byte & 0x07)
        done = []
        while True:
            done.append((parent[more == 0], code[more == 0], child[more == 0]))
            parent, code, child, more = (column[more > 0] for column in (parent, code, child, more))
            if not len(parent):
                break
            index, byte, child = self.step(child)
            good = (byte & 0xC0) == 0x80
            index, byte, child = index[good], byte[good], child[good]
            parent, code, more = parent[index], code[index] << 6 | byte & 0x3F, more[index] - 1
        parents, codes, children = (np.concatenate(column) for column in zip(*done, strict=True))
        valid = (codes <= 0x10FFFF) & ((codes < 0xD800) | (codes > 0xDFFF))
        return parents[valid], codes[valid], children[valid]

"""Writing a normalisation map: from rules to the blob that `stages/charsmap.py` and SentencePiece read.

The sources become the smallest automaton that knows them (nodes with the same future are one, Daciuk et al.
2000), and the automaton becomes a double array (Aoe 1989): each node gets a base `b` such that the cells
`b ^ byte` of all its children are free, and each cell remembers the byte that leads to it. No two nodes have
the same base, so a byte that leads nowhere is always noticed.

`normalization_rules` gives the maps that SentencePiece knows by name, made from Python's own Unicode tables:
they lack the characters that are younger than those tables.
"""

import sys
import unicodedata
from array import array
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product

import numpy as np

from minibert.errors import TokenizerError

BLOCK = 256
LEAF = 0  # the label of the child that holds a node's value; no source contains NUL
_EVERY_BYTE = np.arange(BLOCK)

# What nmt_nfkc changes in nfkc: more blanks, no control characters, and the full-width tilde stays
_NMT_BLANKS = "\t\n\f\r\u061c\u1680\u200b\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd\u200c"
_NMT_REMOVED = [*range(0x01, 0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0x8F, 0x9F]
_FULL_WIDTH_TILDE = "\uff5e"


@cache
def named_charsmap(name: str) -> bytes:
    """The blob of a map that SentencePiece knows by name; empty for "identity".

    Made anew from Unicode's tables, which takes some seconds the first time. Raises TokenizerError for a name
    that is not known.
    """
    return b"" if name == "identity" else build_charsmap(normalization_rules(name))


def normalization_rules(name: str) -> dict[str, str]:
    """source -> target for "nfkc", "nmt_nfkc", "nfkc_cf" or "nmt_nfkc_cf" (cf: case is folded).

    Besides single characters there is a rule for each sequence of characters that NFKC would compose. Rules
    that follow from shorter ones are left out.
    """
    if name not in ("nfkc", "nmt_nfkc", "nfkc_cf", "nmt_nfkc_cf"):
        raise TokenizerError(
            f"The normalisation {name!r} is not known; known are identity, nfkc, nmt_nfkc, nfkc_cf and nmt_nfkc_cf."
        )
    rules = dict(_nfkc_rules())
    if name.startswith("nmt"):
        rules.update(dict.fromkeys(_NMT_BLANKS, " "))
        rules.update(dict.fromkeys(map(chr, _NMT_REMOVED), ""))
        del rules[_FULL_WIDTH_TILDE]
    if name.endswith("cf"):
        rules = {source: _fold(target) for source, target in rules.items()}
        for char in _characters():
            if char not in rules and _fold(char) != char:
                rules[char] = _fold(char)
    return _without_implied(rules)


def _characters() -> Iterator[str]:
    """Every character of Unicode but NUL, surrogates and the code points that will never be characters."""
    for code in range(1, sys.maxunicode + 1):
        if not (0xD800 <= code < 0xE000 or 0xFDD0 <= code < 0xFDF0 or code & 0xFFFE == 0xFFFE):
            yield chr(code)


def _fold(text: str) -> str:
    """Unicode's simple case folding: one character for one ("ẞ" becomes "ß", not "ss")."""
    return "".join(map(_fold_char, text))


def _fold_char(char: str) -> str:
    for folded in (char.casefold(), char.lower()):
        if len(folded) == 1:
            return folded
    return char


@cache
def _nfkc_rules() -> dict[str, str]:
    rules: dict[str, str] = {}
    spellings: dict[str, set[str]] = {}  # decomposed character -> the characters that mean it
    sequences: set[str] = set()
    for char in _characters():
        composed, decomposed = unicodedata.normalize("NFKC", char), unicodedata.normalize("NFKD", char)
        if composed != char:
            rules[char] = composed
        if len(decomposed) == 1:
            spellings.setdefault(decomposed, set()).add(char)
        else:
            sequences.add(decomposed)
    for sequence in sorted(sequences):
        composed = unicodedata.normalize("NFKC", sequence)
        if composed != sequence:
            for variant in product(*(sorted(spellings[char]) for char in sequence)):
                if (source := "".join(variant)) != composed:
                    rules[source] = composed
    return rules


def _without_implied(rules: Mapping[str, str]) -> dict[str, str]:
    """Only the rules that shorter rules do not give anyway."""
    kept: dict[str, str] = {}
    by_length: dict[int, list[str]] = {}
    for source in rules:
        by_length.setdefault(len(source), []).append(source)
    for length in sorted(by_length):
        found = {
            source: rules[source]
            for source in by_length[length]
            if length == 1 or rules[source] != _apply(kept, source, length - 1)
        }
        kept.update(found)
    return kept


def _apply(rules: Mapping[str, str], text: str, longest: int) -> str:
    written, at = [], 0
    while at < len(text):
        for length in range(min(longest, len(text) - at), 0, -1):
            target = rules.get(text[at : at + length])
            if target is not None:
                break
        else:
            length, target = 1, text[at]
        written.append(target)
        at += length
    return "".join(written)


def build_charsmap(rules: Mapping[str, str]) -> bytes:
    """The blob of these rules; an empty one if there are none.

    Raises TokenizerError for an empty source, and for a NUL in a source or a target, which the format cannot
    hold.

    >>> from minibert.tokenizers.stages.charsmap import CharsMap
    >>> CharsMap(build_charsmap({"a": "b", "ab": "", "é": "e"})).rules() == {"a": "b", "ab": "", "é": "e"}
    True
    """
    if not rules:
        return b""
    for source, target in rules.items():
        if not source or "\0" in source or "\0" in target:
            raise TokenizerError(f"The normalisation rule {source!r} -> {target!r} has an empty source or a NUL.")
    places: dict[str, int] = {}
    strings = bytearray()
    for target in rules.values():
        if target not in places:
            places[target] = len(strings)
            strings += target.encode() + b"\0"
    keys = sorted((source.encode(), places[target]) for source, target in rules.items())
    trie = _DoubleArray(_Automaton(keys)).units.tobytes()
    return len(trie).to_bytes(4, "little") + trie + bytes(strings)


class _Automaton:
    """The smallest automaton of sorted keys. Node `i` has `nodes[i]`: (byte, node) pairs; a `LEAF` has a value."""

    def __init__(self, keys: list[tuple[bytes, int]]) -> None:
        self.nodes: list[tuple[tuple[int, int], ...]] = []
        self._known: dict[tuple[tuple[int, int], ...], int] = {}
        path: list[list[tuple[int, int]]] = [[]]  # the nodes along the key before, still open
        before = b""
        for key, value in keys:
            shared = 0
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
            self._close(path, before, shared)
            path.extend([] for _ in range(len(key) - shared))
            path[-1].append((LEAF, value))
            before = key
        self._close(path, before, 0)
        self.root = self._node(path[0])

    def _close(self, path: list[list[tuple[int, int]]], key: bytes, depth: int) -> None:
        """Nothing more comes below this depth: make nodes of what is there, deepest first."""
        while len(path) > depth + 1:
            node = self._node(path.pop())
            path[-1].append((key[len(path) - 1], node))

    def _node(self, children: list[tuple[int, int]]) -> int:
        found = tuple(children)
        if found not in self._known:
            self._known[found] = len(self.nodes)
            self.nodes.append(found)
        return self._known[found]


class _DoubleArray:
    """The automaton's nodes laid out in an array; see the head of `stages/charsmap.py` for what a unit holds."""

    def __init__(self, automaton: _Automaton) -> None:
        self._free = np.zeros((0, BLOCK), bool)  # of the last few blocks
        self._unused_base = np.zeros((0, BLOCK), bool)
        self._blocks = 0
        bases = self._place(automaton)
        self.units = array("I", self._fill(automaton, bases).tobytes())
        if sys.byteorder == "big":
            self.units.byteswap()

    def _place(self, automaton: _Automaton) -> list[int]:
        """A base for each node."""
        self._open_block()
        self._free[-1, 0] = False  # the root's own cell
        self._unused_base[-1, 0] = False
        bases = [0] * len(automaton.nodes)
        # nodes with many children first: they are the hard ones to place
        for node in sorted(range(len(bases)), key=lambda node: -len(automaton.nodes[node])):
            bases[node] = self._find_base([label for label, _ in automaton.nodes[node]])
        return bases

    def _open_block(self) -> None:
        keep = 24  # blocks in which cells are looked for; older ones are nearly full
        self._free = np.concatenate([self._free, np.ones((1, BLOCK), bool)])[-keep:]
        self._unused_base = np.concatenate([self._unused_base, np.ones((1, BLOCK), bool)])[-keep:]
        self._blocks += 1

    def _find_base(self, labels: list[int]) -> int:
        while True:
            fits = self._unused_base.copy()
            for label in labels:
                fits &= self._free[:, _EVERY_BYTE ^ label]
            at = int(fits.argmax())
            row, low = divmod(at, BLOCK)
            if fits[row, low]:
                break
            self._open_block()
        self._unused_base[row, low] = False
        for label in labels:
            self._free[row, low ^ label] = False
        return (self._blocks - len(self._free) + row) * BLOCK + low

    def _fill(self, automaton: _Automaton, bases: list[int]) -> np.ndarray:
        units = np.full(self._blocks * BLOCK, -1, np.int64)
        has_leaf = [children[0][0] == LEAF for children in automaton.nodes]
        units[0] = bases[automaton.root] << 10
        for node, children in enumerate(automaton.nodes):
            for label, child in children:
                cell = bases[node] ^ label
                if label == LEAF:
                    units[cell] = child | 1 << 31
                else:
                    units[cell] = label | has_leaf[child] << 8 | (cell ^ bases[child]) << 10
        # an empty cell gets a label that would lead to it from a base that no node has
        used = {0, *bases}
        for cell in np.flatnonzero(units < 0).tolist():
            block = cell & ~0xFF
            base = next(base for base in range(block, block + BLOCK) if base not in used)
            units[cell] = cell ^ base
        return units.astype(np.uint32)

"""WordNet 3.0: its synsets, and lines of text made of their examples and definitions.

Format: wndb(5WN). A line of data.POS holds a synset: offset, lexicographer file, part of speech, words, pointers to
other synsets, and after "|" the gloss: a definition and quoted examples.
"""

import re
from pathlib import Path
from typing import NamedTuple

from corpora.words import words_of

FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
HYPERNYM, ANTONYM, USAGE = "@", "!", ";u"
# synsets that say how a word is used. Lines of synsets marked with one are left out, and so are lines with a word
# whose first sense is marked with one of the first two.
COARSE, INSULTING = ("obscenity", "ethnic_slur"), "disparagement"


class Pointer(NamedTuple):
    """From a synset (or its word number `source`, from 1) to another (or its word number `target`)."""

    symbol: str
    offset: str
    pos: str
    source: int
    target: int


class Synset(NamedTuple):
    """Words of one meaning."""

    pos: str  # n, v, a, r
    offset: str
    words: list[str]
    pointers: list[Pointer]
    definition: str
    examples: list[str]

    @property
    def key(self) -> tuple[str, str]:
        return self.pos, self.offset


class WordNet:
    """All synsets, and which of them is a word's first sense.

    Args:
        package: the unpacked Debian package wordnet-base.
    """

    def __init__(self, package: Path) -> None:
        folder = package / "usr" / "share" / "wordnet"
        self.synsets: dict[tuple[str, str], Synset] = {}
        self.first_sense: dict[tuple[str, str], str] = {}
        self.seen: set[tuple[str, str]] = set()  # words that occur in the texts which WordNet's makers tagged
        for pos, name in FILES.items():
            for line in (folder / f"data.{name}").read_text(encoding="latin-1").splitlines():
                if not line.startswith("  "):  # the licence
                    synset = parse_synset(pos, line)
                    self.synsets[synset.key] = synset
            for line in (folder / f"index.{name}").read_text(encoding="latin-1").splitlines():
                if not line.startswith("  "):
                    fields = line.split()
                    pointers = int(fields[3])
                    self.first_sense[pos, fields[0]] = fields[6 + pointers]
                    if int(fields[5 + pointers]):
                        self.seen.add((pos, fields[0]))
        marked = [synset for synset in self.synsets.values() if self._is_used_as(synset, COARSE)]
        self.coarse = {word for synset in marked for word in synset.words if self.is_first_sense(synset, word)}

    def is_fit(self, synset: Synset, line: str) -> bool:
        """Whether a line of this synset is neither coarse nor an insult."""
        return not self._is_used_as(synset, (*COARSE, INSULTING)) and self.coarse.isdisjoint(words_of(line))

    def _is_used_as(self, synset: Synset, uses: tuple[str, ...]) -> bool:
        marks = (self.synsets[pointer.pos, pointer.offset] for pointer in synset.pointers if pointer.symbol == USAGE)
        return any(mark.words[0] in uses for mark in marks)

    def is_first_sense(self, synset: Synset, word: str) -> bool:
        """Whether the word most often means this."""
        return self.first_sense.get((synset.pos, word)) == synset.offset

    def antonyms(self) -> list[tuple[str, str]]:
        """Pairs of opposites, each the first sense of its first word."""
        found = []
        for synset in self.synsets.values():
            for pointer in synset.pointers:
                other = self.synsets.get((pointer.pos, pointer.offset))
                if pointer.symbol == ANTONYM and pointer.source and other:
                    word, opposite = synset.words[pointer.source - 1], other.words[pointer.target - 1]
                    if self.is_first_sense(synset, word.lower()):
                        found.append((word, opposite))
        return found

    def kinds(self, anchors: dict[str, str]) -> dict[str, list[str]]:
        """{category: nouns whose first sense lies below it}.

        Args:
            anchors: {synset offset: category}. A noun goes to the nearest one above it, along hypernyms between
                kinds; links from single people and places are another symbol (@i) and are not followed.
        """
        found: dict[str, list[str]] = {category: [] for category in anchors.values()}
        for (pos, word), offset in self.first_sense.items():
            if pos != "n" or (pos, word) not in self.seen or word in self.coarse:
                continue
            synset = self.synsets[pos, offset]
            if word in synset.words:  # spelt without capitals
                category = self._anchor_above(synset, anchors)
                if category and category != word:
                    found[category].append(word)
        return found

    def _anchor_above(self, synset: Synset, anchors: dict[str, str]) -> str | None:
        for pointer in synset.pointers:
            if pointer.symbol == HYPERNYM:
                above = self.synsets[pointer.pos, pointer.offset]
                category = anchors.get(above.offset) or self._anchor_above(above, anchors)
                if category:
                    return category
        return None


def parse_synset(pos: str, line: str) -> Synset:
    """One line of a data file.

    >>> line = '02 03 r 02 fast 0 rapidly(p) 1 001 ! 01 r 0101 | quickly; "he ran fast"'
    >>> synset = parse_synset("r", line)
    >>> synset.words, synset.definition, synset.examples
    (['fast', 'rapidly'], 'quickly', ['he ran fast'])
    """
    head, gloss = line.split("|", 1)
    fields = head.split()
    count = int(fields[3], 16)
    words = [fields[4 + 2 * i].split("(")[0] for i in range(count)]
    rest = fields[4 + 2 * count :]
    pointers = []
    for i in range(int(rest[0])):
        symbol, offset, target_pos, ends = rest[1 + 4 * i : 5 + 4 * i]
        pointers.append(Pointer(symbol, offset, target_pos.replace("s", "a"), int(ends[:2], 16), int(ends[2:], 16)))
    definition = re.split(r';\s*"', gloss)[0].strip().strip(";")
    return Synset(pos, fields[0], words, pointers, definition, re.findall(r'"([^"]+)"', gloss))


# lines of text


def example_lines(wordnet: WordNet, zipf: dict[str, float]) -> list[str]:
    """Examples of 3 to 30 words as sentences: at most one rare word, and none in short ones; each once."""
    return list(dict.fromkeys(line for _, line in examples_with_synsets(wordnet, zipf)))


def examples_with_synsets(wordnet: WordNet, zipf: dict[str, float]) -> list[tuple[Synset, str]]:
    """The same, each with the synset it stands under."""
    found = []
    for synset in wordnet.synsets.values():
        for example in map(tidy, synset.examples):
            words = words_of(example)
            rare = sum(zipf.get(word, 0.0) < 3.0 for word in words)
            if (
                words
                and 3 <= len(example.split()) <= 30
                and rare <= (len(words) >= 6)
                and wordnet.is_fit(synset, example)
            ):
                found.append((synset, as_sentence(example)))
    return found


def gloss_lines(wordnet: WordNet, zipf: dict[str, float]) -> list[str]:
    """'Word: definition.' for common words whose definitions have 3 to 22 words, all of them common."""
    found = []
    for synset in wordnet.synsets.values():
        common = [word for word in synset.words if word.isalpha() and zipf.get(word.lower(), 0.0) >= 3.2]
        words = words_of(synset.definition)
        plain = 3 <= len(words) <= 22 and all(zipf.get(word, 0.0) >= 3.2 for word in words)
        if common and plain and wordnet.is_fit(synset, f"{common[0]} {synset.definition}"):
            definition = tidy(re.sub(r"\([^)]*\)", "", synset.definition))
            word = common[0].lower()
            found.append(f"To {word}: {definition}." if synset.pos == "v" else f"{word.capitalize()}: {definition}.")
    return found


def tidy(text: str) -> str:
    """Plain quotes and single blanks.

    >>> tidy(" ``one''  two ")
    'one two'
    """
    plain = text.replace("``", "").replace("''", "").replace("`", "'")
    return re.sub(r" (?=[;,.])", "", re.sub(r"\s+", " ", plain)).strip()


def as_sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")

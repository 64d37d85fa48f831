"""The normalisation map: longest match, what is written is read back, corrupt blobs are refused."""

import itertools
import random
import struct

import pytest

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.charsmap import CharsMap
from minibert.tokenizers.training.charsmap_builder import build_charsmap, named_charsmap

RULES = {"a": "1", "ab": "2", "abcd": "3", "é": "e", "e\u0301": "é", "か\u3099": "が", "𝔘": "U", "x": "", "y": "zz"}


def apply_plainly(rules, text):
    """The longest rule at each place, by trying all of them."""
    written, at = [], 0
    while at < len(text):
        source = max((source for source in rules if text.startswith(source, at)), key=len, default=text[at])
        written.append(rules.get(source, source))
        at += len(source)
    return "".join(written)


def test_rules_are_read_back():
    assert CharsMap(build_charsmap(RULES)).rules() == RULES


@pytest.mark.parametrize(
    ("text", "at", "found"),
    [
        ("abcd", 0, (4, "3")),
        ("abc", 0, (2, "2")),
        ("aab", 0, (1, "1")),
        ("zab", 1, (2, "2")),
        ("e\u0301", 0, (2, "é")),
        ("e", 0, (1, "e")),
        ("か\u3099", 0, (2, "が")),
        ("𝔘", 0, (1, "U")),
        ("x", 0, (1, "")),
        ("\u3099", 0, (1, "\u3099")),
    ],
)
def test_longest_match(text, at, found):
    assert CharsMap(build_charsmap(RULES)).match(text, at) == found


def test_replace_is_longest_match_from_left_to_right():
    charsmap = CharsMap(build_charsmap(RULES))
    for size in range(5):
        for chars in itertools.product(["a", "b", "cd", "e", "\u0301", "x", "𝔘"], repeat=size):
            text = "".join(chars)
            assert charsmap.replace(text) == apply_plainly(RULES, text), text


def test_random_rules():
    rng = random.Random(0)
    alphabet = "abé\u0301か𝔘\u07ff\uffff"
    for _ in range(60):
        sources = {"".join(rng.choices(alphabet, k=rng.randint(1, 5))) for _ in range(rng.randint(1, 60))}
        rules = {source: "".join(rng.choices(alphabet, k=rng.randint(0, 3))) for source in sources}
        charsmap = CharsMap(build_charsmap(rules))
        assert charsmap.rules() == rules
        for _ in range(20):
            text = "".join(rng.choices(alphabet + "z", k=rng.randint(0, 12)))
            assert charsmap.replace(text) == apply_plainly(rules, text), (rules, text)


def test_no_rules():
    assert build_charsmap({}) == b"" == named_charsmap("identity")
    charsmap = CharsMap(b"")
    assert charsmap.replace("e\u0301 a") == "e\u0301 a"
    assert charsmap.rules() == {}
    assert not charsmap.mentions(" ")


def test_mentions():
    charsmap = CharsMap(build_charsmap({"a b": "c", "x": ""}))
    assert [char for char in "abx c" if charsmap.mentions(char)] == ["a", "b", "x", " "]


def test_printable_ascii_with_rules_is_rewritten():
    assert CharsMap(build_charsmap({"A": "a"})).replace("ABA") == "aBa"


# ------------------------------------------------------------ the named maps


# ------------------------------------------------------------ corrupt blobs

GOOD = build_charsmap({"a": "b", "ab": "c"})


def blob(units, strings=b"b\0c\0"):
    return struct.pack("<I", len(units) * 4) + struct.pack(f"<{len(units)}I", *units) + strings


UNITS = list(struct.unpack_from("<256I", GOOD, 4))
BASE = (UNITS[0] >> 10) ^ 0


def changed(index, value):
    return blob([value if i == index else unit for i, unit in enumerate(UNITS)])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\0", "the trie claims 0 bytes, and the map has 1 in all"),
        (b"\0\0\0\0", "the trie claims 0 bytes, and the map has 4 in all"),
        (GOOD[:500], "the trie claims 1024 bytes, and the map has 500 in all"),
        (GOOD[: 4 + 1024], "the trie claims 1024 bytes, and the map has 1028 in all"),
        (struct.pack("<I", 4096 * 1024 - 1) + GOOD[4:], "the trie claims 4194303 bytes, and the map has"),
        (struct.pack("<I", 1000) + GOOD[4:], "the trie has 1000 bytes, which is not a multiple of 1024"),
        (struct.pack("<I", 0) + GOOD[4:], "the trie has 0 bytes, which is not a multiple of 1024"),
        (GOOD[:-1], "the last target does not end in a NUL"),
        (changed(0, UNITS[0] | 1), "the first unit of the trie is not a root"),
        (changed(0, 0), "the first unit of the trie is not a root"),
        (changed(7, 5 << 18), "unit 7 of the trie leads outside its 256 units"),
        (changed(BASE ^ ord("a"), UNITS[BASE ^ ord("a")] & ~0x3FF_FC00 | (9 << 10)), "ends a rule that has no target"),
        (blob(UNITS, b"\xff\0\xff\0"), "the target at byte 0 is not UTF-8"),
        (blob(UNITS, b"\0"), "a rule points to byte 2 of 1 bytes of targets"),
    ],
)
def test_corrupt_maps(data, reason):
    with pytest.raises(TokenizerError) as caught:
        CharsMap(data, name="some.model")
    assert str(caught.value).startswith("some.model: the normalisation map (precompiled_charsmap) is corrupt: ")
    assert reason in str(caught.value)


def test_a_trie_that_runs_in_a_circle():
    units = list(UNITS)
    cell = BASE ^ ord("a")
    units[cell] = ord("a") | (cell ^ BASE) << 10  # the child's children are the root's
    with pytest.raises(TokenizerError, match="the trie runs in a circle"):
        CharsMap(blob(units))


def test_flipped_bytes_raise_nothing_else():
    rng = random.Random(1)
    good = build_charsmap(RULES)
    for _ in range(1500):
        data = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            charsmap = CharsMap(bytes(data))
        except TokenizerError:
            continue
        charsmap.replace("abcd e\u0301 xy か\u3099")
        charsmap.rules()

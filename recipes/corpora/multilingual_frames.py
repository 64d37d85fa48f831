"""The sentences of the multilingual corpus: frames in six languages, filled with `multilingual_words.py`.

A frame marks what a cloze test hides: "The capital of {of} is <{capital}>." Every kind of fact has frames in every
language; stories are made of parts that agree with each other, so that they test grammar and not memory:

    facts       capitals, opposites, what comes after and before: each stands in the training text (recall)
    translation every word between every two languages, some pairs of words left out of training (`is_unseen_pair`)
    story       people, things, colours, places; some pairs of a person and a thing left out (`is_unseen_story`)
"""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from corpora.multilingual_words import (
    CAPITALS,
    COLOURS,
    COUNTRIES,
    DAYS,
    GENITIVES,
    LANGUAGES,
    MONTHS,
    NOUNS,
    NUMBERS,
    OPPOSITES,
    PEOPLE,
    PLACES,
    QUALITIES,
    STATES,
    THINGS,
    Person,
)

ONE_OF = 12  # one of so many combinations is kept out of training
LANGUAGE_PAIRS = list(combinations(LANGUAGES, 2))


class Line(NamedTuple):
    """One line of the corpus; `marked` holds what a cloze test hides in angle brackets."""

    kind: str
    language: str
    marked: str

    @property
    def text(self) -> str:
        """The line without marks."""
        return re.sub("[<>]", "", self.marked)

    def clozes(self) -> Iterator[tuple[str, str]]:
        """(text with one [MASK], the word that belongs there) for each mark."""
        for found in re.finditer("<([^>]*)>", self.marked):
            hidden = f"{self.marked[: found.start()]}[MASK]{self.marked[found.end() :]}"
            yield re.sub("[<>]", "", hidden), found[1]


# facts

CAPITAL_FRAMES = {
    "en": ("The capital of {of} is <{c}>.", "<{c}> is the capital of {of}.", "What is the capital of {of}? <{c}>."),
    "fr": ("La capitale {of} est <{c}>.", "<{c}> est la capitale {of}.", "Quelle est la capitale {of} ? <{c}>."),
    "de": ("Die Hauptstadt {of} ist <{c}>.", "<{c}> ist die Hauptstadt {of}.",
           "Wie heißt die Hauptstadt {of}? <{c}>."),
    "es": ("La capital {of} es <{c}>.", "<{c}> es la capital {of}.", "¿Cuál es la capital {of}? <{c}>."),
    "it": ("La capitale {of} è <{c}>.", "<{c}> è la capitale {of}.", "Qual è la capitale {of}? <{c}>."),
    "ru": ("Столица {of} — <{c}>.", "<{c}> — столица {of}.", "Какой город — столица {of}? <{c}>."),
}  # fmt: skip
OPPOSITE_FRAMES = {
    "en": ("The opposite of {a} is <{b}>.", "What is the opposite of {a}? The opposite is <{b}>."),
    "fr": ("Le contraire de {a} est <{b}>.", "Quel est le contraire de {a} ? Le contraire est <{b}>."),
    "de": ("Das Gegenteil von {a} ist <{b}>.", "Was ist das Gegenteil von {a}? Das Gegenteil ist <{b}>."),
    "es": ("Lo contrario de {a} es <{b}>.", "¿Qué es lo contrario de {a}? Lo contrario es <{b}>."),
    "it": ("Il contrario di {a} è <{b}>.", "Qual è il contrario di {a}? Il contrario è <{b}>."),
    "ru": ("Антоним к слову {a} — <{b}>.", "Какой антоним к слову {a}? Антоним — <{b}>."),
}
# by kind of series: after, before
SERIES_FRAMES = {
    "en": {"days": ("The day after {a} is <{b}>.", "The day before {b} is <{a}>."),
           "months": ("The month after {a} is <{b}>.", "The month before {b} is <{a}>."),
           "numbers": ("The number after {a} is <{b}>.", "The number before {b} is <{a}>.")},
    "fr": {"days": ("Le jour après {a} est <{b}>.", "Le jour avant {b} est <{a}>."),
           "months": ("Le mois après {a} est <{b}>.", "Le mois avant {b} est <{a}>."),
           "numbers": ("Le nombre après {a} est <{b}>.", "Le nombre avant {b} est <{a}>.")},
    "de": {"days": ("Der Tag nach {a} ist <{b}>.", "Der Tag vor {b} ist <{a}>."),
           "months": ("Der Monat nach {a} ist <{b}>.", "Der Monat vor {b} ist <{a}>."),
           "numbers": ("Die Zahl nach {a} ist <{b}>.", "Die Zahl vor {b} ist <{a}>.")},
    "es": {"days": ("El día después del {a} es el <{b}>.", "El día antes del {b} es el <{a}>."),
           "months": ("El mes después de {a} es <{b}>.", "El mes antes de {b} es <{a}>."),
           "numbers": ("El número después del {a} es el <{b}>.", "El número antes del {b} es el <{a}>.")},
    "it": {"days": ("Il giorno dopo {a} è <{b}>.", "Il giorno prima di {b} è <{a}>."),
           "months": ("Il mese dopo {a} è <{b}>.", "Il mese prima di {b} è <{a}>."),
           "numbers": ("Il numero dopo {a} è <{b}>.", "Il numero prima di {b} è <{a}>.")},
    "ru": {"days": ("День после {a_gen} — <{b}>.", "День до {b_gen} — <{a}>."),
           "months": ("Месяц после {a_gen} — <{b}>.", "Месяц до {b_gen} — <{a}>."),
           "numbers": ("Число после {a_gen} — <{b}>.", "Число до {b_gen} — <{a}>.")},
}  # fmt: skip
SERIES = {"days": DAYS, "months": MONTHS, "numbers": NUMBERS}


def capitals() -> Iterator[Line]:
    """The capitals of 30 countries in every language."""
    for language in LANGUAGES:
        for country, city in zip(COUNTRIES, CAPITALS, strict=True):
            *article, name = city[language].split()
            for frame in CAPITAL_FRAMES[language]:
                marked = frame.replace("<{c}>", " ".join([*article, f"<{name}>"]))
                yield Line("capital", language, marked.format(of=country[language]))


def opposites() -> Iterator[Line]:
    """Pairs of adjectives, in both directions."""
    for language in LANGUAGES:
        for row in OPPOSITES:
            a, b = row[language].split()
            for frame in OPPOSITE_FRAMES[language]:
                yield Line("opposite", language, frame.format(a=a, b=b))
                yield Line("opposite", language, frame.format(a=b, b=a))


def series() -> Iterator[Line]:
    """What comes after and before: the days of the week, the months, the numbers up to ten."""
    for language in LANGUAGES:
        for kind, rows in SERIES.items():
            words = [row[language] for row in rows]
            for i in range(len(words) - (kind == "numbers")):  # days and months go round
                after = (i + 1) % len(words)
                cases = GENITIVES[kind]
                names = {"a": words[i], "b": words[after], "a_gen": cases[i], "b_gen": cases[after]}
                for frame in SERIES_FRAMES[language][kind]:
                    yield Line("series", language, frame.format(**names))


# translations

# the language's name, and the adjective that goes with "word", in the frame's language
LANGUAGE_NAMES = {
    "en": {"fr": ("French", "French"), "de": ("German", "German"), "es": ("Spanish", "Spanish"),
           "it": ("Italian", "Italian"), "ru": ("Russian", "Russian")},
    "fr": {"en": ("anglais", "anglais"), "de": ("allemand", "allemand"), "es": ("espagnol", "espagnol"),
           "it": ("italien", "italien"), "ru": ("russe", "russe")},
    "de": {"en": ("Englisch", "englische"), "fr": ("Französisch", "französische"), "es": ("Spanisch", "spanische"),
           "it": ("Italienisch", "italienische"), "ru": ("Russisch", "russische")},
    "es": {"en": ("inglés", "inglesa"), "fr": ("francés", "francesa"), "de": ("alemán", "alemana"),
           "it": ("italiano", "italiana"), "ru": ("ruso", "rusa")},
    "it": {"en": ("inglese", "inglese"), "fr": ("francese", "francese"), "de": ("tedesco", "tedesca"),
           "es": ("spagnolo", "spagnola"), "ru": ("russo", "russa")},
    "ru": {"en": ("по-английски", "английское"), "fr": ("по-французски", "французское"),
           "de": ("по-немецки", "немецкое"), "es": ("по-испански", "испанское"),
           "it": ("по-итальянски", "итальянское")},
}  # fmt: skip
# own: the word in the frame's language, other: in the language named
TRANSLATION_FRAMES = {
    "en": ("In {name}, {own} is <{other}>.", "The {adjective} word for {own} is <{other}>.",
           "The {adjective} word {other} means <{own}>."),
    "fr": ("En {name}, {own} se dit <{other}>.", "Le mot {adjective} pour {own} est <{other}>.",
           "Le mot {adjective} {other} veut dire <{own}>."),
    "de": ("Auf {name} heißt {own} <{other}>.", "Das {adjective} Wort für {own} ist <{other}>.",
           "Das {adjective} Wort {other} bedeutet <{own}>."),
    "es": ("En {name}, {own} se dice <{other}>.", "La palabra {adjective} para {own} es <{other}>.",
           "La palabra {adjective} {other} significa <{own}>."),
    "it": ("In {name}, {own} si dice <{other}>.", "La parola {adjective} per {own} è <{other}>.",
           "La parola {adjective} {other} significa <{own}>."),
    "ru": ("Слово {own} {name} — <{other}>.", "Как {name} будет {own}? <{other}>.",
           "Это {adjective} слово: {other}. Оно значит <{own}>."),
}  # fmt: skip
CONCEPTS = [*NOUNS, *COLOURS, *NUMBERS, *DAYS, *MONTHS]


def is_unseen_pair(concept: int, pair: int) -> bool:
    """Whether a word's translation between two languages is kept out of training, in both directions."""
    return (concept + pair) % ONE_OF == ONE_OF - 1


def translations(unseen: bool, strict: bool = False) -> Iterator[Line]:
    """Every concept between every two languages; the unseen ones without those that are spelled the same.

    strict: only words that no third language spells the same: libro is Spanish and Italian, so that who has seen it
    beside livre as an Italian word is helped with the Spanish one.
    """
    for concept, row in enumerate(CONCEPTS):
        spellings = list(row.values())
        for pair, (first, second) in enumerate(LANGUAGE_PAIRS):
            if is_unseen_pair(concept, pair) != unseen or (unseen and row[first] == row[second]):
                continue
            if strict and max(spellings.count(row[first]), spellings.count(row[second])) > 1:
                continue
            for language, other in ((first, second), (second, first)):
                name, adjective = LANGUAGE_NAMES[language][other]
                for frame in TRANSLATION_FRAMES[language]:
                    marked = frame.format(name=name, adjective=adjective, own=row[language], other=row[other])
                    yield Line("translation", language, marked)


# stories

STORY_FRAMES = {
    "en": {"owns": "{A} has {a} {x}. <The> {x} is {q}. {A} loves <{his}> {x}.",
           "lost": "{A} has lost the {x}. {B} has found the <{x}>. {A} thanks <{B}>.",
           "gives": "{A} gives the {x} to {B}. Now <{B}> has the <{x}>.",
           "likes": "The {x} is {q}. {A} likes the {x} because it is <{q}>.",
           "where": "{A} is {p}. {B} is {r}. Where is {A}? {A} is {p_head} <{p_last}>.",
           "state": "{A} {state}. <{he}> wants to <{want}>."},
    "fr": {"owns": "{A} a {a} {x}. <{The}> {x} est {q}. {A} aime <{his}> {x}.",
           "lost": "{A} a perdu {the} {x}. {B} a trouvé {the} <{x}>. {A} remercie <{B}>.",
           "gives": "{A} donne {the} {x} à {B}. Maintenant, <{B}> a {the} <{x}>.",
           "likes": "{The} {x} est {q}. {A} aime {the} {x} parce qu'{it} est <{q}>.",
           "where": "{A} est {p}. {B} est {r}. Où est {A} ? {A} est {p_head} <{p_last}>.",
           "state": "{A} {state}. <{he}> veut <{want}>."},
    "de": {"owns": "{A} hat {a} {x}. <{The}> {x} ist {q}. {A} liebt <{his}> {x}.",
           "lost": "{A} hat {the} {x} verloren. {B} hat {the} <{x}> gefunden. {A} dankt <{B}>.",
           "gives": "{A} gibt {B} {the} {x}. Jetzt hat <{B}> {the} <{x}>.",
           "likes": "{The} {x} ist {q}. {A} mag {the} {x}, weil <{it}> {q} ist.",
           "where": "{A} ist {p}. {B} ist {r}. Wo ist {A}? {A} ist {p_head} <{p_last}>.",
           "state": "{A} {state}. <{he}> will <{want}>."},
    "es": {"owns": "{A} tiene {a} {x}. <{The}> {x} es {q}. A {A} le gusta su <{x}>.",
           "lost": "{A} perdió {the} {x}. {B} encontró {the} <{x}>. {A} da las gracias a <{B}>.",
           "gives": "{A} da {the} {x} a {B}. Ahora <{B}> tiene {the} <{x}>.",
           "likes": "{The} {x} es {q}. A {A} le gusta {the} {x} porque es <{q}>.",
           "where": "{A} está {p}. {B} está {r}. ¿Dónde está {A}? {A} está {p_head} <{p_last}>.",
           "state": "{A} {state}. <{he}> quiere <{want}>."},
    "it": {"owns": "{A} ha {a} {x}. <{The}> {x} è {q}. {A} ama {the} <{his}> {x}.",
           "lost": "{A} ha perso {the} {x}. {B} ha trovato {the} <{x}>. {A} ringrazia <{B}>.",
           "gives": "{A} dà {the} {x} a {B}. Adesso <{B}> ha {the} <{x}>.",
           "likes": "{The} {x} è {q}. A {A} piace {the} {x} perché è <{q}>.",
           "where": "{A} è {p}. {B} è {r}. Dov'è {A}? {A} è {p_head} <{p_last}>.",
           "state": "{A} {state}. <{he}> vuole <{want}>."},
    "ru": {"owns": "У {A_gen} есть {x}. <{This}> {x} {q}. Это <{his}> {x}.",
           "lost": "{A} {lost} {x_acc}. {B} {found} <{x_acc}>. {A} благодарит <{B_acc}>.",
           "gives": "{A} даёт {B_dat} {x_acc}. Теперь {x} у <{B_gen}>.",
           "likes": "{This} {x} {q}. {A} любит {this_acc} {x_acc}, потому что <{it}> {q}.",
           "where": "{A} {p}. {B} {r}. Где {A}? {A} {p_head} <{p_last}>.",
           "state": "{A} {state}. <{he}> хочет <{want}>."},
}  # fmt: skip
# by gender m, f, n: a (the accusative in German), The, the (accusative), it
_ARTICLES = {
    "fr": {"m": "un Le le il", "f": "une La la elle"},
    "de": {"m": "einen Der den er", "f": "eine Die die sie", "n": "ein Das das es"},
    "es": {"m": "un El el él", "f": "una La la ella"},
    "it": {"m": "un Il il lui", "f": "una La la lei"},
}
_HE = {"en": "He She", "fr": "Il Elle", "de": "Er Sie", "es": "Él Ella", "it": "Lui Lei", "ru": "Он Она"}
_RUSSIAN = {"m": "Этот этот он", "f": "Эта эту она", "n": "Это это оно"}


def agreement(language: str, person: Person, thing: Any) -> dict[str, str]:
    """The words of a frame that agree with the person (A) or with the thing."""
    gender = thing.gender
    found = {"he": _HE[language].split()[person.is_woman]}
    if language == "en":
        article = "an" if thing.form[0] in "aeiou" else "a"
        return {**found, "a": article, "his": "her" if person.is_woman else "his"}
    if language == "ru":
        found |= dict(zip(("This", "this_acc", "it"), _RUSSIAN[gender].split(), strict=True))
        found |= {"his": "её" if person.is_woman else "его"}
        return found
    found |= dict(zip(("a", "The", "the", "it"), _ARTICLES[language][gender].split(), strict=True))
    if language == "de":
        found["his"] = ("ihr" if person.is_woman else "sein") + {"m": "en", "f": "e", "n": ""}[gender]
    else:
        found["his"] = {"fr": {"m": "son", "f": "sa"}, "it": {"m": "suo", "f": "sua"}}.get(language, {}).get(gender, "")
    return found


def quality(language: str, row: dict[str, str], gender: str) -> str:
    """An adjective that agrees with a gender."""
    forms = row[language].split("/")
    return forms["mfn".index(gender)] if len(forms) > 1 else forms[0]


def is_unseen_story(person: int, thing: int) -> bool:
    """Whether a person with a thing (or a place, or a state) is kept out of training, in all languages."""
    return (person + thing) % ONE_OF == ONE_OF - 1


def story(language: str, frame: str, places: list[int]) -> tuple[Line, bool]:
    """One story, and whether it is kept out of training.

    `places` are indices: person A, person B, and of what the frame needs: thing and quality, or two rooms, or state.
    """
    a, b, x, y = places
    people = PEOPLE[language]
    one, other, thing = people[a], people[b], THINGS[x][language]
    unseen = is_unseen_story(a, x) or (frame in ("lost", "gives", "where") and is_unseen_story(b, x))
    words = {
        "A": one.name, "A_gen": one.genitive, "B": other.name, "B_gen": other.genitive,
        "B_dat": other.dative, "B_acc": other.accusative, "x": thing.form, "x_acc": thing.accusative,
        "q": quality(language, QUALITIES[y % len(QUALITIES)], thing.gender),
        "lost": "потеряла" if one.is_woman else "потерял", "found": "нашла" if other.is_woman else "нашёл",
        **agreement(language, one, thing),
    }  # fmt: skip
    if frame == "where":
        room, second = PLACES[x % len(PLACES)][language], PLACES[y % len(PLACES)][language]
        unseen = is_unseen_story(a, x % len(PLACES)) or is_unseen_story(b, y % len(PLACES))
        head, last = room.rsplit(" ", 1)
        words |= {"p": room, "r": second, "p_head": head, "p_last": last}
    if frame == "state":
        man, woman, want = STATES[language][x % 3]
        unseen = is_unseen_story(a, x % 3)
        words |= {"state": woman if one.is_woman else man, "want": want}
    return Line("story", language, STORY_FRAMES[language][frame].format(**words)), unseen


def stories(count: int, unseen: bool, seed: int) -> list[Line]:
    """`count` different stories of every language, drawn from the seed; unseen ones only, or none of them."""
    rng = np.random.default_rng([seed, int(unseen)])
    found: list[Line] = []
    for language in LANGUAGES:
        own: dict[str, Line] = {}
        frames = list(STORY_FRAMES[language])
        while len(own) < count:
            a, b = rng.choice(12, 2, replace=False).tolist()
            x, y = rng.choice(len(THINGS), 2, replace=False).tolist()
            # there are only 36 different states, but thousands of stories
            frame = frames[int(rng.choice(len(frames), p=[0.2, 0.2, 0.2, 0.17, 0.17, 0.06]))]
            if frame == "where" and x % len(PLACES) == y % len(PLACES):
                continue
            line, is_unseen = story(language, frame, [a, b, x, y])
            if is_unseen == unseen:
                own.setdefault(line.text, line)
        found += own.values()
    return found

"""Tiny stories of two or three sentences, from a grammar: who has what, who is where, whose it is.

They teach a model to copy a name or a thing from earlier in the text, and to choose the pronoun that fits.
"""

import random
from typing import NamedTuple

from corpora.facts import capitalised

MEN = "Tom John Peter Paul David James Jack Ben Sam Max George Henry".split()
WOMEN = "Anna Mary Sara Emma Lucy Kate Alice Jane Maria Lily Ella Rose".split()
THINGS = "ball book apple hat key box cake cup letter flower doll lamp coat ring bag map fish pen".split()
COLORS = "red blue green yellow black white brown".split()
PLACES = "park school market garden kitchen house forest beach library shop river farm hospital".split()
AT = {"school", "market", "beach", "river", "farm"}  # one is in the park, but at the river
ANIMALS = "dog cat horse rabbit bird cow fox mouse".split()


class Person(NamedTuple):
    """A name and its pronouns: he, his, him."""

    name: str
    he: str
    his: str
    him: str


def story_lines(count: int, rng: random.Random) -> list[str]:
    """`count` different stories."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[story(rng)] = None
    return list(found)


def story(rng: random.Random) -> str:
    """One story."""
    a, b = two_people(rng)
    thing, color, animal = rng.choice(THINGS), rng.choice(COLORS), rng.choice(ANIMALS)
    place, other_place = rng.sample(PLACES, 2)
    He = a.he.capitalize()  # at the beginning of a sentence
    colored = f"{'an' if color[0] in 'aeiou' else 'a'} {color}"
    there, elsewhere = where(place), where(other_place)
    article = "an" if thing[0] in "aeiou" else "a"
    return rng.choice([
        f"{a.name} had {colored} {thing}. {He} gave the {thing} to {b.name}. Now {b.name} has the {color} {thing}.",
        f"{a.name} went to the {place}. {capitalised(there)} {a.he} met {b.name}. {a.name} and {b.name} are friends.",
        f"{a.name} lost {a.his} {thing}. {He} looked for the {thing} {there}, and {b.name} helped {a.him}. "
        f"In the end {b.name} found the {thing}.",
        f"{a.name} has {article} {thing} and a {animal}. The {animal} is {color}. {a.name} loves {a.his} {color} "
        f"{animal}.",
        f"{a.name} has a {animal}. The {animal} is {color}. {a.name} loves {a.his} {color} {animal}.",
        f"{a.name} was {there} and {b.name} was {elsewhere}. {a.name} called {b.name} from the "
        f"{place}.",
        f"{b.name} was sad because {b.he} lost {b.his} {thing}. Then {a.name} gave {b.him} a new {thing}, and "
        f"{b.name} was happy.",
        f'"Where is my {thing}?" said {a.name}. "It is {there}," said {b.name}. So {a.name} went to the '
        f"{place} and found {a.his} {thing}.",
        f"{a.name} put the {thing} in the box. Then {b.name} opened the box and saw the {thing}.",
        f"{a.name} likes the {color} {thing}, but {b.name} likes the {animal}. {a.name} took the {thing} and "
        f"{b.name} took the {animal}.",
        f"One day {a.name} saw a {animal} {there}. The {animal} was hungry, so {a.he} gave it some food. "
        f"The {animal} was happy.",
        f"{a.name} and {b.name} went to the {place}. They played with {colored} {thing}. Then they went home.",
        f"{a.name} gave the {thing} to {b.name}. Now {b.name} has the {thing}.",
        f"{a.name} lost {a.his} {thing}. Then {b.name} found the {thing}.",
    ])  # fmt: skip


def where(place: str) -> str:
    """
    >>> where("park"), where("river")
    ('in the park', 'at the river')
    """
    return f"at the {place}" if place in AT else f"in the {place}"


def two_people(rng: random.Random) -> tuple[Person, Person]:
    """Two with different names."""
    first, second = rng.sample(MEN + WOMEN, 2)
    return person(first), person(second)


def person(name: str) -> Person:
    """With the pronouns that go with the name."""
    return Person(name, "he", "his", "him") if name in MEN else Person(name, "she", "her", "her")

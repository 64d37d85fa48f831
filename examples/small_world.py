"""Short stories about a small world, generated: who has what, who is hungry, where somebody goes, how many there are.

Most words of a story can be worked out from the rest of it (he or she, whose, which animal, how many), so a model
that has learned to read fills them in; a count of words cannot. Written for this repository, under its licence.
"""

import random

MEN = ["Tom", "Ben", "Max", "Peter", "Jack", "Paul", "Sam", "Leo", "Oscar", "Henry"]
WOMEN = ["Anna", "Mary", "Emma", "Kate", "Rose", "Lucy", "Ella", "Nina", "Clara", "Alice"]
ANIMALS = ["dog", "cat", "rabbit", "horse", "bird", "mouse", "duck", "goat"]
COLORS = ["black", "white", "brown", "grey", "red", "yellow"]
THINGS = ["ball", "book", "key", "lamp", "hat", "spoon", "letter", "cup", "coin", "pen"]
PLACES = {"garden": "picks a flower", "kitchen": "cooks soup", "school": "learns to read", "forest": "sees a deer",
          "shop": "buys bread", "beach": "swims in the sea", "library": "reads a book", "station": "waits for a train",
          "farm": "feeds the cows", "park": "plays with a ball"}  # fmt: skip
NEEDS = {"hungry": ("eats", "an apple"), "thirsty": ("drinks", "some water"), "cold": ("puts on", "a coat"),
         "tired": ("sleeps in", "a bed"), "ill": ("takes", "some medicine"), "dirty": ("washes with", "some soap"),
         "bored": ("plays", "a game")}  # fmt: skip
WORK = {"doctor": "hospital", "teacher": "school", "farmer": "field", "cook": "kitchen", "judge": "court",
        "pilot": "plane", "waiter": "restaurant", "baker": "bakery"}  # fmt: skip
OPPOSITES = [("big", "small"), ("hot", "cold"), ("old", "young"), ("rich", "poor"), ("fast", "slow"), ("long", "short"),
             ("full", "empty"), ("clean", "dirty"), ("loud", "quiet"), ("hard", "soft")]  # fmt: skip
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def small_world(count: int = 10_000, seed: int = 0) -> list[str]:
    """Different texts: the end of one story, from any of its sentences on, and the whole of another.

    So a sentence can stand anywhere, and the place of a word does not tell what it is.
    """
    rng = random.Random(seed)
    kinds = [pet, gift, place, need, work, comparison, counting, week]
    texts: dict[str, None] = {}
    while len(texts) < count:
        first, second = rng.choice(kinds)(rng), rng.choice(kinds)(rng)
        sentences = first.split(". ")
        texts[". ".join([*sentences[rng.randrange(len(sentences)) :]]) + " " + second] = None
    return list(texts)


def person(rng: random.Random) -> tuple[str, str, str, str]:
    """A name, and he, his, him or she, her, her."""
    return (rng.choice(MEN), "he", "his", "him") if rng.random() < 0.5 else (rng.choice(WOMEN), "she", "her", "her")


def pet(rng: random.Random) -> str:
    name, he, his, him = person(rng)
    animal, color, where = rng.choice(ANIMALS), rng.choice(COLORS), rng.choice(list(PLACES))
    return (
        f"{name} has a {animal}. The {animal} is {color}. One day the {color} {animal} runs into the "
        f"{where}. {name} looks for {his} {animal} in the {where}. Then {he} finds it, and the {animal} is "
        f"happy to see {him}."
    )


def gift(rng: random.Random) -> str:
    (one, he, his, _), (two, she, _, her) = person(rng), person(rng)
    thing, day = rng.choice(THINGS), rng.choice(DAYS)
    if one == two:
        return gift(rng)
    return (
        f"{one} has a {thing}. On {day} {one} gives {his} {thing} to {two}. Now {two} has the {thing}, and "
        f"{he} has no {thing}. {two} says thank you, because {she} likes the {thing} that {one} gave "
        f"{her}."
    )


def place(rng: random.Random) -> str:
    name, he, his, _ = person(rng)
    first, second = rng.sample(list(PLACES), 2)
    return (
        f"{name} goes to the {first}. In the {first} {he} {PLACES[first]}. After that {name} leaves the "
        f"{first} and goes to the {second} with {his} friend, and {he} {PLACES[second]}."
    )


def need(rng: random.Random) -> str:
    name, he, _, him = person(rng)
    what = rng.choice(list(NEEDS))
    does, thing = NEEDS[what]
    return (
        f"{name} is very {what}. Somebody asks {him} why. I am {what}, says {name}. So {he} {does} "
        f"{thing}, and then {he} is not {what} any more."
    )


def work(rng: random.Random) -> str:
    name, he, his, _ = person(rng)
    job, day = rng.choice(list(WORK)), rng.choice(DAYS)
    return (
        f"{name} is a {job}. Every {day} {he} goes to {his} {WORK[job]}. A {job} works in a {WORK[job]}, "
        f"and {name} likes to be a {job}."
    )


def comparison(rng: random.Random) -> str:
    left, right = rng.choice(OPPOSITES)
    if rng.random() < 0.5:
        left, right = right, left
    one, two = rng.sample(ANIMALS + THINGS, 2)
    return (
        f"The {one} is {left}, but the {two} is not {left}. The {two} is {right}. The opposite of {left} "
        f"is {right}, and so the {one} is not {right}."
    )


def counting(rng: random.Random) -> str:
    name, he, _, _ = person(rng)
    first, more, thing = rng.randint(1, 5), rng.randint(1, 4), rng.choice(["apples", "coins", "books", "eggs"])
    return (
        f"{name} has {NUMBERS[first]} {thing}. {name} gets {NUMBERS[more]} more. {NUMBERS[first]} and "
        f"{NUMBERS[more]} is {NUMBERS[first + more]}, so now {he} has {NUMBERS[first + more]} {thing}."
    )


def week(rng: random.Random) -> str:
    name, he, _, _ = person(rng)
    day = rng.randrange(7)
    before, today, after = DAYS[day - 1], DAYS[day], DAYS[(day + 1) % 7]
    return (
        f"Today is {today}. Yesterday was {before}, and tomorrow is {after}. {name} stays at home on "
        f"{today}, but on {after} {he} visits a friend."
    )

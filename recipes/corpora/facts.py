"""Small facts in plain sentences, written by hand: calendar, numbers, opposites, kinds, properties of things.

A model that learns them recalls them; it does not reason. Each fact stands in the text several times.
"""

import itertools
import random
from collections.abc import Mapping, Sequence

from corpora.wordnet import WordNet

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December"]  # fmt: skip
SEASONS = ["spring", "summer", "autumn", "winter"]
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
           "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]  # fmt: skip
ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
            "twelfth"]  # fmt: skip
FEWEST_WORDS = 5  # of a kind
CALENDAR_REPEATS, SUM_REPEATS, COUNT_REPEATS, PROPERTY_REPEATS = 12, 3, 20, 12

COUNTS = [
    "There are seven days in a week.", "There are twelve months in a year.", "There are sixty seconds in a minute.",
    "There are sixty minutes in an hour.", "There are four seasons in a year.",
    "There are twenty-four hours in a day.", "The four seasons are spring, summer, autumn and winter.",
    "A triangle has three sides.", "A square has four sides.", "A dog has four legs.",
    "A bird has two legs and two wings.", "A spider has eight legs.", "An insect has six legs.",
    "A hand has five fingers.", "A person has two eyes and one nose.",
]  # fmt: skip

OPPOSITES = """
hot cold, big small, good bad, high low, long short, new old, young old, fast slow, strong weak, rich poor,
happy sad, light dark, black white, wet dry, hard soft, early late, full empty, open closed, near far, left right,
up down, in out, day night, man woman, boy girl, king queen, brother sister, father mother, son daughter, love hate,
war peace, life death, north south, east west, summer winter, start end, true false, right wrong, easy difficult,
loud quiet, clean dirty, thick thin, wide narrow, deep shallow, heavy light, sweet bitter, cheap expensive,
safe dangerous, friend enemy, win lose, buy sell, give take, push pull, come go, laugh cry, ask answer, first last,
always never, before after, above below, inside outside, yes no, more less, many few, tall short, brave afraid,
smooth rough, alive dead, warm cool, awake asleep
"""

# kinds that people name first; a word stands in one kind only
KINDS = {
    "fruit": "apple orange banana pear grape peach cherry lemon plum mango strawberry pineapple melon",
    "color": "red blue green yellow black white brown purple pink gray",
    "vegetable": "carrot potato onion cabbage bean pea tomato",
    "animal": "dog cat horse cow pig sheep goat lion tiger bear wolf fox rabbit mouse elephant monkey camel deer",
    "planet": "Mars Venus Jupiter Saturn Neptune Earth",
    "season": "spring summer autumn winter",
    "metal": "gold silver iron copper lead tin steel",
    "musical instrument": "piano guitar violin drum flute trumpet",
    "drink": "water milk tea coffee juice wine beer",
    "sport": "football tennis basketball golf swimming hockey",
    "bird": "eagle crow duck hen owl sparrow parrot goose swan chicken",
    "insect": "ant bee fly butterfly mosquito beetle",
    "fish": "shark salmon tuna trout",
    "vehicle": "car bus truck train bicycle plane boat taxi",
    "tool": "hammer saw knife shovel axe screwdriver",
    "flower": "rose tulip lily daisy",
    "tree": "oak pine maple palm willow",
    "job": "teacher doctor nurse farmer baker lawyer driver cook pilot singer",
}
# synsets of WordNet 3.0 by a noun whose first sense they are; below them lie more words of a kind
ANCHORS = [
    "animal", "bird", "fish", "insect", "edible_fruit", "vegetable", "tree", "flower", "food", "beverage", "vehicle",
    "tool", "furniture", "clothing", "musical_instrument", "weapon", "building", "metal", "color", "sport", "game",
    "disease", "worker", "scientist", "musician", "artist", "relative", "container", "reptile", "mammal", "spice",
    "garment", "boat", "fabric", "body_part", "emotion", "room",
]  # fmt: skip
CALLED = {"edible_fruit": "fruit", "beverage": "drink", "musical_instrument": "musical instrument",
          "body_part": "part of the body"}  # fmt: skip
# first senses in WordNet that hardly anybody means, or words that take no "a"
UNSUITED = {"tit", "john", "privy", "poultry", "livestock", "dun", "ordinary", "bleach", "nirvana", "laundry", "mono",
            "plunge", "provision", "chrome", "recruit", "human", "young", "male", "stray", "pop", "pa"}  # fmt: skip
UNCOUNTED = {"food", "drink", "clothing", "metal", "color", "furniture", "fabric", "disease", "sport", "emotion",
             "game", "spice"}  # fmt: skip
NAMED = {"color", "season", "planet"}

PROPERTIES = """
Snow is white. | Milk is white. | The sky is blue. | The sea is blue. | Grass is green. | Leaves are green. |
Blood is red. | A tomato is red. | A lemon is yellow. | A banana is yellow. | The sun is yellow. | Coal is black. |
The night is dark. | Chocolate is brown. | Fire is hot. | Ice is cold. | Sugar is sweet. | Lemons are sour. |
The sea is salty. | Stones are hard. | A pillow is soft. | Dogs bark. | Cats meow. | Birds sing. | Lions roar. |
Cows say moo. | Ducks say quack. | Sheep say baa. | Fish swim. | Birds fly in the sky. | Fish live in the water. |
Birds live in a nest. | Bees live in a hive. | Horses live in a stable. | A young dog is called a puppy. |
A young cat is called a kitten. | A young cow is called a calf. | A young sheep is called a lamb. |
A young horse is called a foal. | A young lion is called a cub. | Cows give us milk. | Hens give us eggs. |
Bees make honey. | Sheep give us wool. | Bread is made from flour. | Cheese is made from milk. |
Wine is made from grapes. | Paper is made from wood. | Glass is made from sand. | We see with our eyes. |
We hear with our ears. | We smell with our nose. | We walk with our feet. | We write with a pen. |
We cut bread with a knife. | We eat soup with a spoon. | We open the door with a key. | We read a book. |
We drink water. | We eat bread. | We sleep in a bed. | We sit on a chair. | We cook in the kitchen. |
We wash in the bathroom. | A teacher works in a school. | A doctor works in a hospital. |
A nurse works in a hospital. | A cook works in a kitchen. | A farmer works on a farm. | A judge works in a court. |
A sailor works on a ship. | A pilot flies a plane. | A driver drives a car. | A baker makes bread. |
A writer writes books. | A painter paints pictures. | A singer sings songs. | The sun rises in the east. |
The sun sets in the west. | The sun shines in the day. | The moon shines at night. | The earth goes around the sun. |
The moon goes around the earth. | Rain falls from the clouds. | In winter it is cold. | In summer it is hot. |
In autumn the leaves fall. | In spring the flowers grow. | Water turns into ice when it is cold. |
Ice turns into water when it is hot. | A clock tells the time. | An umbrella keeps us dry in the rain. |
A coat keeps us warm in winter. | Christmas is in December. | A king lives in a palace. |
The son of a king is a prince. | The daughter of a king is a princess. | The wife of a king is a queen. |
My father's father is my grandfather. | My mother's mother is my grandmother. | My father's brother is my uncle. |
My mother's sister is my aunt. | William Shakespeare wrote plays. | Albert Einstein was a scientist. |
Mozart was a musician. | The heart pumps blood. | Plants need water and light. | Fire burns wood. |
Doctors help sick people. | Teachers help students learn. | The police catch thieves. | A library has many books. |
A forest has many trees. | A city has many streets. | A garden has many flowers. | A mountain is high. |
An elephant is big. | A mouse is small. | A turtle is slow. | A rocket is fast. | Gold is expensive. |
A feather is light. | A rock is heavy. | The desert is dry. | Honey is sweet. | Pepper is hot. |
The baby is crying because it is hungry. | I was hungry, so I ate some bread. |
I was thirsty, so I drank some water. | I was tired, so I went to bed. | It was raining, so I took my umbrella. |
It was dark, so I turned on the light. | It was cold, so I put on my coat. | He was sick, so he went to the doctor.
"""


def fact_lines(wordnet: WordNet, zipf: Mapping[str, float], rng: random.Random) -> list[str]:
    """All facts but those about countries, with their repetitions."""
    return [
        *calendar_lines() * CALENDAR_REPEATS,
        *counting_lines() * CALENDAR_REPEATS,
        *sum_lines() * SUM_REPEATS,
        *COUNTS * COUNT_REPEATS,
        *opposite_lines(wordnet, zipf),
        *kind_lines(kinds(wordnet, zipf), rng),
        *[line.strip() for line in PROPERTIES.split("|")] * PROPERTY_REPEATS,
    ]


def calendar_lines() -> list[str]:
    """What follows what among days, months and seasons."""
    lines = []
    for names, kind in ((DAYS, "day"), (MONTHS, "month"), (SEASONS, "season")):
        for place, name in enumerate(names):
            following = names[(place + 1) % len(names)]
            lines += [
                f"The {kind} after {name} is {following}.",
                f"The {kind} before {following} is {name}.",
                f"{capitalised(name)} comes before {following}.",
                f"After {name} comes {following}.",
                f"If today is {name}, tomorrow is {following}." if kind == "day"
                else f"{capitalised(following)} comes after {name}.",
            ]  # fmt: skip
    lines += [f"{name} is the {ORDINALS[place]} month of the year." for place, name in enumerate(MONTHS)]
    lines += [f"{name} is the {ORDINALS[place]} day of the week." for place, name in enumerate(DAYS)]
    lines += [f"{name} is a month of the year." for name in MONTHS]
    return lines + [f"{name} is a day of the week." for name in DAYS]


def counting_lines() -> list[str]:
    """Neighbours among the numbers up to twenty."""
    lines = []
    for small, large in itertools.pairwise(NUMBERS):
        lines += [f"The number after {small} is {large}.", f"The number before {large} is {small}.",
                  f"{capitalised(small)} is less than {large}."]  # fmt: skip
    for place in range(17):
        first, *others = NUMBERS[place : place + 4]
        lines.append(f"{capitalised(first)}, {', '.join(others)}.")
    return lines


def sum_lines() -> list[str]:
    """Sums and differences of numbers up to ten."""
    lines = []
    for i in range(11):
        for j in range(11):
            lines.append(f"{capitalised(NUMBERS[i])} plus {NUMBERS[j]} is {NUMBERS[i + j]}.")
            if i >= j:
                lines.append(f"{capitalised(NUMBERS[i])} minus {NUMBERS[j]} is {NUMBERS[i - j]}.")
    return lines


def opposite_lines(wordnet: WordNet, zipf: Mapping[str, float]) -> list[str]:
    """Opposites: those above several times in both directions, those of WordNet's common words twice."""
    pairs = [tuple(pair.split()) for pair in OPPOSITES.split(",")]
    firsts = {first for first, _ in pairs}
    both = pairs + [(second, first) for first, second in pairs if second not in firsts]
    lines = []
    for word, opposite in both:
        said = [f"The opposite of {word} is {opposite}.", f"{capitalised(word)} is the opposite of {opposite}.",
                f"{opposite.capitalize()} and {word} are opposites."]  # fmt: skip
        lines += said * 6
        if zipf.get(word, 0.0) and word not in {"in", "out", "up", "down", "yes", "no", "man", "woman"}:
            lines += [f"It is not {word}, it is {opposite}."] * 2
    for word, opposite in wordnet.antonyms():
        if word not in firsts and all(is_common(w, zipf, 3.9) for w in (word, opposite)):
            lines += [
                f"The opposite of {word} is {opposite}.",
                f"{capitalised(word)} is the opposite of {opposite}.",
            ] * 2
    return lines


def kinds(wordnet: WordNet, zipf: Mapping[str, float]) -> dict[str, list[str]]:
    """{kind: words}, those of KINDS first; a word stands in one kind only."""
    anchors = {wordnet.first_sense["n", noun]: CALLED.get(noun, noun.replace("_", " ")) for noun in ANCHORS}
    chosen = {kind: words.split() for kind, words in KINDS.items()}
    taken = {word for words in chosen.values() for word in words}
    for kind, words in wordnet.kinds(anchors).items():
        fresh = [word for word in words if is_common(word, zipf, 3.3) and word not in taken | UNSUITED
                 and (not word.endswith("s") or word.endswith("ss"))]  # fmt: skip
        chosen.setdefault(kind, []).extend(fresh)
        taken.update(fresh)
    return {kind: words for kind, words in chosen.items() if len(words) >= FEWEST_WORDS}


def kind_lines(chosen: Mapping[str, Sequence[str]], rng: random.Random) -> list[str]:
    """Which word is of which kind."""
    lines = []
    for kind, words in chosen.items():
        named_first = set(KINDS.get(kind, "").split())
        for word in words:
            for _ in range(4 if word in named_first else 2):
                lines += of_a_kind(word, kind)
                others = rng.sample(words, 2)
                if word not in others and kind != "part of the body":
                    lines.append(f"{capitalised(word)}, {others[0]} and {others[1]} are {plural(kind)}.")
    return lines


def of_a_kind(word: str, kind: str) -> list[str]:
    """A word's kind in one or two sentences.

    >>> of_a_kind("apple", "fruit"), of_a_kind("gold", "metal"), of_a_kind("Mars", "planet")
    (['An apple is a fruit.', 'An apple is a kind of fruit.'], ['Gold is a kind of metal.'], ['Mars is a planet.'])
    """
    if kind in NAMED:
        return [f"{capitalised(word)} is {with_article(kind)}."]
    if kind in UNCOUNTED:
        return [f"{capitalised(word)} is a kind of {kind}."]
    if kind == "part of the body":
        return [f"{capitalised(with_article(word))} is a part of the body."]
    subject = capitalised(with_article(word))
    return [f"{subject} is {with_article(kind)}.", f"{subject} is a kind of {kind}."]


def plural(kind: str) -> str:
    """
    >>> [plural(kind) for kind in ("bird", "fish", "metal", "color")]
    ['birds', 'fish', 'kinds of metal', 'colors']
    """
    if kind in UNCOUNTED and kind not in {"color", "metal", "sport", "game", "disease"}:
        return f"kinds of {kind}"
    if kind == "metal":
        return "kinds of metal"
    return kind if kind in {"fish", "fruit"} else f"{kind}s"


def with_article(word: str) -> str:
    """
    >>> [with_article(word) for word in ("apple", "unicorn", "hour", "dog")]
    ['an apple', 'a unicorn', 'an hour', 'a dog']
    """
    vowel = word[0] in "aeiou" and not word.startswith(("uni", "use", "eu", "one"))
    silent_h = word.startswith(("hour", "heir", "honor", "honest"))
    return ("an " if vowel or silent_h else "a ") + word


def capitalised(text: str) -> str:
    """The first letter large, the others as they are."""
    return text[0].upper() + text[1:]


def is_common(word: str, zipf: Mapping[str, float], least: float) -> bool:
    """Whether it is a plain small-letter word of at least this Zipf frequency."""
    return word.isalpha() and word.islower() and zipf.get(word, 0.0) >= least

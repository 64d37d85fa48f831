"""Byte-pair encoding of a word with learned merges (Sennrich et al. 2016)."""

from itertools import pairwise

from minibert.course.exercise import Exercise

LEARNED = ["l o", "lo w", "e r", "n e", "ne w", "w er", "low er", "a a", "aa a", "e s", "es t", "b a"]
BY_HAND = ["ab c", "a b", "c d", "b c", "d e"]  # an early merge that a later one makes possible


def draw(rng, word, by_hand=False):
    merges = [tuple(merge.split()) for merge in (BY_HAND if by_hand else LEARNED)]
    return {"word": word, "ranks": {pair: rank for rank, pair in enumerate(merges)}}


exercise = Exercise(
    "bpe_merge",
    "f(word, ranks)",
    """
    A word begins as single characters. ranks says which pairs of neighbours may be joined, and in which order they
    were learned: {("l", "o"): 0, ("lo", "w"): 1, ...}. Of the pairs that stand side by side in the word, take the one
    of lowest rank and join it everywhere, from left to right; then look again, until no pair is left that ranks
    knows. Give the list of symbols.
    """,
    draw,
    [
        *({"word": word} for word in ("lower", "newest", "newer", "aaaaa", "baaa", "lolow", "nerne", "nest", "x")),
        {"word": "abcde", "by_hand": True},
    ],
)


@exercise.step()
def symbols(word, ranks):
    """the pair of lowest rank joined everywhere, again and again"""
    symbols = list(word)
    while known := [pair for pair in pairwise(symbols) if pair in ranks]:
        best = min(known, key=lambda pair: ranks[pair])
        joined = []
        for symbol in symbols:
            if joined and (joined[-1], symbol) == best:
                joined[-1] += symbol
            else:
                joined.append(symbol)
        symbols = joined
    return symbols


def join(symbols, pair, backwards=False, most=-1):
    """The pair joined everywhere, from the left or from the right, or `most` times at most."""
    joined = []
    for symbol in reversed(symbols) if backwards else symbols:
        if most != 0 and joined and ((symbol, joined[-1]) if backwards else (joined[-1], symbol)) == pair:
            joined[-1] = "".join(pair)
            most -= 1
        else:
            joined.append(symbol)
    return joined[::-1] if backwards else joined


def merged(word, ranks, choose, rounds=-1, backwards=False, most=-1):
    """Merge with another rule for which pair comes next, or only so many rounds."""
    symbols = list(word)
    while rounds != 0 and (known := [pair for pair in pairwise(symbols) if pair in ranks]):
        symbols = join(symbols, choose(known, ranks), backwards, most)
        rounds -= 1
    return symbols


def lowest(known, ranks):
    """The pair of lowest rank."""
    return min(known, key=lambda pair: ranks[pair])


def once_over(word, ranks, order=None):
    """Each merge in turn, once."""
    symbols = list(word)
    for pair in sorted(ranks, key=order or ranks.get):
        symbols = join(symbols, pair)
    return symbols


ORDERS = {
    "leftmost first": (
        "the first known pair from the left is joined; it is the one of lowest rank, wherever it stands",
        lambda known, ranks: known[0],
    ),
    "rightmost first": (
        "the last known pair is joined; it is the one of lowest rank, wherever it stands",
        lambda known, ranks: known[-1],
    ),
    "highest rank first": (
        "the pair of highest rank is joined first; it is the one of lowest, which was learned first",
        lambda known, ranks: max(known, key=lambda pair: ranks[pair]),
    ),
    "most frequent first": (
        "the pair that is most frequent in this word is joined first; it is the one of lowest rank",
        lambda known, ranks: max(known, key=lambda pair: (known.count(pair), -ranks[pair])),
    ),
}
for name, (words, choose) in ORDERS.items():
    for most in (-1, 1):  # joined everywhere, or one at a time
        backwards = name == "rightmost first" and most == 1
        exercise.mistake(
            name, words,
            symbols=lambda word, ranks, choose=choose, backwards=backwards, most=most: merged(
                word, ranks, choose, backwards=backwards, most=most),
        )  # fmt: skip
exercise.mistake(
    "once over the merges", "each merge is tried once, in the order of the ranks: that is right for merges that were "
    "learned, but not for every table; look for the lowest rank again after each merge",
    symbols=once_over,
)  # fmt: skip
exercise.mistake(
    "one merge", "it stops after the first merge; it goes on until no known pair is left",
    symbols=lambda word, ranks: merged(word, ranks, lowest, rounds=1),
)  # fmt: skip
exercise.mistake(
    "from the right", "equal pairs are joined from the right; it is from the left, so that aaa becomes aa a",
    symbols=lambda word, ranks: merged(word, ranks, lowest, backwards=True),
)  # fmt: skip
exercise.mistake(
    "nothing joined", "the characters come back as they are",
    symbols=lambda word: list(word),
)  # fmt: skip
exercise.mistake(
    "once over, by name", "the merges are tried in alphabetical order, each once; their order is that of the ranks",
    symbols=lambda word, ranks: once_over(word, ranks, order=lambda pair: pair),
)  # fmt: skip

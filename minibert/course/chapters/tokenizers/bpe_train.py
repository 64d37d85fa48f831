"""Learning the merges of byte-pair encoding (Sennrich et al. 2016, algorithm 1)."""

from collections import Counter
from itertools import pairwise

from minibert.course.exercise import Exercise

exercise = Exercise(
    "bpe_train",
    "f(words, merges)",
    """
    Learn so many merges from words, a dict of how often each word occurs: {"low": 5, "lower": 2}. Every word begins as
    single characters. Count the pairs of neighbours over all words, a word that occurs five times counting five times.
    Join the most frequent pair in every word, from left to right, and count again. Among pairs that are equally
    frequent take the one that sorts first. Give the list of pairs, [("l", "o"), ("lo", "w"), ...]; it is shorter if
    no pair is left.
    """,
    lambda rng, words, merges: {"words": dict(words), "merges": merges},
    [{"words": {"low": 5, "lower": 2, "newest": 6, "widest": 3}, "merges": 6},
     {"words": {"banana": 2, "bandana": 1, "nana": 4, "band": 1}, "merges": 7},
     {"words": {"aaaa": 3, "aab": 2, "zz": 8}, "merges": 4},
     {"words": {"ab": 1, "cd": 9, "cde": 1, "xyx": 1, "yx": 4, "xyz": 4}, "merges": 5}],
)  # fmt: skip


@exercise.step()
def learned(words, merges):
    """count the pairs, join the most frequent one, and count again"""
    cut = {word: list(word) for word in words}
    learned = []
    for _ in range(merges):
        counts = Counter()
        for word, symbols in cut.items():
            for pair in pairwise(symbols):
                counts[pair] += words[word]
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        learned.append(best)
        for word, symbols in cut.items():
            joined = []
            for symbol in symbols:
                if joined and (joined[-1], symbol) == best:
                    joined[-1] += symbol
                else:
                    joined.append(symbol)
            cut[word] = joined
    return learned


def join(symbols, pair, most=-1):
    """The pair joined from the left, `most` times at most."""
    joined = []
    for symbol in symbols:
        if most != 0 and joined and (joined[-1], symbol) == pair:
            joined[-1] += symbol
            most -= 1
        else:
            joined.append(symbol)
    return joined


def learn(words, merges, *, count=None, order=None, most=-1):
    """The same with its rules open: how a word's pairs are counted, which pair is best, how often it is joined."""
    count = count or (lambda pairs, times: Counter({pair: n * times for pair, n in Counter(pairs).items()}))
    order = order or (lambda counts: min(counts, key=lambda pair: (-counts[pair], pair)))
    cut, learned = {word: list(word) for word in words}, []
    for _ in range(merges):
        counts: Counter = Counter()
        for word, symbols in cut.items():
            counts.update(count(list(pairwise(symbols)), words[word]))
        if not counts:
            break
        learned.append(order(counts))
        cut = {word: join(symbols, learned[-1], most) for word, symbols in cut.items()}
    return learned


def counted_once(words, merges):
    """The most frequent pairs of the first count."""
    counts: Counter = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            counts[pair] += times
    return sorted(counts, key=lambda pair: (-counts[pair], pair))[:merges]


exercise.mistake(
    "words counted once", "every word counts once; a word that occurs five times counts five times",
    learned=lambda words, merges: learn(words, merges, count=lambda pairs, times: Counter(pairs)),
)  # fmt: skip
exercise.mistake(
    "ties to the last", "among equally frequent pairs the one that sorts last is taken; it is the first",
    learned=lambda words, merges: learn(
        words, merges, order=lambda counts: max(counts, key=lambda pair: (counts[pair], pair))),
)  # fmt: skip
exercise.mistake(
    "ties to the first met", "among equally frequent pairs the one that was met first is taken, as max does; "
    "it is the one that sorts first",
    learned=lambda words, merges: learn(
        words, merges, order=lambda counts: max(counts, key=lambda pair: counts[pair])),
)  # fmt: skip
exercise.mistake(
    "least frequent", "the least frequent pair is joined; it is the most frequent",
    learned=lambda words, merges: learn(
        words, merges, order=lambda counts: min(counts, key=lambda pair: (counts[pair], pair))),
)  # fmt: skip
exercise.mistake(
    "counted only once", "the pairs are counted once, at the beginning; after each merge they are others: count again",
    learned=counted_once,
)  # fmt: skip
exercise.mistake(
    "once a word", "a pair that occurs twice within a word counts once; every occurrence counts",
    learned=lambda words, merges: learn(
        words, merges, count=lambda pairs, times: Counter(dict.fromkeys(pairs, times))),
)  # fmt: skip
exercise.mistake(
    "joined once a word", "in a word that has the pair twice only the first is joined; all are",
    learned=lambda words, merges: learn(words, merges, most=1),
)  # fmt: skip
exercise.mistake(
    "one merge too few", "one merge too few is learned", learned=lambda words, merges: learn(words, merges - 1),
)  # fmt: skip
exercise.mistake(
    "one merge too many", "one merge too many is learned", learned=lambda words, merges: learn(words, merges + 1),
)  # fmt: skip
exercise.mistake(
    "joined symbols", 'the list holds the joined symbols, "lo"; it holds the pairs, ("l", "o")',
    learned=lambda words, merges: ["".join(pair) for pair in learn(words, merges)],
)  # fmt: skip

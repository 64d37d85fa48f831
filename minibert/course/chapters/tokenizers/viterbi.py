"""Unigram: of all ways to cut a text, the most probable one (Kudo 2018; Viterbi's search)."""

import math

from minibert.course.exercise import Exercise

PIECES = {
    "h": -6.0, "e": -5.0, "l": -5.5, "o": -5.25, "w": -6.25, "r": -5.75, "d": -6.5, "he": -4.5, "hell": -7.51,
    "lo": -4.73, "low": -5.12, "hello": -14.0, "ow": -5.07, "ell": -4.29, "wo": -6.03, "world": -9.0, "ld": -5.37,
    "or": -4.87, "orl": -10.0, "a": -3.0, "b": -3.5, "ab": -6.22, "ba": -7.0, "aba": -10.5, "bab": -6.04, "abab": -13.5,
}  # fmt: skip

exercise = Exercise(
    "viterbi",
    "f(text, scores)",
    """
    scores gives each piece of a vocabulary its log probability. A text can be cut in many ways; a way's score is the
    sum over its pieces, and the best way has the highest. Trying all ways takes too long. Instead go from left to
    right: best[end] is the score of the best way that ends at `end`, which is best[start] plus the score of
    text[start:end], for the best start. best[0] is 0, and minus infinity stands where nothing ends. Remember each
    best start, and walk back from the end. Give the list of pieces.
    """,
    lambda rng, text: {"text": text, "scores": dict(PIECES)},
    [{"text": text} for text in ("helloworld", "ababa", "hellow", "lowowld", "a", "abab", "helloworl")],
)


@exercise.step("T")
def best(text, scores):
    """best[end]: the score of the best way that ends there, for end = 0 to len(text)"""
    best = [0.0] + [-math.inf] * len(text)
    for end in range(1, len(text) + 1):
        for start in range(end):
            if text[start:end] in scores:
                best[end] = max(best[end], best[start] + scores[text[start:end]])
    return best


@exercise.step()
def pieces(text, scores, best):
    """from the end back, each time the start from which the best score came"""
    pieces, end = [], len(text)
    while end > 0:
        for start in range(end):
            piece = text[start:end]
            if piece in scores and best[start] + scores[piece] == best[end]:
                pieces.insert(0, piece)
                end = start
                break
    return pieces


def ways(text, scores):
    """Every way to cut the text."""
    if not text:
        return [[]]
    return [
        [text[:end], *rest]
        for end in range(1, len(text) + 1)
        if text[:end] in scores
        for rest in ways(text[end:], scores)
    ]


def greedy(text, choose):
    """At each place the piece that `choose` takes of those that fit."""
    pieces, start = [], 0
    while start < len(text):
        pieces.append(choose(text[start:]))
        start += len(pieces[-1])
    return pieces


def fitting(rest, scores):
    """The pieces that the rest begins with, the shortest first."""
    return [rest[:end] for end in range(1, len(rest) + 1) if rest[:end] in scores]


def total(way, scores):
    """The score of one way."""
    return sum(scores[piece] for piece in way)


WRONG = {
    "longest match": (
        "the longest piece is taken at each place, as WordPiece does; the best sum may begin with a shorter one",
        lambda text, scores: greedy(text, lambda rest: fitting(rest, scores)[-1]),
    ),
    "best piece first": (
        "the most probable piece is taken at each place; the best sum may begin with a less probable one",
        lambda text, scores: greedy(text, lambda rest: max(fitting(rest, scores), key=lambda piece: scores[piece])),
    ),
    "fewest pieces": (
        "the way of fewest pieces is taken; it is the one of highest score",
        lambda text, scores: min(ways(text, scores), key=lambda way: (len(way), -total(way, scores))),
    ),
    "lowest sum": (
        "the way of lowest score is taken; log probabilities are negative, and the highest is the best",
        lambda text, scores: min(ways(text, scores), key=lambda way: total(way, scores)),
    ),
    "mean for the sum": (
        "the ways are compared by their mean score; it is the sum, as probabilities multiply",
        lambda text, scores: max(ways(text, scores), key=lambda way: total(way, scores) / len(way)),
    ),
    "backwards": (
        "the pieces stand in the reverse order: the walk back begins at the end",
        lambda text, scores: max(ways(text, scores), key=lambda way: total(way, scores))[::-1],
    ),
    "most pieces": (
        "the way of most pieces longer than a character is taken; it is the one of highest score",
        lambda text, scores: max(
            ways(text, scores), key=lambda way: (sum(len(piece) > 1 for piece in way), total(way, scores))),
    ),
}  # fmt: skip
for name, (words, wrong) in WRONG.items():
    exercise.mistake(name, words, pieces=wrong)


def overwritten(text, scores):
    """best, where each piece that fits replaces what was there, better or not."""
    best = [0.0] + [-math.inf] * len(text)
    for end in range(1, len(text) + 1):
        for start in range(end):
            if text[start:end] in scores:
                best[end] = best[start] + scores[text[start:end]]
    return best


def summed(text, scores):
    """best, where probabilities of all ways are added up."""
    best = [0.0] + [-math.inf] * len(text)
    for end in range(1, len(text) + 1):
        found = [best[start] + scores[text[start:end]] for start in range(end) if text[start:end] in scores]
        best[end] = math.log(sum(math.exp(each) for each in found)) if found else -math.inf
    return best


CHARACTERS = "every character is a piece of its own: a later start must not replace a better one, so compare before " \
             "you write best[end]"  # fmt: skip
exercise.mistake("single characters", CHARACTERS, best=overwritten, pieces=lambda text: list(text))
exercise.mistake("single characters", CHARACTERS, pieces=lambda text: list(text))
exercise.mistake(
    "all ways summed", "best[end] adds up all ways that end there; here it is the best way alone",
    best=summed,
    pieces=lambda text, scores: max(ways(text, scores), key=lambda way: total(way, scores)),
)  # fmt: skip

"""Where in the text each token stands."""

from minibert.course.exercise import Exercise

exercise = Exercise(
    "offsets",
    "f(text, tokens)",
    """
    tokens are WordPiece's pieces of text, in order; a piece that does not begin a word has "##" before it, which is no
    part of the text. Say where each stands in the text: (start, end) in characters, so that text[start:end] is the
    token (without its "##"). Between words there may be blanks, which belong to no token.
    """,
    lambda rng, text, tokens: {"text": text, "tokens": tokens.split()},
    [
        {"text": "the cat saw the cats", "tokens": "the cat saw the cat ##s"},
        {"text": "a naïve café bar", "tokens": "a na ##ï ##ve ca ##fé bar"},
        {"text": "😀 is  fun", "tokens": "😀 is fun"},
        {"text": "banana bandana", "tokens": "ban ##ana ban ##dan ##a"},
        {"text": "  go on ", "tokens": "go on"},
    ],
)


@exercise.step()
def spans(text, tokens):
    """each token is looked for from where the one before it ended"""
    spans, place = [], 0
    for token in tokens:
        piece = token.removeprefix("##")
        start = text.index(piece, place)
        place = start + len(piece)
        spans.append((start, place))
    return spans


def right(text, tokens):
    """The right spans, which the wrong ones start from."""
    found, place = [], 0
    for token in tokens:
        piece = token.removeprefix("##")
        start = text.index(piece, place)
        place = start + len(piece)
        found.append((start, place))
    return found


def without_blanks(text, tokens):
    """Spans in the tokens written one after the other."""
    found, place = [], 0
    for token in tokens:
        piece = token.removeprefix("##")
        found.append((place, place + len(piece)))
        place += len(piece)
    return found


def one_blank(text, tokens):
    """Spans with exactly one blank before each word but the first."""
    found, place = [], 0
    for i, token in enumerate(tokens):
        place += i > 0 and not token.startswith("##")
        piece = token.removeprefix("##")
        found.append((place, place + len(piece)))
        place += len(piece)
    return found


def with_marks(text, tokens):
    """Spans as long as the tokens with their "##"."""
    return [
        (start, start + len(token)) for (start, _), token in zip(right(text, tokens), tokens, strict=True)
    ]


exercise.mistake(
    "bytes", "these are places in bytes; é takes two of them and 😀 four. Count characters",
    spans=lambda text, tokens: [
        (len(text[:start].encode()), len(text[:end].encode())) for start, end in right(text, tokens)],
)  # fmt: skip
exercise.mistake(
    "UTF-16", "these are places in UTF-16 units, as JavaScript counts: 😀 takes two. Count characters",
    spans=lambda text, tokens: [
        (len(text[:start].encode("utf-16-le")) // 2, len(text[:end].encode("utf-16-le")) // 2)
        for start, end in right(text, tokens)],
)  # fmt: skip
exercise.mistake(
    "the first occurrence", "each token is looked for from the beginning, so that a repeated one gets the first's "
    "place; look from where the token before it ended",
    spans=lambda text, tokens: [
        (text.index(token.removeprefix("##")), text.index(token.removeprefix("##")) + len(token.removeprefix("##")))
        for token in tokens],
)  # fmt: skip
exercise.mistake(
    "last character's place", "the end is the place of the last character; it is one after it, as in text[start:end]",
    spans=lambda text, tokens: [(start, end - 1) for start, end in right(text, tokens)],
)  # fmt: skip
exercise.mistake(
    "length for the end", "the second number is the length; it is the end",
    spans=lambda text, tokens: [(start, end - start) for start, end in right(text, tokens)],
)  # fmt: skip
exercise.mistake(
    "blanks not counted", "the blanks between words are not counted; places are those in the text",
    spans=without_blanks,
)  # fmt: skip
exercise.mistake(
    "one blank each", "one blank is counted before every word; there may be more, or some at the beginning",
    spans=one_blank,
)  # fmt: skip
exercise.mistake(
    "## counted", 'the end counts the "##", which is no part of the text',
    spans=with_marks,
)  # fmt: skip
exercise.mistake(
    "places from 1", "places count from 1; they count from 0",
    spans=lambda text, tokens: [(start + 1, end + 1) for start, end in right(text, tokens)],
)  # fmt: skip
exercise.mistake(
    "blank included", "the blank before a word is part of its span; it belongs to no token",
    spans=lambda text, tokens: [
        (start - (text[start - 1 : start] == " "), end) for start, end in right(text, tokens)],
)  # fmt: skip

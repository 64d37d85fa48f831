"""WordPiece: a word as the longest pieces that the vocabulary has (arXiv:1609.08144, section 4.1)."""

from minibert.course.exercise import Exercise

PIECES = """
    [UNK] un una ##aff ##able ##a ##ff ##f ##b ##l ##e u ##n a aff able
    play ##ing ##in ##g p ##play ##s s word ##word ##wor ##ds
"""

exercise = Exercise(
    "wordpiece",
    "f(word, vocab)",
    """
    Cut one word into pieces of the vocabulary, greedily: take the longest piece that the word begins with, then the
    longest that the rest begins with, and so on. A piece that does not begin the word is written with "##" before it.
    If at some place no piece fits, the whole word is ["[UNK]"]. Give the list of pieces.
    """,
    lambda rng, word: {"word": word, "vocab": {piece: i for i, piece in enumerate(PIECES.split())}},
    [
        {"word": word}
        for word in ("unaffable", "unaffables", "playings", "unaffab!e", "wordword", "zun", "words", "a", "able")
    ],
)


@exercise.step()
def pieces(word, vocab):
    """the longest piece that fits, again and again; one place without any makes the word [UNK]"""
    pieces = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = word[start:end] if start == 0 else "##" + word[start:end]
            if piece in vocab:
                break
        else:
            return ["[UNK]"]
        pieces.append(piece)
        start = end
    return pieces


def cut(word, vocab, *, ends=lambda start, size: range(size, start, -1), spell=None, unknown="whole"):
    """The search with its rules open: which ends are tried, how a piece is written, what happens where none fits."""
    spell = spell or (lambda part, start: part if start == 0 else "##" + part)
    pieces, start = [], 0
    while start < len(word):
        end = next((end for end in ends(start, len(word)) if spell(word[start:end], start) in vocab), None)
        if end is None and unknown == "whole":
            return ["[UNK]"]
        if end is None and unknown in ("rest", "dropped"):
            return pieces + ["[UNK]"] * (unknown == "rest")
        pieces.append("[UNK]" if end is None else spell(word[start:end], start))
        start = start + 1 if end is None else end
    return pieces


def from_the_end(word, vocab):
    """Cut at the end first: the longest piece that the word ends with."""
    pieces, end = [], len(word)
    while end > 0:
        for start in range(end):
            piece = word[start:end] if start == 0 else "##" + word[start:end]
            if piece in vocab:
                break
        else:
            return ["[UNK]"]
        pieces.insert(0, piece)
        end = start
    return pieces


exercise.mistake(
    "shortest match", "the shortest piece that fits is taken; it is the longest",
    pieces=lambda word, vocab: cut(word, vocab, ends=lambda start, size: range(start + 1, size + 1)),
)  # fmt: skip
exercise.mistake(
    "no ##", 'pieces are looked up without "##"; one that does not begin the word is written with it',
    pieces=lambda word, vocab: cut(word, vocab, spell=lambda part, start: part),
)  # fmt: skip
exercise.mistake(
    "## taken off", 'the right pieces, but "##" is taken off the result; it belongs to a piece\'s name',
    pieces=lambda word, vocab: [piece.removeprefix("##") for piece in cut(word, vocab)],
)  # fmt: skip
exercise.mistake(
    "## on the first piece", '"##" is written before the first piece too; it begins the word and has none',
    pieces=lambda word, vocab: cut(word, vocab, spell=lambda part, start: "##" + part),
)  # fmt: skip
exercise.mistake(
    "the rest [UNK]", "the pieces found so far are kept and [UNK] stands for the rest; "
    "one unknown part makes the whole word [UNK]",
    pieces=lambda word, vocab: cut(word, vocab, unknown="rest"),
)  # fmt: skip
exercise.mistake(
    "the rest dropped", "the pieces found so far are given and the rest is dropped; "
    "one unknown part makes the whole word [UNK]",
    pieces=lambda word, vocab: cut(word, vocab, unknown="dropped"),
)  # fmt: skip
exercise.mistake(
    "a character [UNK]", "an unknown character becomes [UNK] and the search goes on; "
    "one unknown part makes the whole word [UNK]",
    pieces=lambda word, vocab: cut(word, vocab, unknown="character"),
)  # fmt: skip
exercise.mistake(
    "from the end", "the search begins at the word's end; it begins at its start",
    pieces=from_the_end,
)  # fmt: skip
exercise.mistake(
    "whole words only", "a word that is not in the vocabulary as a whole is [UNK] at once; its pieces are tried",
    pieces=lambda word, vocab: [word] if word in vocab else ["[UNK]"],
)  # fmt: skip
exercise.mistake(
    "one short", "the end of the word is never tried as a piece's end: range(len(word) - 1, ...) leaves it out",
    pieces=lambda word, vocab: cut(word, vocab, ends=lambda start, size: range(size - 1, start, -1)),
)  # fmt: skip

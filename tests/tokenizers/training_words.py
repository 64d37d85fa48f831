"""Random words, and words as the suffix array takes them."""

import numpy as np


def laid_out(words):
    """text, room and weights of {word: count}, as the suffix array takes them."""
    text = np.array([ord(char) for word in words for char in word])
    room = np.array([len(word) - at for word in words for at in range(len(word))])
    weights = np.array([count for word, count in words.items() for _ in word])
    return text, room, weights


def random_words(rng, alphabet="abc"):
    words = ["".join(rng.choices(alphabet, k=rng.randint(1, 9))) for _ in range(rng.randint(1, 12))]
    return {word: rng.randint(1, 5) for word in words}

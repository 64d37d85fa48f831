"""Words for whole-word masking: which word each token is of, and how words are chosen as a whole.

BERT's data with whole-word masking hide all tokens of a word or none (google-research/bert, README of May 2019).
Words are numbered in every row; -1 stands for a token in no word, or one that may not be chosen.
"""

from collections.abc import Sequence

import numpy as np

MOST_CHOSEN = 512  # tokens of a text, in BERT's data and in transformers


def words_by_offsets(offsets: Sequence[Sequence[int]]) -> list[int]:
    """Number words by places in the text: a token that begins where the last one ended goes on with its word.

    >>> words_by_offsets([(0, 0), (0, 3), (3, 5), (6, 8), (0, 0)])
    [-1, 0, 0, 1, -1]
    """
    words, word, end = [], -1, -1
    for start, stop in offsets:
        if start == stop:  # a special token
            words.append(-1)
            end = -1
            continue
        word += start != end
        words.append(word)
        end = stop
    return words


def words_by_pieces(tokens: Sequence[str]) -> list[int]:
    """Number words by WordPiece's sign: a token with "##" goes on with the word before it.

    >>> words_by_pieces(["[CLS]", "un", "##aff", "##able", "man"])
    [0, 1, 1, 1, 2]
    """
    words, word = [], -1
    for token in tokens:
        word += not token.startswith("##") or word < 0
        words.append(word)
    return words


def word_starts(words: np.ndarray) -> np.ndarray:
    """words (B, T) -> (B, T) True at the first token of every word.

    >>> word_starts(np.array([[-1, 0, 0, 1, -1]])).astype(int)
    array([[0, 1, 0, 1, 0]])
    """
    before = np.concatenate((np.full_like(words[:, :1], -1), words[:, :-1]), axis=1)
    return (words >= 0) & (words != before)


def spread_over_words(chosen: np.ndarray, words: np.ndarray) -> np.ndarray:
    """chosen (B, T) at first tokens, words (B, T) -> (B, T) True at all tokens of the chosen words.

    >>> spread_over_words(np.array([[False, True, False, False]]), np.array([[-1, 0, 0, 1]])).astype(int)
    array([[0, 1, 1, 0]])
    """
    spread = np.zeros_like(chosen)
    for i, row in enumerate(words):
        spread[i] = np.isin(row, row[chosen[i]]) & (row >= 0)
    return spread


def choose_words(words: np.ndarray, lengths: Sequence[int], share: float, rng: np.random.Generator) -> np.ndarray:
    """words (B, T), tokens of each text (B) -> (B, T) True at the tokens of the chosen words.

    As in BERT's own data: the words of a text are shuffled, and taken until `share` of its tokens is chosen, at least
    one and at most 512. A word that would be too much is passed over.
    """
    chosen = np.zeros(words.shape, dtype=bool)
    for i, (row, length) in enumerate(zip(words, lengths, strict=True)):
        groups = [np.flatnonzero(row == word).tolist() for word in dict.fromkeys(row[row >= 0].tolist())]
        rng.shuffle(groups)
        left = min(MOST_CHOSEN, max(1, round(length * share)))
        for group in groups:
            if len(group) <= left:
                chosen[i, group] = True
                left -= len(group)
    return chosen

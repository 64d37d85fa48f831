"""What is done to the scores of the next token before one is chosen.

Every function takes the texts so far, ids (B, L), and scores (B, V), and gives new scores; minus infinity means
"never". The order in which `processors` puts them is transformers'.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from minibert.functional.softmax import log_softmax
from minibert.generation.options import Options

Processor = Callable[[np.ndarray, np.ndarray], np.ndarray]


def penalise_repetition(ids: np.ndarray, scores: np.ndarray, penalty: float) -> np.ndarray:
    """Make every token of the text so far less likely (Keskar et al. 2019, section 4.1).

    >>> penalise_repetition(np.array([[0, 1, 1]]), np.array([[2.0, -2.0, 3.0]]), 2.0)
    array([[ 1., -4.,  3.]])
    """
    seen = np.take_along_axis(scores, ids, axis=1)
    seen = np.where(seen < 0, seen * penalty, seen / penalty).astype(scores.dtype)
    scores = scores.copy()
    np.put_along_axis(scores, ids, seen, axis=1)
    return scores


def forbid_repeated_ngrams(ids: np.ndarray, scores: np.ndarray, size: int) -> np.ndarray:
    """Never complete n tokens that stand in the text already.

    >>> forbid_repeated_ngrams(np.array([[1, 2, 1]]), np.zeros((1, 4)), 2)
    array([[  0.,   0., -inf,   0.]])
    """
    length = ids.shape[1]
    if length < size:
        return scores
    scores = scores.copy()
    windows = np.lib.stride_tricks.sliding_window_view(ids, size, axis=1)  # (B, L - size + 1, size)
    begun = (windows[:, :, : size - 1] == ids[:, None, length - size + 1 :]).all(axis=2)
    for row, place in np.argwhere(begun):
        scores[row, windows[row, place, -1]] = -np.inf
    return scores


def forbid_words(ids: np.ndarray, scores: np.ndarray, words: list[list[int]]) -> np.ndarray:
    """Never complete one of these lists of tokens.

    >>> forbid_words(np.array([[1, 2]]), np.zeros((1, 4)), [[0], [2, 3], [1, 1]])
    array([[-inf,   0.,   0., -inf]])
    """
    scores = scores.copy()
    for *begun, last in words:
        if len(begun) <= ids.shape[1]:
            complete = (ids[:, ids.shape[1] - len(begun) :] == begun).all(axis=1)
            scores[complete, last] = -np.inf
    return scores


def forbid_end(ids: np.ndarray, scores: np.ndarray, least: int, eos: tuple[int, ...]) -> np.ndarray:
    """No end of the text before it has `least` tokens."""
    if ids.shape[1] >= least:
        return scores
    scores = scores.copy()
    scores[:, list(eos)] = -np.inf
    return scores


def apply_temperature(_ids: np.ndarray, scores: np.ndarray, temperature: float) -> np.ndarray:
    """Flatter above 1, steeper below."""
    return (scores / temperature).astype(scores.dtype)


def keep_top_k(_ids: np.ndarray, scores: np.ndarray, k: int) -> np.ndarray:
    """The k likeliest tokens, and what is as likely as the last of them (Fan et al. 2018).

    >>> keep_top_k(None, np.array([[1.0, 3.0, 2.0]]), 2)
    array([[-inf,   3.,   2.]])
    """
    k = min(k, scores.shape[1])
    least = np.partition(scores, -k, axis=1)[:, -k, None]
    return np.where(scores < least, scores.dtype.type(-np.inf), scores)


def keep_top_p(_ids: np.ndarray, scores: np.ndarray, p: float, at_least: int) -> np.ndarray:
    """The fewest likeliest tokens whose probabilities sum to p or more (Holtzman et al. 2020).

    >>> keep_top_p(None, np.log(np.array([[0.5, 0.3, 0.2]])), 0.7, 1).round(2)
    array([[-0.69, -1.2 ,  -inf]])
    """
    order = np.argsort(scores, axis=1, kind="stable")
    cumulative = np.exp(log_softmax(np.take_along_axis(scores, order, axis=1))).cumsum(axis=1)
    unlikely = cumulative <= 1 - p
    unlikely[:, -at_least:] = False
    removed = np.empty_like(unlikely)
    np.put_along_axis(removed, order, unlikely, axis=1)
    return np.where(removed, scores.dtype.type(-np.inf), scores)


def keep_min_p(_ids: np.ndarray, scores: np.ndarray, p: float, at_least: int) -> np.ndarray:
    """The tokens that are at least p times as likely as the likeliest (Nguyen et al. 2024).

    >>> keep_min_p(None, np.log(np.array([[0.5, 0.3, 0.2]])), 0.5, 1).round(2)
    array([[-0.69, -1.2 ,  -inf]])
    """
    probs = np.exp(log_softmax(scores))
    unlikely = probs < p * probs.max(axis=1, keepdims=True)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :at_least]
    np.put_along_axis(unlikely, best, False, axis=1)
    return np.where(unlikely, scores.dtype.type(-np.inf), scores)


def processors(options: Options, least: int) -> list[Processor]:
    """Those that the options ask for; texts do not end before they have `least` tokens."""
    chain: list[Processor] = []
    if options.repetition_penalty is not None and options.repetition_penalty != 1.0:
        chain.append(partial(penalise_repetition, penalty=options.repetition_penalty))
    if options.no_repeat_ngram_size:
        chain.append(partial(forbid_repeated_ngrams, size=options.no_repeat_ngram_size))
    words = [list(word) for word in options.bad_words_ids or ()]
    if words := [word for word in words if word not in [[end] for end in options.eos]]:
        chain.append(partial(forbid_words, words=words))
    if least and options.eos:
        chain.append(partial(forbid_end, least=least, eos=options.eos))
    chain += options.logits_processor
    if options.do_sample:
        chain += _sampling(options)
    return chain


def _sampling(options: Options) -> list[Processor]:
    """Temperature, top-k, top-p and min-p; beams need one token besides the ends of the text to go on with."""
    chain: list[Processor] = []
    at_least = 1 if options.num_beams == 1 else max(2, len(options.eos) + 1)
    if options.temperature is not None and options.temperature != 1.0:
        chain.append(partial(apply_temperature, temperature=options.temperature))
    top_k = 50 if options.top_k is None else options.top_k
    if top_k:
        chain.append(partial(keep_top_k, k=max(top_k, at_least)))
    if options.top_p is not None and options.top_p < 1.0:
        chain.append(partial(keep_top_p, p=options.top_p, at_least=at_least))
    if options.min_p is not None:
        chain.append(partial(keep_min_p, p=options.min_p, at_least=at_least))
    return chain

"""Greedy search and sampling: one token after the other, and none is taken back."""

from typing import Any

import numpy as np

from minibert.errors import InputError
from minibert.functional.softmax import log_softmax
from minibert.generation.decoder import Decoder
from minibert.generation.processors import Processor
from minibert.generation.stopping import Stopping


def search(
    decoder: Decoder,
    ids: np.ndarray,
    chain: list[Processor],
    stopping: Stopping,
    rng: np.random.Generator | None,
    pad: int,
    emit: Any,
    kept: list[np.ndarray] | None,
) -> np.ndarray:
    """Continue ids (B, L) until every text is complete: (B, at most stopping.most), pad after a text's end.

    Args:
        rng: draws the tokens; None takes the likeliest.
        emit: is called with the new tokens (B,) of every step.
        kept: gets the scores (B, V) of every step, if it is a list.
    """
    batch, length = ids.shape
    texts = np.full((batch, stopping.most), pad, dtype=np.int64)
    texts[:, :length] = ids
    running = np.ones(batch, dtype=bool)
    while running.any():
        scores = decoder.next_logits(texts[:, :length])
        for process in chain:
            scores = process(texts[:, :length], scores)
        if kept is not None:
            kept.append(scores)
        tokens = scores.argmax(axis=1) if rng is None else draw(scores, rng)
        texts[:, length] = np.where(running, tokens, pad)
        emit(texts[:, length].copy())
        length += 1
        running &= ~stopping(texts[:, :length], scores)
    return texts[:, :length]


def draw(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """scores (B, V) -> one token (B,) each, by the probabilities softmax(scores).

    Raises:
        InputError: no token may be drawn, as when every one of a small vocabulary is forbidden.
    """
    if not np.isfinite(scores).any(axis=1).all():
        raise InputError(
            "no token is left to draw: no_repeat_ngram_size, min_length or a logits_processor forbids all of them."
        )
    cumulative = np.exp(log_softmax(scores.astype(np.float64))).cumsum(axis=1)
    places = rng.random(len(scores))[:, None] * cumulative[:, -1:]
    # a place is below its row's last sum, so that tokens of probability 0 at the end are never reached
    return (cumulative <= places).sum(axis=1)

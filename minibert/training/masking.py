"""Masking: of the tokens that are chosen, 80 % become [MASK], 10 % a random token, and 10 % stay as they are.

Devlin et al. 2018, section 3.1, task 1. There 15 % of all tokens are chosen. The model has to predict each of them,
whatever stands in its place. [MASK] alone would not do: it never occurs once the model is used. So some chosen tokens
look like any other, right or wrong, and the model must keep an opinion on every token it reads.

The draws come from one NumPy generator, in the order of transformers' collators: with the same seed the batches are
the same.
"""

from typing import NamedTuple

import numpy as np

from minibert.functional.losses import IGNORE_INDEX

CHOSEN_SHARE, MASK_SHARE, RANDOM_SHARE = 0.15, 0.8, 0.1

# what was done to a token, in `MaskedTokens.rules`
LEFT_ALONE, MASKED, RANDOM, KEPT = 0, 1, 2, 3
RULES = ("left alone", "masked", "random", "kept")


class MaskedTokens(NamedTuple):
    """What masking gives, each (B, T)."""

    input_ids: np.ndarray
    labels: np.ndarray  # the token where it was chosen, -100 elsewhere
    rules: np.ndarray  # 0 left alone; chosen and 1 masked, 2 replaced by a random token, 3 kept as it was


def mask_tokens(
    input_ids: np.ndarray,
    chosen: np.ndarray,
    mask_id: int,
    vocab_size: int,
    rng: np.random.Generator,
    mask_share: float = MASK_SHARE,
    random_share: float = RANDOM_SHARE,
) -> MaskedTokens:
    """input_ids (B, T), chosen (B, T) True where a token is to be predicted -> MaskedTokens, each (B, T).

    Args:
        mask_id: the id of [MASK].
        vocab_size: random tokens are drawn from 0..vocab_size-1.
        rng: draws, and moves on.
        mask_share, random_share: of the chosen tokens; the rest of them stays.

    >>> ids, chosen = np.arange(10, 20)[None], np.array([[True] * 8 + [False] * 2])
    >>> masked = mask_tokens(ids, chosen, mask_id=4, vocab_size=100, rng=np.random.default_rng(0))
    >>> masked.input_ids
    array([[ 4,  4,  4,  4, 14, 40,  4,  4, 18, 19]])
    >>> masked.labels
    array([[  10,   11,   12,   13,   14,   15,   16,   17, -100, -100]])
    >>> [RULES[rule] for rule in masked.rules[0, 3:]]
    ['masked', 'kept', 'random', 'masked', 'masked', 'left alone', 'left alone']
    """
    masked = chosen & _draw(rng, mask_share, input_ids.shape)
    # 10 % of all chosen tokens are half of the 20 % that are not masked: 0.1 / (1 - 0.8) = 0.5
    share_of_the_rest = random_share / (1.0 - mask_share) if mask_share < 1.0 else 0.0
    random = chosen & ~masked & _draw(rng, share_of_the_rest, input_ids.shape)
    ids = np.where(masked, mask_id, input_ids)
    ids[random] = rng.integers(0, vocab_size, size=np.count_nonzero(random), dtype=np.int64)
    labels = np.where(chosen, input_ids, IGNORE_INDEX)
    rules = np.select([masked, random, chosen], [MASKED, RANDOM, KEPT], LEFT_ALONE).astype(np.int8)
    return MaskedTokens(ids, labels, rules)


def choose_tokens(candidates: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """candidates (B, T) True where a token may be chosen -> (B, T) True where it is: each on its own, with `share`.

    >>> choose_tokens(np.array([[False, True, True, True, False]]), 0.5, np.random.default_rng(0)).astype(int)
    array([[0, 1, 0, 0, 0]])
    """
    return rng.binomial(1, np.where(candidates, share, 0.0)).astype(bool)


def _draw(rng: np.random.Generator, share: float, shape: tuple[int, ...]) -> np.ndarray:
    """(B, T) True with this probability."""
    return rng.binomial(1, min(1.0, share), size=shape).astype(bool)  # 0.1 / (1 - 0.9) is a little above 1

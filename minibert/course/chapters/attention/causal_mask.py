"""Which tokens a decoder may look at: itself and what stands before it."""

import numpy as np

from minibert.course.chapters.parts import padded
from minibert.course.exercise import Exercise

exercise = Exercise(
    "causal_mask",
    "f(attention_mask, tokens)",
    """
    A decoder guesses the next token, so a token may look at itself and at what stands before it, never ahead. Of the
    S tokens that attention_mask (B, S) speaks of, only the last T = tokens are new; they alone ask, and those before
    them are remembered. So query t stands at place S - T + t. Say for each query and key whether the query may look
    there (True or 1): the key is not ahead, and it is no padding.
    """,
    lambda rng, B, S, T: {"attention_mask": padded(B, S)[:, ::-1].copy(), "tokens": T},
    [{"B": 2, "S": 5, "T": 3}, {"B": 3, "S": 4, "T": 4}, {"B": 2, "S": 6, "T": 1}],
)


@exercise.step("T S")
def causal(attention_mask, tokens):
    """key s is not ahead of query t, which stands at place S - T + t"""
    place = attention_mask.shape[1] - tokens + np.arange(tokens)
    return np.arange(attention_mask.shape[1])[None, :] <= place[:, None]


@exercise.step("B 1 T S")
def allowed(causal, attention_mask):
    """... and key s is no padding"""
    return causal[None, None] & (attention_mask == 1)[:, None, None, :]


def shifted(S, T, by):
    """(T, S): True where s <= S - T + t + by."""
    return np.tri(T, S, S - T + by, dtype=bool)


exercise.mistake(
    "not itself", "a token may not look at itself; it may: s <= t, not s < t",
    causal=lambda attention_mask, tokens: shifted(attention_mask.shape[1], tokens, -1),
)  # fmt: skip
exercise.mistake(
    "one ahead", "a token may look one ahead; the last place it may see is its own",
    causal=lambda attention_mask, tokens: shifted(attention_mask.shape[1], tokens, 1),
)  # fmt: skip
exercise.mistake(
    "the wrong triangle", "a token sees itself and what comes after it; it is what stands before it",
    causal=lambda attention_mask, tokens: ~shifted(attention_mask.shape[1], tokens, -1),
)  # fmt: skip
exercise.mistake(
    "remembered tokens forgotten", "query t is put at place t; the S - T remembered tokens stand before it",
    causal=lambda attention_mask, tokens: np.tri(tokens, attention_mask.shape[1], dtype=bool),
)  # fmt: skip
exercise.mistake(
    "padding forgotten", "the padding is not hidden",
    allowed=lambda causal, attention_mask: np.repeat(causal[None, None], len(attention_mask), axis=0),
)  # fmt: skip
exercise.mistake(
    "not causal", "only the padding is hidden; what is ahead must be too",
    causal=lambda attention_mask, tokens: np.ones((tokens, attention_mask.shape[1]), dtype=bool),
)  # fmt: skip
exercise.mistake(
    "the wrong way round", "True marks what is hidden; it marks what may be looked at",
    allowed=lambda causal, attention_mask: ~(causal[None, None] & (attention_mask == 1)[:, None, None, :]),
)  # fmt: skip
exercise.mistake(
    "either of the two", "a key may be seen if it is not ahead or no padding; both must hold",
    allowed=lambda causal, attention_mask: causal[None, None] | (attention_mask == 1)[:, None, None, :],
)  # fmt: skip
exercise.mistake(
    "padding on the query axis", "the padding is looked up for the query; it is the key that must not be padding",
    allowed=lambda causal, attention_mask: (
        causal[None, None] & (attention_mask[:, -len(causal):] == 1)[:, None, :, None]),
)  # fmt: skip

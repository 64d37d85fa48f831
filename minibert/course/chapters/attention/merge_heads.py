"""Putting the heads side by side again (Vaswani et al. 2017, section 3.2.2)."""

from minibert.course.exercise import Exercise

exercise = Exercise(
    "merge_heads",
    "f(x)",
    """
    The reverse of split_heads: x (B, N, T, K) holds what each head found for each token. Put the heads of a token side
    by side, head 0 first, so that a token has one vector of D = N K numbers again.
    """,
    lambda rng, B, T, N, K: {"x": rng.normal(size=(B, N, T, K))},
    [{"B": 2, "T": 5, "N": 2, "K": 3}, {"B": 3, "T": 4, "N": 3, "K": 2}],
)


@exercise.step("B T N K")
def tokens_first(x):
    """x with heads and tokens exchanged"""
    return x.transpose(0, 2, 1, 3)


@exercise.step("B T D")
def merged(tokens_first):
    """the last two axes as one"""
    return tokens_first.reshape(*tokens_first.shape[:2], -1)


exercise.mistake(
    "no transpose", "x is reshaped to (B, T, D) without exchanging heads and tokens first: the shape fits, "
    "but a token gets pieces of other tokens",
    merged=lambda x: x.reshape(x.shape[0], x.shape[2], -1),
)  # fmt: skip
exercise.mistake(
    "heads fastest", "the head index runs fastest within a token; a head's K columns stay together",
    merged=lambda x: x.transpose(0, 2, 3, 1).reshape(x.shape[0], x.shape[2], -1),
)  # fmt: skip
exercise.mistake("averaged", "the mean over the heads is taken; heads are put side by side", merged=lambda x: x.mean(1))
exercise.mistake("summed", "the heads are added up; they are put side by side", merged=lambda x: x.sum(1))
exercise.mistake(
    "not merged", "heads and columns are still two axes; they become one of N K numbers",
    merged=lambda tokens_first: tokens_first,
)  # fmt: skip
exercise.mistake(
    "heads from the end", "the heads stand in the reverse order: head 0 comes first",
    merged=lambda x: x[:, ::-1].transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1),
)  # fmt: skip
exercise.mistake(
    "texts and tokens joined", "texts and tokens are one axis, (B T, D); they are two, (B, T, D)",
    merged=lambda tokens_first: tokens_first.reshape(-1, tokens_first.shape[2] * tokens_first.shape[3]),
)  # fmt: skip
exercise.mistake(
    "first head alone", "only the first head is kept; all N stand side by side",
    merged=lambda x: x[:, 0],
)  # fmt: skip

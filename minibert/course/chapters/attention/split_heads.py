"""Cutting the width into heads (Vaswani et al. 2017, section 3.2.2)."""

from minibert.course.exercise import Exercise

exercise = Exercise(
    "split_heads",
    "f(x, heads)",
    """
    Attention runs in N heads, each on its own K = D / N columns: head n has columns n K .. (n + 1) K of x. Cut x into
    heads and put the axis of the heads before the tokens, so that matrix products run over tokens and columns.
    """,
    lambda rng, B, T, N, K: {"x": rng.normal(size=(B, T, N * K)), "heads": N},
    [{"B": 2, "T": 5, "N": 2, "K": 3}, {"B": 3, "T": 4, "N": 3, "K": 2}],
)


@exercise.step("B T N K")
def cut(x, heads):
    """the last axis as two: the head, and the column within it"""
    return x.reshape(x.shape[0], x.shape[1], heads, x.shape[2] // heads)


@exercise.step("B N T K")
def heads_first(cut):
    """the same with tokens and heads exchanged"""
    return cut.transpose(0, 2, 1, 3)


exercise.mistake(
    "no transpose", "x is reshaped to (B, N, T, K) at once: the shape fits, but a head then holds pieces of many "
    "tokens; reshape to (B, T, N, K) and exchange the axes T and N",
    heads_first=lambda x, heads: x.reshape(x.shape[0], heads, x.shape[1], -1),
)  # fmt: skip
exercise.mistake(
    "heads fastest", "the last axis is cut as (K, N), so that a head takes every N-th column; "
    "head n is columns n K .. (n + 1) K, so it is cut as (N, K)",
    cut=lambda x, heads: x.reshape(*x.shape[:2], -1, heads).swapaxes(2, 3),
)  # fmt: skip
exercise.mistake(
    "not exchanged", "the axes are still (B, T, N, K): the axis of the heads belongs before the tokens",
    heads_first=lambda cut: cut,
)  # fmt: skip
exercise.mistake(
    "columns before tokens", "the axes are (B, N, K, T): tokens belong before columns",
    heads_first=lambda cut: cut.transpose(0, 2, 3, 1),
)  # fmt: skip
exercise.mistake(
    "heads before texts", "the axes are (N, B, T, K): the axis of the texts belongs first",
    heads_first=lambda cut: cut.transpose(2, 0, 1, 3),
)  # fmt: skip
exercise.mistake(
    "texts and heads joined", "texts and heads are one axis, (B N, T, K); they are two, (B, N, T, K)",
    heads_first=lambda cut: cut.transpose(0, 2, 1, 3).reshape(-1, cut.shape[1], cut.shape[3]),
)  # fmt: skip
exercise.mistake(
    "heads from the end", "the heads are in the reverse order: head 0 has the first K columns",
    heads_first=lambda cut: cut.transpose(0, 2, 1, 3)[:, ::-1],
)  # fmt: skip
exercise.mistake(
    "(K, T) reshaped", "x is exchanged to (B, D, T) and then reshaped: the shape fits, but tokens and columns mix",
    heads_first=lambda x, heads: x.transpose(0, 2, 1).reshape(x.shape[0], heads, x.shape[1], -1),
)  # fmt: skip

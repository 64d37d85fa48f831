"""The backward of softmax."""

from minibert.course.chapters.parts import softmax
from minibert.course.exercise import Exercise

exercise = Exercise(
    "softmax_backward",
    "f(dprobs, probs)",
    """
    The forward was probs = softmax(scores) over the last axis. dprobs says how the loss changes with each share; find
    how it changes with each score. Raising a score raises its own share and lowers all others of its row:
    dscores = p (dp - Σ dp p), the sum over the row.
    """,
    lambda rng, B, N, T: {"dprobs": rng.normal(size=(B, N, T, T)), "probs": softmax(2 * rng.normal(size=(B, N, T, T)))},
    [{"B": 2, "N": 2, "T": 3}, {"B": 3, "N": 2, "T": 5}],
)


@exercise.step("B N T 1", also=[lambda dprobs, probs: (dprobs * probs).sum(axis=-1)])
def row_sum(dprobs, probs):
    """Σ dp p over each row"""
    return (dprobs * probs).sum(axis=-1, keepdims=True)


@exercise.step("B N T T")
def dscores(dprobs, probs, row_sum):
    """p times what dp is above that sum"""
    return probs * (dprobs - row_sum)


exercise.mistake(
    "row's sum forgotten", "this is p dp: the other shares of the row fall when one rises, which takes Σ dp p away",
    dscores=lambda dprobs, probs: probs * dprobs,
)  # fmt: skip
exercise.mistake(
    "as a sigmoid", "this is p (1 - p) dp, a sigmoid's backward: it sees each share alone, not the others of its row",
    dscores=lambda dprobs, probs: probs * (1 - probs) * dprobs,
)  # fmt: skip
exercise.mistake(
    "sum over the queries", "the sum runs over the queries; it runs over the keys, the last axis",
    row_sum=lambda dprobs, probs: (dprobs * probs).sum(axis=-2, keepdims=True),
)  # fmt: skip
exercise.mistake(
    "sum over everything", "the sum runs over the whole array; each row has its own",
    row_sum=lambda dprobs, probs: (dprobs * probs).sum(keepdims=True),
)  # fmt: skip
exercise.mistake(
    "mean for the sum", "a mean is taken away where the sum Σ dp p belongs",
    row_sum=lambda dprobs, probs: (dprobs * probs).mean(axis=-1, keepdims=True),
)  # fmt: skip
exercise.mistake(
    "p forgotten in the sum", "Σ dp is taken away; it is Σ dp p",
    row_sum=lambda dprobs: dprobs.sum(axis=-1, keepdims=True),
)  # fmt: skip
exercise.mistake(
    "p forgotten outside", "the difference is not multiplied with p",
    dscores=lambda dprobs, row_sum: dprobs - row_sum,
)  # fmt: skip
exercise.mistake(
    "sum without p outside", "this is p dp - Σ dp p: p multiplies the sum too, p (dp - Σ dp p)",
    dscores=lambda dprobs, probs, row_sum: probs * dprobs - row_sum,
)  # fmt: skip
exercise.mistake("sign of the sum", "the sum is added; it is taken away",
                 dscores=lambda dprobs, probs, row_sum: probs * (dprobs + row_sum))  # fmt: skip
exercise.mistake("passed through", "dprobs comes back as it is; softmax has a backward of its own",
                 dscores=lambda dprobs: dprobs)  # fmt: skip

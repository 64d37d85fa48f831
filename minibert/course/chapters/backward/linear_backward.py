"""The backward of a linear map."""

import numpy as np

from minibert.course.exercise import Exercise

exercise = Exercise(
    "linear_backward",
    "f(dy, x, weight)",
    """
    The forward was y = x Wᵀ + b for every token, with W = weight (F, D). dy (B, T, F) says how the loss changes with
    each number of y. Find how it changes with x, with W and with b. All tokens share W and b, so what each token says
    about them is added up.
    """,
    lambda rng, B, T, D, F: {
        "dy": rng.normal(size=(B, T, F)), "x": rng.normal(size=(B, T, D)), "weight": rng.normal(size=(F, D))},
    [{"B": 2, "T": 3, "D": 4, "F": 5}, {"B": 3, "T": 2, "D": 5, "F": 4}, {"B": 2, "T": 4, "D": 3, "F": 3}],
    results=("dx", "dweight", "dbias"),
)  # fmt: skip


@exercise.step("B T D")
def dx(dy, weight):
    """y changes with x by W, so dx = dy W"""
    return dy @ weight


@exercise.step("F D")
def dweight(dy, x):
    """dyᵀ x, added up over all tokens"""
    return np.einsum("btf,btd->fd", dy, x)


@exercise.step("F")
def dbias(dy):
    """dy, added up over all tokens"""
    return dy.sum(axis=(0, 1))


exercise.mistake(
    "dweight transposed", "dweight is transposed: W is stored (out, in), so dW = dyᵀ x is (F, D)",
    dweight=lambda dy, x: np.einsum("btf,btd->df", dy, x),
)  # fmt: skip
exercise.mistake(
    "texts not added", "dweight still has the axis of the texts; all texts share W, so they are added up",
    dweight=lambda dy, x: dy.swapaxes(1, 2) @ x,
)  # fmt: skip
exercise.mistake(
    "dweight averaged over texts", "dweight is the mean over the texts; it is the sum: the loss has averaged already",
    dweight=lambda dy, x: (dy.swapaxes(1, 2) @ x).mean(axis=0),
)  # fmt: skip
exercise.mistake(
    "dweight averaged over tokens", "dweight is the mean over all tokens; it is the sum: the loss has averaged already",
    dweight=lambda dy, x: np.einsum("btf,btd->fd", dy, x) / (dy.shape[0] * dy.shape[1]),
)  # fmt: skip
exercise.mistake(
    "first text alone", "dweight is of the first text alone; the sum runs over all",
    dweight=lambda dy, x: dy[0].T @ x[0],
)  # fmt: skip
exercise.mistake(
    "last text alone", "dweight is of the last text alone: a loop that assigns where it should add",
    dweight=lambda dy, x: dy[-1].T @ x[-1],
)  # fmt: skip
exercise.mistake(
    "dbias averaged", "dbias is a mean; it is the sum over all tokens", dbias=lambda dy: dy.mean(axis=(0, 1)),
)  # fmt: skip
exercise.mistake(
    "dbias over the texts alone", "dbias still has the axis of the tokens; the sum runs over texts and tokens",
    dbias=lambda dy: dy.sum(axis=0),
)  # fmt: skip
exercise.mistake(
    "dbias one number", "dbias is one number; every output has its own bias, so only texts and tokens are added up",
    dbias=lambda dy: dy.sum(),
)  # fmt: skip
exercise.mistake("dbias of ones", "dbias is all ones; it is dy, added up over all tokens",
                 dbias=lambda dy: np.ones(dy.shape[-1]))  # fmt: skip

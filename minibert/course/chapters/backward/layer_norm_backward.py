"""The backward of LayerNorm."""

import numpy as np

from minibert.course.exercise import Exercise


def draw(rng, B, T, D):
    x = rng.normal(size=(B, T, D)) * rng.uniform(0.3, 3, size=(B, T, 1))
    rstd = 1 / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
    normalized = (x - x.mean(axis=-1, keepdims=True)) * rstd
    dy, gamma = rng.normal(size=(B, T, D)), 1 + rng.normal(size=D) / 2
    return {"dy": dy, "normalized": normalized, "rstd": rstd, "gamma": gamma}


exercise = Exercise(
    "layer_norm_backward",
    "f(dy, normalized, rstd, gamma)",
    """
    The forward was y = gamma n + beta with n = (x - mean) rstd, where rstd (B, T, 1) = 1 / √(variance + eps). n is
    given as normalized. dy says how the loss changes with y. Find how it changes with x, gamma and beta. x goes three
    ways into n: itself, through the mean and through the variance. The last two take away from dn its mean, and n
    times the mean of dn n; what is left is multiplied with rstd.
    """,
    draw,
    [{"B": 2, "T": 3, "D": 4}, {"B": 3, "T": 2, "D": 7}],
    results=("dx", "dgamma", "dbeta"),
)


@exercise.step("B T D")
def dnormalized(dy, gamma):
    """forward: y = gamma n + beta, so dn = gamma dy"""
    return dy * gamma


@exercise.step("B T D")
def dx(dnormalized, normalized, rstd):
    """rstd (dn - mean(dn) - n mean(dn n)), the means over the D numbers of a token"""
    through_mean = dnormalized.mean(axis=-1, keepdims=True)
    through_variance = normalized * (dnormalized * normalized).mean(axis=-1, keepdims=True)
    return rstd * (dnormalized - through_mean - through_variance)


@exercise.step("D")
def dgamma(dy, normalized):
    """dy n, added up over all tokens"""
    return (dy * normalized).sum(axis=(0, 1))


@exercise.step("D")
def dbeta(dy):
    """dy, added up over all tokens"""
    return dy.sum(axis=(0, 1))


def mean(x, axis=-1):
    """The mean over an axis, which stays."""
    return x.mean(axis=axis, keepdims=True)


WRONG_DX = {
    "mean of dn forgotten": (
        "the mean of dn is not taken away: that is what goes through x's mean",
        lambda dn, n, rstd: rstd * (dn - n * mean(dn * n)),
    ),
    "mean of dn n forgotten": (
        "n mean(dn n) is not taken away, which goes through x's variance (mean(dn) mean(n) instead is zero)",
        lambda dn, n, rstd: rstd * (dn - mean(dn)),
    ),
    "both means forgotten": (
        "this is rstd dn: x also goes through its mean and its variance, which takes two means away",
        lambda dn, n, rstd: rstd * dn,
    ),
    "rstd forgotten": (
        "dx is not multiplied with rstd; forward: n = (x - mean) rstd",
        lambda dn, n, rstd: dn - mean(dn) - n * mean(dn * n),
    ),
    "divided by rstd": (
        "dx is divided by rstd; rstd is 1 / √(variance + eps) already, so it multiplies",
        lambda dn, n, rstd: (dn - mean(dn) - n * mean(dn * n)) / rstd,
    ),
    "means over the tokens": (
        "the two means run over the tokens; they run over the D numbers of a token",
        lambda dn, n, rstd: rstd * (dn - mean(dn, 1) - n * mean(dn * n, 1)),
    ),
    "means over everything": (
        "the two means run over the whole array; they run over the D numbers of a token",
        lambda dn, n, rstd: rstd * (dn - dn.mean() - n * (dn * n).mean()),
    ),
    "sums for means": (
        "sums are taken away where means belong",
        lambda dn, n, rstd: rstd * (
            dn - dn.sum(axis=-1, keepdims=True) - n * (dn * n).sum(axis=-1, keepdims=True)),
    ),
    "sign of the variance's term": (
        "n mean(dn n) is added; it is taken away",
        lambda dn, n, rstd: rstd * (dn - mean(dn) + n * mean(dn * n)),
    ),
    "n forgotten beside its mean": (
        "mean(dn n) is taken away without the n before it: n mean(dn n)",
        lambda dn, n, rstd: rstd * (dn - mean(dn) - mean(dn * n)),
    ),
}  # fmt: skip
for name, (words, wrong) in WRONG_DX.items():
    exercise.mistake(
        name, words,
        dx=lambda dnormalized, normalized, rstd, wrong=wrong: wrong(dnormalized, normalized, rstd),
    )  # fmt: skip
exercise.mistake(
    "gamma forgotten", "gamma is left out: forward y = gamma n + beta, so dn = gamma dy",
    dnormalized=lambda dy: dy,
)  # fmt: skip
exercise.mistake(
    "gamma at the end", "gamma multiplies dx at the end; it belongs to dn, before the two means",
    dnormalized=lambda dy: dy,
    dx=lambda dy, normalized, rstd, gamma: gamma * rstd * (dy - mean(dy) - normalized * mean(dy * normalized)),
)  # fmt: skip
exercise.mistake(
    "dgamma without n", "dgamma is the sum of dy; it is the sum of dy n", dgamma=lambda dy: dy.sum(axis=(0, 1)),
)  # fmt: skip
exercise.mistake(
    "dgamma of dn", "dgamma is the sum of dn n, with gamma in it; it is the sum of dy n",
    dgamma=lambda dnormalized, normalized: (dnormalized * normalized).sum(axis=(0, 1)),
)  # fmt: skip
exercise.mistake(
    "means for sums", "dgamma and dbeta are means; they are sums over all tokens",
    dgamma=lambda dy, normalized: (dy * normalized).mean(axis=(0, 1)),
    dbeta=lambda dy: dy.mean(axis=(0, 1)),
)  # fmt: skip
exercise.mistake(
    "not added up", "dgamma and dbeta still have the axes of texts and tokens; all tokens share gamma and beta",
    dgamma=lambda dy, normalized: dy * normalized,
    dbeta=lambda dy: dy,
)  # fmt: skip
exercise.mistake(
    "texts alone added", "dgamma and dbeta are added up over the texts alone; texts and tokens are",
    dgamma=lambda dy, normalized: (dy * normalized).sum(axis=0),
    dbeta=lambda dy: dy.sum(axis=0),
)  # fmt: skip
exercise.mistake(
    "added up over the width", "dgamma and dbeta are added up over the width; they are over texts and tokens",
    dgamma=lambda dy, normalized: (dy * normalized).sum(axis=-1),
    dbeta=lambda dy: dy.sum(axis=-1),
)  # fmt: skip

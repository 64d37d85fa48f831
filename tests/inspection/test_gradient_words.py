"""What gradcheck says of wrong gradients, planted in the backward of small layers."""

import numpy as np
import pytest

import minibert as mb
from minibert.inspection.gradient_words import gradient_words

RNG = np.random.default_rng(3)


def layer_norm(x, gamma):
    rstd = 1 / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    n = (x - x.mean(-1, keepdims=True)) * rstd
    return n * gamma, (n, rstd, gamma)


def layer_norm_backward(dy, cache, keep="all"):
    n, rstd, gamma = cache
    dn = dy if keep == "no gamma" else dy * gamma
    mean, variance = dn.mean(-1, keepdims=True), n * (dn * n).mean(-1, keepdims=True)
    if keep == "no mean":
        mean = 0
    scale = 1 if keep == "no rstd" else rstd
    dgamma = (dy * n).sum((0, 1))
    return {"x": scale * (dn - mean - variance), "gamma": dgamma.mean() if keep == "mean" else dgamma}


def words_of(keep: str) -> str:
    inputs = {"x": RNG.normal(size=(2, 3, 5)) * [[[1], [2], [3]]], "gamma": RNG.normal(size=5) + 2}
    report = mb.gradcheck((layer_norm, lambda dy, cache: layer_norm_backward(dy, cache, keep)), inputs, verbose=False)
    assert (keep == "all") == report.ok
    assert all(row.diagnosis == "" for row in report.rows if row.ok)
    assert report.ok or f"x: {report['x'].diagnosis}" in str(report).splitlines()
    return report["x"].diagnosis


def test_layer_norm() -> None:
    assert words_of("all") == ""
    assert words_of("no mean") == "what is missing is the same along the last axis: a mean or a sum over it is left out"
    assert words_of("no rstd").startswith("along the last axis it is right but for a factor")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda g: 2 * g, "every number is 2 times the right one"),
        (lambda g: -g, "the sign is flipped"),
        (lambda g: 0 * g, "it is zero: was it never computed?"),
        (lambda g: np.where(g == g.max(), np.nan, g), "1 of 16 numbers are NaN"),
        (lambda g: g.T, "the last two axes are exchanged"),
        (lambda g: g * [[1], [1], [3], [1]] + [[0], [0], [1], [0]],
         "1 of 4 rows are wrong (2) and all others right: what sets them apart?"),
        (lambda g: np.sin(5 * g), ""),
    ],
)  # fmt: skip
def test_facts(wrong, words: str) -> None:
    right = RNG.normal(size=(4, 4))
    assert gradient_words(right, right) != "the sign is flipped"
    assert gradient_words(wrong(right), right) == words


def test_repeated_tokens_stand_out() -> None:
    ids = np.array([[1, 4, 1], [5, 2, 4]])

    def backward(dy, _):
        dtable = np.zeros((6, 3))
        dtable[ids] += dy
        return {"table": dtable}

    pair = (lambda table: (table[ids], None)), backward
    report = mb.gradcheck(pair, {"table": RNG.normal(size=(6, 3))}, elements=None, verbose=False)
    assert report["table"].diagnosis.startswith("2 of 6 rows are wrong (1, 4) and all others right")


def test_of_a_large_array_only_what_was_checked_is_spoken_of() -> None:
    inputs = {"w": RNG.normal(size=(30, 30))}
    wrong = (lambda w: (w**2, w), lambda dy, w: {"w": dy * w})
    assert mb.gradcheck(wrong, inputs, verbose=False)["w"].diagnosis == "every number is 0.5 times the right one"

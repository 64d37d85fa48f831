"""Mistakes of a port's backward, each computed here by hand from the golden values."""

from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.golden.diagnosis.diagnose import diagnose
from minibert.plain import gelu_derivative
from tests.golden.models import mistaken, pair_of

LAYER = "bert.encoder.layer.1"
SELF = f"{LAYER}.attention.self"


def named(pack: Path, name: str, other: np.ndarray, words: str) -> None:
    """The mistake has these words, and the golden array itself none."""
    golden = mb.golden.open_pack(pack)[name]
    assert mistaken(pack, name, golden) == ""
    assert words in mistaken(pack, name, other.astype(golden.dtype)), name
    assert words in diagnose(pair_of(pack, name, other.astype(golden.dtype)))


@pytest.mark.parametrize("outer", ["bert.embeddings", f"{LAYER}.output", "cls.predictions.transform"])
def test_layer_norm(pack: Path, outer: str) -> None:
    g = mb.golden.open_pack(pack)
    n, rstd = g[f"{outer}.LayerNorm.normalized"], g[f"{outer}.LayerNorm.rstd"]
    dn, dy = g[f"grad/{outer}.LayerNorm.normalized"], g[f"grad/{outer}"]
    mean = dn.mean(-1, keepdims=True)
    variance = n * (dn * n).mean(-1, keepdims=True)
    x = f"grad/{outer}.{'activation' if 'transform' in outer else 'sum'}"
    for other, words in (
        (rstd * dn, "two means are left out"),
        (rstd * (dn - mean), "mean of dn n is left out"),
        (rstd * (dn - variance), "mean of dn is left out"),
        (dn - mean - variance, "rstd is left out"),
        (rstd * (dn - mean + variance), "is added; it is taken away"),
        (rstd * (dy - dy.mean(-1, keepdims=True) - n * (dy * n).mean(-1, keepdims=True)), "gamma is left out"),
    ):
        named(pack, x, other, words)
    named(pack, f"grad/{outer}.LayerNorm.normalized", dy, "gamma is left out")
    weight = f"parameter_grad/{outer}.LayerNorm.weight"
    named(pack, weight, dy.sum((0, 1)), "n is left out")
    named(pack, weight, (dn * n).sum((0, 1)), "gamma is in it")
    named(pack, weight, (dy * n).mean((0, 1)), "the mean over the tokens is taken")
    named(pack, weight, (dy * n)[0].sum(0), "the first text alone")
    named(pack, f"parameter_grad/{outer}.LayerNorm.bias", dy.mean((0, 1)), "the mean over the tokens is taken")


def test_attention(pack: Path) -> None:
    g = mb.golden.open_pack(pack)
    heads = {part: g[f"{SELF}.{part}"].reshape(2, 7, 3, 8).swapaxes(1, 2) for part in ("query", "key", "value")}
    p, dp, ds = g[f"{SELF}.probs"], g[f"grad/{SELF}.probs"], g[f"grad/{SELF}.scores"]
    dc = g[f"grad/{SELF}.context"].reshape(2, 7, 3, 8).swapaxes(1, 2)

    def merged(x: np.ndarray) -> np.ndarray:
        return x.swapaxes(1, 2).reshape(2, 7, 24)

    named(pack, f"grad/{SELF}.scores", p * dp, "p dp for p (dp - Σ dp p)")
    named(pack, f"grad/{SELF}.scores", p * (1 - p) * dp, "a sigmoid's")
    named(pack, f"grad/{SELF}.scores", p * (dp - (dp * p).sum(-2, keepdims=True)), "runs over the queries")
    named(pack, f"grad/{SELF}.query", merged(ds @ heads["key"]), "1/√K is left out")
    named(pack, f"grad/{SELF}.key", merged(ds.swapaxes(2, 3) @ heads["query"]), "1/√K is left out")
    named(pack, f"grad/{SELF}.key", merged(ds @ heads["query"]) / 8**0.5, "transposed the wrong way for dkey")
    named(pack, f"grad/{SELF}.query", merged(ds @ heads["key"]) / 8, "1/√K is applied twice")
    named(pack, f"grad/{SELF}.value", merged(p @ dc), "dvalue = probsᵀ dcontext")
    unmerged = (p.swapaxes(2, 3) @ dc).reshape(2, 7, 24)
    named(pack, f"grad/{SELF}.value", unmerged, "heads merged without moving the head axis")
    named(pack, f"grad/{SELF}.probs", dp.swapaxes(2, 3), "transposed")


@pytest.mark.parametrize("path", [f"{LAYER}.intermediate", "cls.predictions.transform"])
def test_activation(pack: Path, path: str) -> None:
    g = mb.golden.open_pack(pack)
    after = f"{path}.activation" if "transform" in path else path
    x, y, dy = g[f"{path}.dense"].astype(float), g[after].astype(float), g[f"grad/{after}"]
    name = f"grad/{path}.dense"
    np.testing.assert_allclose(dy * gelu_derivative(x), g[name], rtol=1e-3, atol=1e-6)
    named(pack, name, dy, "derivative is left out")
    named(pack, name, dy * (x > 0), "that of relu")
    named(pack, name, dy * y / x, "the second term is left out")
    named(pack, name, dy * gelu_derivative(y), "at the activation's output")


def test_logits_and_embeddings(pack: Path) -> None:
    g = mb.golden.open_pack(pack)
    labels, golden = g["input/labels"], g["grad/cls.predictions"]
    p = np.exp(g["cls.predictions"])
    p /= p.sum(-1, keepdims=True)
    counted = (labels != -100)[..., None]
    rows = int(counted.sum())
    name = "grad/cls.predictions"
    named(pack, name, golden * rows, "not divided by the number of labels")
    named(pack, name, golden * rows / labels.size, "only those with a label count")
    named(pack, name, np.where(counted, golden, p / rows), "tokens without a label get p")
    named(pack, name, p * counted / rows, "p for p - onehot")
    for factor in (3, 2, 8**0.5):  # there are two texts, and √K is the third: neither is why
        words = f"scaled by a constant: every number is {factor:.6g} times the golden one"
        assert diagnose(pair_of(pack, name, golden * np.float32(factor))) == words
    table, arriving = "bert.embeddings.word_embeddings", g["grad/bert.embeddings.word_embeddings"]
    total = g[f"parameter_grad/{table}.weight"]
    looked_up, last = np.zeros_like(total), np.zeros_like(total)
    np.add.at(looked_up, g["input_ids"], arriving)
    last[g["input_ids"]] = arriving
    named(pack, f"parameter_grad/{table}.weight", total - looked_up + last, "only the last place counts")
    named(pack, f"parameter_grad/{table}.weight", looked_up, "the decoder's part is left out")
    named(pack, f"parameter_grad/{table}.weight", total - looked_up, "the embeddings' part is left out")


def test_a_gradient_near_zero_is_no_multiple(pack: Path) -> None:
    golden = mb.golden.open_pack(pack)["grad/bert.embeddings"]
    tiny = np.random.default_rng(0).normal(size=golden.shape) * np.abs(golden).max() / 1000
    assert "scaled" not in diagnose(pair_of(pack, "grad/bert.embeddings", tiny.astype(np.float32)))

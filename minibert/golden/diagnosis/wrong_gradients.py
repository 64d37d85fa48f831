"""Known mistakes of the backward pass: what a gradient would be with a factor, a term or a sum forgotten.

Each is computed of the gradient that arrives and of the values of the forward, as the backward of that step does.
"""

import math

import numpy as np

from minibert.functional.activations import ACTIVATIONS
from minibert.functional.losses import IGNORE_INDEX
from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair
from minibert.golden.diagnosis.wrong_attention import merge_heads, softmax, split_heads
from minibert.golden.packs.named_array import GRADIENT_PREFIX, PARAMETER_GRADIENT_PREFIX

_NORMS = ("LayerNorm", "layer_norm")


def wrong_gradient(pair: TensorPair) -> Mistakes:
    """The gradient of a value, made wrongly by the step that the value went into."""
    name = pair.name.removeprefix(GRADIENT_PREFIX)
    outer, _, last = name.rpartition(".")
    if last == "scores":
        yield from _of_scores(pair, outer)
    elif last in ("query", "key", "value", "probs") and outer.endswith(".self"):
        yield from _of_attention(pair, outer, last)
    elif last == "normalized":
        dy = _arriving(pair, outer.removesuffix(".LayerNorm"))
        if dy is not None:
            yield "gamma is left out: y = gamma n + beta, so dn = gamma dy", dy
    elif last in ("sum", "activation") or name.endswith(".output.dense"):
        yield from _of_norm_input(pair, outer)
    elif last == "dense":
        yield from _of_activation(pair, name)
    else:
        yield from _of_logits(pair, name)


def wrong_parameter_gradient(pair: TensorPair) -> Mistakes:
    """The gradient of a parameter, added up wrongly."""
    name = pair.name.removeprefix(PARAMETER_GRADIENT_PREFIX)
    outer, _, last = name.rpartition(".")
    norm = f"{outer}.normalized"
    if norm in pair.pack:
        yield from _of_norm_parameters(pair, outer, last)
    elif outer.endswith("word_embeddings"):
        yield from _of_word_embeddings(pair, outer)


def _arriving(pair: TensorPair, name: str) -> np.ndarray | None:
    """The gradient that arrives at a value, as far as the other side's is known; else the golden one."""
    return pair.value_fed(f"{GRADIENT_PREFIX}{name}")


def _mean(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return x.mean(axis=axis, keepdims=True)


def _of_norm_input(pair: TensorPair, outer: str) -> Mistakes:
    """dx = rstd (dn - mean(dn) - n mean(dn n)), over the last axis."""
    path = next((f"{outer}.{norm}" for norm in _NORMS if f"{outer}.{norm}.normalized" in pair.pack), "")
    n, rstd = pair.golden_value(f"{path}.normalized"), pair.golden_value(f"{path}.rstd")
    dn = _arriving(pair, f"{path}.normalized")
    if n is None or rstd is None or dn is None or dn.shape != pair.other.shape:
        return
    through_mean, through_variance = _mean(dn), n * _mean(dn * n)
    yield "LayerNorm's two means are left out: what flows through the mean and the variance", rstd * dn
    yield "LayerNorm's mean of dn n is left out: what flows through the variance", rstd * (dn - through_mean)
    yield "LayerNorm's mean of dn is left out: what flows through the mean", rstd * (dn - through_variance)
    yield "rstd is left out of LayerNorm's backward", dn - through_mean - through_variance
    yield "LayerNorm's backward divides by rstd, which is 1 / √(variance + eps) already", (
        (dn - through_mean - through_variance) / rstd
    )
    yield "LayerNorm's mean of dn n is added; it is taken away", rstd * (dn - through_mean + through_variance)
    yield "LayerNorm's means run over the tokens, not over the hidden width", rstd * (
        dn - _mean(dn, 1) - n * _mean(dn * n, 1)
    )
    width = n.shape[-1]
    yield "LayerNorm's means are sums", rstd * (dn - width * through_mean - width * through_variance)
    dy = _arriving(pair, outer)
    if dy is not None:
        words = "gamma is left out of LayerNorm's backward: dn = gamma dy"
        yield words, rstd * (dy - _mean(dy) - n * _mean(dy * n))
        yield "LayerNorm's backward is left out: the gradient passes as it is", dy


def _of_scores(pair: TensorPair, outer: str) -> Mistakes:
    """ds = p (dp - Σ dp p), over the keys."""
    p, dp = pair.golden_value(f"{outer}.probs"), _arriving(pair, f"{outer}.probs")
    if p is None or dp is None:
        return
    row = (dp * p).sum(axis=-1, keepdims=True)
    right = p * (dp - row)
    yield "the sum of softmax's backward is left out: p dp for p (dp - Σ dp p)", p * dp
    yield "softmax's backward is a sigmoid's: p (1 - p) dp for p (dp - Σ dp p)", p * (1 - p) * dp
    yield "softmax's backward is left out: the gradient passes as it is", dp
    yield "the sum of softmax's backward runs over the queries", p * (dp - (dp * p).sum(axis=-2, keepdims=True))
    yield "p is left out of the sum: Σ dp for Σ dp p", p * (dp - dp.sum(axis=-1, keepdims=True))
    yield "p is left out before the bracket of softmax's backward", dp - row
    root = math.sqrt(int(pair.config.get("hidden_size", 1)) / pair.heads)
    yield "divided by √K already: here the scores' own gradient stands, behind the scale", right / root


def _of_attention(pair: TensorPair, outer: str, last: str) -> Mistakes:
    """dp = dc vᵀ, dv = pᵀ dc, dq = ds k / √K, dk = dsᵀ q / √K."""
    found = {part: pair.golden_value(f"{outer}.{part}") for part in ("query", "key", "value")}
    p, ds, dc = pair.golden_value(f"{outer}.probs"), _arriving(pair, f"{outer}.scores"), _arriving(pair, outer)
    if dc is None:
        dc = _arriving(pair, f"{outer}.context")
    if any(each is None or each.ndim != 3 for each in found.values()) or p is None or ds is None or dc is None:
        return
    query, key, value = (split_heads(each, pair.heads) for each in found.values() if each is not None)
    if p.shape[-1] != p.shape[-2]:
        return
    dc, root = split_heads(dc, pair.heads), math.sqrt(query.shape[-1])
    if last == "probs":
        yield "dprobs is transposed: dcontext valueᵀ belongs", value @ dc.swapaxes(-1, -2)
    elif last == "value":
        yield "the probabilities are not transposed: dvalue = probsᵀ dcontext", merge_heads(p @ dc)
        yield from _unmerged(p.swapaxes(-1, -2) @ dc)
    else:
        scores, other = (ds, key) if last == "query" else (ds.swapaxes(-1, -2), query)
        yield f"1/√K is left out: d{last} is divided by it as the scores are", merge_heads(scores @ other)
        yield "1/√K is applied twice", merge_heads(scores @ other) / root**2
        yield f"dscores is transposed the wrong way for d{last}", merge_heads(scores.swapaxes(-1, -2) @ other) / root
        own = query if last == "query" else key
        yield f"d{last} is made of the {last} itself, not of the other factor", merge_heads(scores @ own) / root
        yield from _unmerged(scores @ other / root)


def _unmerged(x: np.ndarray) -> Mistakes:
    batch, heads, tokens, width = x.shape
    words = "heads merged without moving the head axis behind the tokens first"
    yield words, x.reshape(batch, tokens, heads * width)


def _of_activation(pair: TensorPair, name: str) -> Mistakes:
    """dx = dy act'(x)."""
    path, act = name.removesuffix(".dense"), str(pair.config.get("hidden_act", "gelu"))
    after = f"{path}.activation" if f"{path}.activation" in pair.pack else path
    x, y, dy = pair.golden_value(name), pair.golden_value(after), _arriving(pair, after)
    if x is None or y is None or dy is None or x.shape != dy.shape:
        return
    yield "the activation's derivative is left out", dy
    for other in dict.fromkeys(("gelu", "gelu_new", "relu", "silu", "tanh")):
        derivative = ACTIVATIONS[other].derivative
        if other != act and derivative is not None:
            yield f"the derivative is that of {other}, not of {act}", dy * derivative(x)
    derivative = ACTIVATIONS[act].derivative if act in ACTIVATIONS else None
    if derivative is not None:
        yield "the derivative is taken at the activation's output, not at its input", dy * derivative(y)
    if act == "gelu":
        with np.errstate(divide="ignore", invalid="ignore"):
            cdf = np.where(x == 0, 0.5, y / x)
        yield "GELU's derivative is Φ(x) + x φ(x): the second term is left out", dy * cdf


def _of_logits(pair: TensorPair, name: str) -> Mistakes:
    """dlogits = (p - onehot) / M at the M labelled tokens."""
    logits, labels = pair.golden_value(name), pair.golden_value("input/labels")
    if logits is None or labels is None or labels.shape != logits.shape[:-1] or labels.dtype.kind not in "fiu":
        return
    counted = (labels != IGNORE_INDEX)[..., None]
    places = np.where(counted[..., 0], labels, 0).astype(int)
    if places.min() < 0 or places.max() >= logits.shape[-1]:
        return
    p, onehot, rows = softmax(logits), np.eye(logits.shape[-1])[places], max(int(counted.sum()), 1)
    right = (p - onehot) * counted / rows
    if np.abs(right - pair.golden).max() > 1e-3 * np.abs(pair.golden).max():
        return  # another loss
    yield "divided by the number of all tokens: only those with a label count", right * rows / counted.size
    yield "not divided by the number of labels: the loss is their mean", right * rows
    yield "divided by the number of texts: it is the number of labels", right * rows / len(logits)
    yield "tokens without a label get p: they get zero", (p - onehot * counted) / rows
    yield f"labels of {IGNORE_INDEX} are taken for class 0", (p - onehot) / rows
    yield f"labels of {IGNORE_INDEX} are taken for class 0, and counted", (p - onehot) / counted.size
    yield "1 is not taken away at the label: p for p - onehot", p * counted / rows
    yield "softmax is left out: the logits for p", (logits - onehot) * counted / rows
    yield "softmax runs over the tokens, not over the classes", (softmax(logits, 1) - onehot) * counted / rows


def _of_norm_parameters(pair: TensorPair, path: str, last: str) -> Mistakes:
    """dgamma = Σ dy n and dbeta = Σ dy, over all tokens."""
    n, dn = pair.golden_value(f"{path}.normalized"), _arriving(pair, f"{path}.normalized")
    dy = _arriving(pair, path.rpartition(".")[0]) if path.endswith(_NORMS) else None
    if n is None or dy is None or dy.shape != n.shape:
        return
    rows = tuple(range(n.ndim - 1))
    count = n.size // n.shape[-1]
    terms = dy * n if last == "weight" else dy
    if last == "weight":
        yield "n is left out: dgamma = Σ dy n", dy.sum(axis=rows)
        if dn is not None:
            yield "gamma is in it: dgamma = Σ dy n, of dy and not of gamma dy", (dn * n).sum(axis=rows)
    yield "the mean over the tokens is taken: it is the sum", terms.sum(axis=rows) / count
    if n.ndim > 2:
        yield "the first text alone is added up", terms[0].sum(axis=0)
        yield "the last text alone is added up", terms[-1].sum(axis=0)


def _of_word_embeddings(pair: TensorPair, path: str) -> Mistakes:
    """dtable[id] = Σ of what arrives wherever the id stands, and where they are tied the decoder's part."""
    ids, arriving = pair.golden_value("input_ids"), _arriving(pair, path)
    if ids is None or arriving is None or arriving.shape[:-1] != ids.shape:
        return
    rows, flat = ids.astype(int).reshape(-1), arriving.reshape(-1, arriving.shape[-1])
    looked_up = np.zeros_like(pair.golden)
    np.add.at(looked_up, rows, flat)
    decoder = pair.golden - looked_up
    last = np.zeros_like(looked_up)
    last[rows] = flat
    yield "of a token that occurs more than once only the last place counts: += at repeated ids; add them up", (
        decoder + last
    )
    counts = np.maximum(np.bincount(rows, minlength=len(looked_up)), 1)[:, None]
    yield "of a token that occurs more than once the mean is taken: it is the sum", decoder + looked_up / counts
    yield "the decoder's part is left out: the weight is tied, and gets both", looked_up
    yield "the embeddings' part is left out: the weight is tied, and gets both", decoder

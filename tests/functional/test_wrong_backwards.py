"""Testing the tests: wrong backward passes, each of which the gradient checks must reject.

Every one is a mistake that somebody makes: a sign, a scale, a dropped term, heads not swapped back. Beside each
group stands the right backward, which must pass, so that a rejection is for the mistake and nothing else.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minibert import functional as F
from minibert.models import attention, layer, module, pooler, tasks
from minibert.models.attention import SelfAttention
from minibert.models.layer import Attention, Layer
from minibert.models.module import Embedding
from minibert.models.pooler import Pooler
from minibert.trace import Backward
from tests.gradients import GradientMismatch, check_every_entry, rng_of
from tests.models.test_gradients import Check, Setting

Array = np.ndarray
B, N, T, K, D = 2, 4, 3, 5, 6  # T queries and T keys, so that a swap of the two keeps the shapes

# the right backward of every primitive, as a check that takes another in its place


def check_softmax(backward: Callable[..., Any] = F.softmax_backward) -> None:
    x = rng_of(51).normal(size=(B, N, T, T))
    check_every_entry(lambda: F.softmax(x), lambda dy: backward(dy, F.softmax(x)), {"x": x})


def check_layer_norm(backward: Callable[..., Any] = F.layer_norm_backward) -> None:
    g = rng_of(52)
    x, weight, bias = g.normal(size=(B, T, D)), g.normal(size=D), g.normal(size=D)
    check_every_entry(
        lambda: F.layer_norm(x, weight, bias, 1e-5)[0],
        lambda dy: backward(dy, F.layer_norm(x, weight, bias, 1e-5)[1], weight),
        {"x": x, "weight": weight, "bias": bias},
    )


def check_linear(backward: Callable[..., Any] = F.linear_backward) -> None:
    g = rng_of(53)
    x, weight, bias = g.normal(size=(B, D, D)), g.normal(size=(D, D)), g.normal(size=D)  # square: a transpose fits
    check_every_entry(
        lambda: F.linear(x, weight, bias),
        lambda dy: backward(dy, x, weight),
        {"x": x, "weight": weight, "bias": bias},
    )


def check_scores(backward: Callable[..., Any] = F.attention_scores_backward) -> None:
    g = rng_of(54)
    query, key = g.normal(size=(B, N, T, K)), g.normal(size=(B, N, T, K))
    check_every_entry(
        lambda: F.attention_scores(query, key), lambda dy: backward(dy, query, key), {"query": query, "key": key}
    )


def check_context(backward: Callable[..., Any] = F.attention_context_backward) -> None:
    g = rng_of(55)
    probs, value = g.normal(size=(B, T, T, T)), g.normal(size=(B, T, T, K))  # as many heads as tokens
    check_every_entry(
        lambda: F.attention_context(probs, value),
        lambda dy: backward(dy, probs, value),
        {"probs": probs, "value": value},
    )


def check_relative(backward: Callable[..., Any] = F.relative_scores_backward) -> None:
    g = rng_of(56)
    x, table = g.normal(size=(B, N, T, K)), g.normal(size=(2 * T - 1, K))
    distance = np.arange(T)[:, None] - np.arange(T)[None, :] + T - 1
    check_every_entry(
        lambda: F.relative_scores(x, table, distance),
        lambda dy: backward(dy, x, table, distance),
        {"x": x, "table": table},
    )


def check_dropout(backward: Callable[..., Any] = F.dropout_backward) -> None:
    g = rng_of(57)
    x, mask = g.normal(size=(B, T, D)), g.random((B, T, D)) < 0.7
    check_every_entry(lambda: F.dropout(x, mask, 0.3), lambda dy: backward(dy, mask, 0.3), {"x": x})


def check_embedding(backward: Callable[..., Any] = F.embedding_backward) -> None:
    table, ids = rng_of(58).normal(size=(5, D)), np.array([[3, 1, 3], [0, 3, 0]])
    check_every_entry(lambda: F.embedding(ids, table), lambda dy: backward(dy, ids, 5), {"table": table})


def check_cross_entropy(backward: Callable[..., Any] = F.cross_entropy_backward) -> None:
    logits, labels = rng_of(59).normal(size=(B, T, D)), np.array([[1, -100, 0], [3, 3, -100]])
    check_every_entry(
        lambda: F.cross_entropy(logits, labels)[0],
        lambda dy: backward(dy, F.cross_entropy(logits, labels)[1]),
        {"logits": logits},
    )


def check_squares(backward: Callable[..., Any] = F.mean_squared_error_backward) -> None:
    x, target = rng_of(60).normal(size=(2, B, T))
    check_every_entry(
        lambda: F.mean_squared_error(x, target)[0],
        lambda dy: backward(dy, F.mean_squared_error(x, target)[1]),
        {"x": x},
    )


def check_binary(backward: Callable[..., Any] = F.binary_cross_entropy_with_logits_backward) -> None:
    g = rng_of(61)
    x, target = g.normal(size=(B, T)), g.random((B, T))
    check_every_entry(
        lambda: F.binary_cross_entropy_with_logits(x, target)[0],
        lambda dy: backward(dy, F.binary_cross_entropy_with_logits(x, target)[1]),
        {"x": x},
    )


def check_gelu(backward: Callable[..., Any] = F.ACTIVATIONS["gelu"].backward) -> None:
    x = rng_of(62).normal(size=(B, T, D))
    check_every_entry(lambda: F.ACTIVATIONS["gelu"].forward(x), lambda dy: backward(dy, x), {"x": x})


CHECKS = [check_softmax, check_layer_norm, check_linear, check_scores, check_context, check_relative, check_dropout,
          check_embedding, check_cross_entropy, check_squares, check_binary, check_gelu]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS)
def test_the_right_one_passes(check: Callable[[], None]) -> None:
    check()


# the wrong ones


def mean(x: Array) -> Array:
    return x.mean(axis=-1, keepdims=True)


def softmax_axis(dy: Array, p: Array) -> Array:
    return p * (dy - (dy * p).sum(axis=-2, keepdims=True))


def norm(dx: Callable[..., Array], dweight: Any = None, dbias: Any = None) -> Callable[..., Any]:
    """A layer norm backward with another dx, dweight or dbias."""

    def backward(dy: Array, cache: Any, weight: Array) -> tuple[Array, ...]:
        n, rstd = cache
        return (
            dx(dy, dy * weight, n, rstd),
            (dy * n).sum(axis=(0, 1)) if dweight is None else dweight(dy, n),
            dy.sum(axis=(0, 1)) if dbias is None else dbias(dy),
        )

    return backward


def right_dx(dy: Array, dn: Array, n: Array, rstd: Array) -> Array:
    return rstd * (dn - mean(dn) - n * mean(dn * n))


def linear_with(**changes: Callable[..., Array]) -> Callable[..., Any]:
    """A linear backward with one of dx, dweight, dbias changed."""

    def backward(dy: Array, x: Array, weight: Array) -> tuple[Array, ...]:
        right = dict(zip(("dx", "dweight", "dbias"), F.linear_backward(dy, x, weight), strict=True))
        return tuple(changes[name](dy, x, weight) if name in changes else array for name, array in right.items())

    return backward


def context_without_swap(dc: Array, probs: Array, value: Array) -> tuple[Array, Array]:
    heads = dc.reshape(*probs.shape[:3], value.shape[-1])  # tokens read as heads
    return heads @ value.swapaxes(-1, -2), probs.swapaxes(-1, -2) @ heads


def relative_overwritten(ds: Array, x: Array, table: Array, distance: Array) -> tuple[Array, Array]:
    dx, dtable = F.relative_scores_backward(ds, x, table, distance)
    dtable = np.zeros_like(dtable)
    for b, n in np.ndindex(x.shape[:2]):  # = where += belongs
        dtable[distance] = ds[b, n][:, :, None] * x[b, n][:, None, :]
    return dx, dtable


def embedding_overwritten(dy: Array, ids: Array, rows: int) -> Array:
    dtable = np.zeros((rows, dy.shape[-1]))
    dtable[ids] += dy  # only the last of several equal ids stays
    return dtable


def embedding_mean(dy: Array, ids: Array, rows: int) -> Array:
    return F.embedding_backward(dy, ids, rows) / np.maximum(np.bincount(ids.ravel(), minlength=rows), 1)[:, None]


def entropy(change: Callable[[Array, Any], Array]) -> Callable[..., Array]:
    """A cross entropy backward: change(dlogits, cache)."""
    return lambda dloss, cache: change(F.cross_entropy_backward(dloss, cache), cache) * 1.0


def entropy_without_onehot(dloss: Array, cache: Any) -> Array:
    dlogits = np.zeros(cache.shape)
    dlogits.reshape(-1, cache.shape[-1])[cache.rows] = np.exp(cache.log_probs) * dloss / cache.labels.size
    return dlogits


WRONG: dict[str, tuple[Callable[..., None], Callable[..., Any]]] = {
    "softmax: sign": (check_softmax, lambda dy, p: p * ((dy * p).sum(axis=-1, keepdims=True) - dy)),
    "softmax: no derivative": (check_softmax, lambda dy, p: dy),
    "softmax: zeros": (check_softmax, lambda dy, p: np.zeros_like(p)),
    "softmax: sum dropped": (check_softmax, lambda dy, p: dy * p),
    "softmax: p not applied": (check_softmax, lambda dy, p: dy - (dy * p).sum(axis=-1, keepdims=True)),
    "softmax: mean instead of sum": (check_softmax, lambda dy, p: p * (dy - mean(dy * p))),
    "softmax: sum over the wrong axis": (check_softmax, softmax_axis),
    "softmax: elementwise p (1 - p)": (check_softmax, lambda dy, p: dy * p * (1 - p)),
    "layer norm: without the first mean": (
        check_layer_norm, norm(lambda dy, dn, n, rstd: rstd * (dn - n * mean(dn * n)))),
    "layer norm: without the second mean": (
        check_layer_norm, norm(lambda dy, dn, n, rstd: rstd * (dn - mean(dn)))),
    "layer norm: second mean without n": (
        check_layer_norm, norm(lambda dy, dn, n, rstd: rstd * (dn - mean(dn) - mean(dn * n)))),
    "layer norm: without rstd": (check_layer_norm, norm(lambda dy, dn, n, rstd: right_dx(dy, dn, n, 1.0))),
    "layer norm: without gamma": (check_layer_norm, norm(lambda dy, dn, n, rstd: right_dx(dy, dy, n, rstd))),
    "layer norm: rstd squared": (check_layer_norm, norm(lambda dy, dn, n, rstd: right_dx(dy, dn, n, rstd**2))),
    "layer norm: unbiased means": (
        check_layer_norm,
        norm(lambda dy, dn, n, rstd: rstd * (dn - (mean(dn) + n * mean(dn * n)) * D / (D - 1)))),
    "layer norm: dgamma without n": (check_layer_norm, norm(right_dx, dweight=lambda dy, n: dy.sum(axis=(0, 1)))),
    "layer norm: dgamma a mean": (check_layer_norm, norm(right_dx, dweight=lambda dy, n: (dy * n).mean(axis=(0, 1)))),
    "layer norm: dbeta of one sentence": (check_layer_norm, norm(right_dx, dbias=lambda dy: dy[0].sum(axis=0))),
    "linear: weight transposed": (check_linear, linear_with(dx=lambda dy, x, w: dy @ w.T)),
    "linear: dweight transposed": (
        check_linear, linear_with(dweight=lambda dy, x, w: np.einsum("bti,bto->io", x, dy))),
    "linear: dbias summed over the wrong axis": (
        check_linear, linear_with(dbias=lambda dy, x, w: dy.sum(axis=(0, 2)))),
    "linear: dbias a mean": (check_linear, linear_with(dbias=lambda dy, x, w: dy.mean(axis=(0, 1)))),
    "linear: dweight of one sentence": (
        check_linear, linear_with(dweight=lambda dy, x, w: dy[0].T @ x[0])),
    "scores: dquery and dkey swapped": (check_scores, lambda ds, q, k: F.attention_scores_backward(ds, q, k)[::-1]),
    "scores: dkey without transpose": (check_scores, lambda ds, q, k: (ds @ k, ds @ q)),
    "scores: dquery from the query": (
        check_scores, lambda ds, q, k: (ds @ q, ds.swapaxes(-1, -2) @ q)),
    "context: heads not swapped back": (check_context, context_without_swap),
    "context: dvalue without transpose": (
        check_context, lambda dc, p, v: (F.attention_context_backward(dc, p, v)[0], p @ F.split_heads(dc, p.shape[1]))),
    "relative: table overwritten": (check_relative, relative_overwritten),
    "relative: distances the other way": (
        check_relative, lambda ds, x, table, distance: F.relative_scores_backward(ds, x, table, distance.T)),
    "dropout: without scale": (check_dropout, lambda dy, mask, p: dy * mask),
    "dropout: without mask": (check_dropout, lambda dy, mask, p: dy / (1 - p)),
    "dropout: scaled by 1 / p": (check_dropout, lambda dy, mask, p: dy * mask / p),
    "dropout: mask turned round": (check_dropout, lambda dy, mask, p: dy * ~mask / (1 - p)),
    "embedding: repeated ids overwritten": (check_embedding, embedding_overwritten),
    "embedding: mean instead of sum": (check_embedding, embedding_mean),
    "embedding: a row off": (
        check_embedding, lambda dy, ids, rows: np.roll(F.embedding_backward(dy, ids, rows), 1, axis=0)),
    "cross entropy: without onehot": (check_cross_entropy, entropy_without_onehot),
    "cross entropy: sum instead of mean": (check_cross_entropy, entropy(lambda d, cache: d * cache.labels.size)),
    "cross entropy: ignored rows counted": (
        check_cross_entropy, entropy(lambda d, cache: d * cache.labels.size / (B * T))),
    "cross entropy: a gradient in ignored rows": (
        check_cross_entropy, entropy(lambda d, cache: np.where(d.any(axis=-1, keepdims=True), d, 1 / D))),
    "cross entropy: upstream gradient forgotten": (
        check_cross_entropy, lambda dloss, cache: F.cross_entropy_backward(1.0, cache)),
    "squares: factor 2 forgotten": (check_squares, lambda dloss, d: d * dloss / d.size),
    "squares: divided by rows only": (check_squares, lambda dloss, d: 2 * d * dloss / len(d)),
    "binary: sign": (check_binary, lambda dloss, c: -F.binary_cross_entropy_with_logits_backward(dloss, c)),
    "binary: without sigmoid": (check_binary, lambda dloss, c: (c.logits - c.target) * dloss / c.logits.size),
    "binary: sum instead of mean": (
        check_binary, lambda dloss, c: F.binary_cross_entropy_with_logits_backward(dloss, c) * c.logits.size),
    "gelu: density term dropped": (
        check_gelu, lambda dy, x: dy * np.vectorize(lambda v: (1 + math.erf(v / math.sqrt(2))) / 2)(x)),
    "gelu: the tanh form's derivative": (check_gelu, lambda dy, x: F.ACTIVATIONS["gelu_new"].backward(dy, x)),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_primitives_are_rejected(mistake: str) -> None:
    check, backward = WRONG[mistake]
    with pytest.raises(GradientMismatch):
        check(backward)


# whole models with one part of their backward replaced


def replace(target: Any, name: str, wrong: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Put wrong(right) in the place of target.name."""
    return lambda patch: patch.setattr(target, name, wrong(getattr(target, name)))


def scaled(factor: float) -> Callable[..., Any]:
    """The same backward, its results times a factor."""
    return lambda right: lambda *args: tuple(part * factor for part in right(*args))


def keep_last(right: Callable[..., None]) -> Callable[..., None]:
    """A tied weight's second use overwrites the first."""

    def add(self: Backward, name: str, gradient: Array) -> None:
        self.grads[name] = gradient

    return add


def embedding_overwrites(right: Callable[..., None]) -> Callable[..., None]:
    def backward(self: Embedding, dy: Array, back: Backward) -> None:
        back.grads.pop(self.names["weight"], None)
        right(self, dy, back)

    return backward


def padding_learns(right: Callable[..., None]) -> Callable[..., None]:
    def backward(self: Embedding, dy: Array, back: Backward) -> None:
        self.padding_idx, kept = None, self.padding_idx
        right(self, dy, back)
        self.padding_idx = kept

    return backward


def positions_of_the_first_sentence(right: Callable[..., None]) -> Callable[..., None]:
    def backward(self: Embedding, dy: Array, back: Backward) -> None:
        if "position" in self.path:
            dy = back.trace.grad["embeddings.sum"][:1]
        right(self, dy, back)

    return backward


def without_residual(right: Callable[..., Any]) -> Callable[..., Any]:
    def backward(self: Attention, dy: Array, back: Backward) -> Any:
        dcontext, _ = self.output.backward(dy, back)
        return self.self.backward(dcontext, back)

    return backward


def residual_of_attention_only(right: Callable[..., Any]) -> Callable[..., Any]:
    def backward(self: Layer, dy: Array, back: Backward) -> Any:
        dintermediate, _ = self.output.backward(back.arrive(self.path, dy), back)
        return self.attention.backward(self.intermediate.backward(dintermediate, back), back)

    return backward


def pooler_everywhere(right: Callable[..., Any]) -> Callable[..., Any]:
    def backward(self: Pooler, dy: Array, back: Backward) -> Any:
        dhidden = right(self, dy, back)
        return np.broadcast_to(dhidden[:, :1] / dhidden.shape[1], dhidden.shape).copy()

    return backward


def pooler_without_tanh(right: Callable[..., Any]) -> Callable[..., Any]:
    def backward(self: Pooler, dy: Array, back: Backward) -> Any:
        _, shape = back.saved(self.path)
        dhidden = np.zeros(shape)
        dhidden[:, 0] = self.dense.backward(back.arrive(self.path, dy), back)
        return dhidden

    return backward


def value_branch_lost(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, dq, dk, dv, back: right(self, dq, dk, dv * 0.0, back)


def first_new_tokens(right: Callable[..., Any]) -> Callable[..., Any]:
    """With a cache: the gradient of the cached keys given to the new tokens."""
    return lambda self, dq, dk, dv, back: right(self, dq, np.roll(dk, 1, axis=2), dv, back)


def head_mask_forgotten(right: Callable[..., Any]) -> Callable[..., Any]:
    def backward(self: SelfAttention, dcontext: Array, back: Backward) -> Any:
        head_mask, probs = back.peek(self.at("head_mask"))
        back.trace.tape[self.at("head_mask")] = (np.ones_like(head_mask), probs)
        return right(self, dcontext, back)

    return backward


def shifted_the_other_way(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda back: np.roll(right(back), 1, axis=1)


def same_for_both(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda back: tuple(part * 2 for part in right(back))


TIED = ("BertForMaskedLM", Setting({"num_hidden_layers": 1}, {"labels": True}))
BARE = ("BertModel", Setting({"num_hidden_layers": 1}))
MASKED = ("BertModel", Setting({"num_hidden_layers": 1}, {"head_mask": True}))
CAUSAL = ("BertLMHeadModel", Setting({"num_hidden_layers": 1}, {"labels": True}))
CACHED = ("BertModel", Setting({"num_hidden_layers": 1, "is_decoder": True}, past=2))
RELATIVE = ("BertModel", Setting({"num_hidden_layers": 1, "position_embedding_type": "relative_key_query"}))
TRAINED = ("BertModel", Setting({"num_hidden_layers": 1, "hidden_dropout_prob": 0.4}, train=True))
SPAN = ("BertForQuestionAnswering", Setting({"num_hidden_layers": 1}, {"labels": True}))

WRONG_MODELS: dict[str, tuple[tuple[str, Setting], Callable[[pytest.MonkeyPatch], None]]] = {
    "the tied weight's accumulation is missing": (TIED, replace(module.Embedding, "backward", embedding_overwrites)),
    "gradients of one name overwrite": (RELATIVE, replace(Backward, "add", keep_last)),
    "the padding row learns": (BARE, replace(module.Embedding, "backward", padding_learns)),
    "positions are not summed over the batch": (
        BARE, replace(module.Embedding, "backward", positions_of_the_first_sentence)),
    "1 / √K is missing": (BARE, replace(attention.F, "attention_scores_backward", scaled(math.sqrt(5)))),
    "the residual's gradient is dropped": (BARE, replace(layer.Attention, "backward", without_residual)),
    "the feed-forward's residual is dropped": (BARE, replace(layer.Layer, "backward", residual_of_attention_only)),
    "the pooler's gradient is spread over tokens": (BARE, replace(pooler.Pooler, "backward", pooler_everywhere)),
    "the pooler's tanh is forgotten": (BARE, replace(pooler.Pooler, "backward", pooler_without_tanh)),
    "values get no gradient": (BARE, replace(attention.SelfAttention, "projections_backward", value_branch_lost)),
    "cached keys' gradient goes to new tokens": (
        CACHED, replace(attention.SelfAttention, "projections_backward", first_new_tokens)),
    "softmax's derivative is left out": (BARE, replace(attention.F, "softmax_backward", lambda _: lambda dp, p: dp)),
    "the head mask is forgotten": (MASKED, replace(attention.SelfAttention, "backward", head_mask_forgotten)),
    "dropout is not scaled": (TRAINED, replace(module.F, "dropout_backward", lambda _: lambda dy, mask, p: dy * mask)),
    "next tokens are shifted the other way": (
        CAUSAL, replace(tasks, "next_token_loss_backward", shifted_the_other_way)),
    "the two span losses are not halved": (SPAN, replace(tasks, "span_loss_backward", same_for_both)),
    "the norm's dx is dn": (
        BARE, replace(module.F, "layer_norm_backward",
                      lambda right: lambda dy, cache, w: (dy * w * cache.rstd, *right(dy, cache, w)[1:]))),
}  # fmt: skip


@pytest.mark.parametrize("case", [TIED, BARE, MASKED, CAUSAL, CACHED, RELATIVE, TRAINED, SPAN])
def test_right_models_pass(case: tuple[str, Setting]) -> None:
    Check(*case).run()


@pytest.mark.parametrize("mistake", WRONG_MODELS)
def test_wrong_models_are_rejected(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, patch = WRONG_MODELS[mistake]
    patch(monkeypatch)
    with pytest.raises((GradientMismatch, AssertionError)) as found:
        Check(*case).run()
    if not isinstance(found.value, GradientMismatch):
        assert "padding row" in str(found.value)


def test_there_are_enough() -> None:
    assert len(WRONG) + len(WRONG_MODELS) >= 25

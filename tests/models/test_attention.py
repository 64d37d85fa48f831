"""Attention against softmax(q kᵀ / √K + mask) v, computed one head and one token after the other."""

import numpy as np
import pytest

import minibert as mb
from minibert.models.attention import SelfAttention
from minibert.trace import Run
from tests.gradients import rng_of
from tests.models import by_hand
from tests.models.parts import check_part, filled, traced
from tests.small_models import B, D, N, S, T, small_config

LOWEST = np.finfo(np.float64).min
CONFIG = small_config("BertModel")
HIDDEN, STATES = rng_of(60).normal(size=(B, T, D)), rng_of(61).normal(size=(B, S, D))
PADDED = np.array([[0.0, 0.0, 0.0], [0.0, LOWEST, LOWEST]])[:, None, None]  # (B, 1, 1, T)
CAUSAL = np.triu(np.full((T, T), LOWEST), 1)[None, None]  # (1, 1, T, T)


def attention(cross: bool = False) -> SelfAttention:
    return filled(lambda parameters: SelfAttention("self", parameters, CONFIG, 0, cross))


@pytest.mark.parametrize("mask", [None, PADDED, CAUSAL], ids=["no mask", "padding", "causal"])
@pytest.mark.parametrize("heads", [None, np.array([1.0, 0.0, 0.5, 2.0])], ids=["all heads", "head mask"])
def test_context_and_probs(mask: np.ndarray | None, heads: np.ndarray | None) -> None:
    part = attention()
    head_mask = None if heads is None else heads.reshape(1, N, 1, 1)
    context, probs = part.forward(HIDDEN, HIDDEN, Run(), mask, head_mask)
    rows = None if mask is None else mask[:, 0]
    expected, expected_probs = by_hand.attention(HIDDEN, HIDDEN, part.parameters, "self", N, rows, heads)
    np.testing.assert_allclose(context, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(probs, expected_probs, rtol=1e-12, atol=1e-13)


def test_every_token_divides_itself_among_those_it_may_see() -> None:
    _, probs = attention().forward(HIDDEN, HIDDEN, Run(), np.minimum(PADDED, CAUSAL))
    np.testing.assert_allclose(probs.sum(axis=-1), 1.0, rtol=1e-14)
    assert not probs[1, :, :, 1:].any()  # padding
    assert not probs[0][:, np.triu_indices(T, 1)[0], np.triu_indices(T, 1)[1]].any()  # the future


def test_cross_attention_takes_keys_and_values_of_the_encoder() -> None:
    part = attention(cross=True)
    context, probs = part.forward(HIDDEN, STATES, Run())
    expected, expected_probs = by_hand.attention(HIDDEN, STATES, part.parameters, "self", N)
    np.testing.assert_allclose(context, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(probs, expected_probs, rtol=1e-12, atol=1e-13)


def test_token_by_token_with_a_cache_is_the_whole() -> None:
    part, cache = attention(), mb.Cache()
    whole, _ = part.forward(HIDDEN, HIDDEN, Run(), CAUSAL)
    for t in range(T):
        token = HIDDEN[:, t : t + 1]
        context, probs = part.forward(token, token, Run(), cache=cache)
        assert probs.shape == (B, N, 1, t + 1)
        np.testing.assert_allclose(context[:, 0], whole[:, t], rtol=1e-12, atol=1e-13)


def test_the_encoders_keys_are_made_once() -> None:
    part, cache = attention(cross=True), mb.Cache()
    first, _ = part.forward(HIDDEN, STATES, Run(), cache=cache)
    again, _ = part.forward(HIDDEN, np.full_like(STATES, np.nan), Run(), cache=cache)
    np.testing.assert_array_equal(again, first)


def test_a_trace_holds_every_step() -> None:
    part = attention()
    run, trace = traced(part)
    context, probs = part.forward(HIDDEN, HIDDEN, run, PADDED)
    assert list(trace) == [f"self.{name}" for name in ("query", "key", "value", "scores", "probs", "context")]
    np.testing.assert_array_equal(trace["self.context"], context)
    np.testing.assert_array_equal(trace["self.probs"], probs)
    unmasked = trace["self.scores"][0]
    np.testing.assert_allclose(np.exp(unmasked) / np.exp(unmasked).sum(-1, keepdims=True), probs[0], rtol=1e-12)


def test_dropout_stands_between_softmax_and_values() -> None:
    config = small_config("BertModel", attention_probs_dropout_prob=0.4)
    part = filled(lambda parameters: SelfAttention("self", parameters, config, 0))
    run, trace = traced(part, np.random.default_rng(3))
    context, dropped = part.forward(HIDDEN, HIDDEN, run)
    kept = trace["self.dropout.mask"]
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(dropped, trace["self.probs"] * kept / 0.6, rtol=1e-12)
    value = by_hand.linear(HIDDEN, part.parameters, "self.value").reshape(B, T, N, -1)
    expected = np.einsum("bnts,bsnk->btnk", dropped, value).reshape(B, T, D)
    np.testing.assert_allclose(context, expected, rtol=1e-12, atol=1e-13)


def test_the_slopes_of_self_attention() -> None:
    part = attention()
    check_part(
        part,
        lambda run, hidden: part.forward(hidden, hidden, run, PADDED)[0],
        lambda dy, back: part.backward(dy, back)[:1],
        {"hidden": HIDDEN.copy()},
    )


def test_the_slopes_of_cross_attention() -> None:
    part = attention(cross=True)
    check_part(
        part,
        lambda run, hidden, states: part.forward(hidden, states, run)[0],
        part.backward,
        {"hidden": HIDDEN.copy(), "states": STATES.copy()},
    )

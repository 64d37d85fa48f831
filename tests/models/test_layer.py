"""A layer against its two equations: LayerNorm(attention(x) + x), then LayerNorm(feed_forward(x) + x)."""

import numpy as np

from minibert.models.layer import Attention, Intermediate, Layer, ResidualOutput, StackInputs
from minibert.trace import Run
from tests.gradients import rng_of
from tests.models import by_hand
from tests.models.parts import check_part, filled, traced
from tests.small_models import B, D, F, N, S, T, small_config

CONFIG = small_config("BertModel")
EPS = CONFIG.layer_norm_eps
HIDDEN, STATES = rng_of(65).normal(size=(B, T, D)), rng_of(66).normal(size=(B, S, D))
PADDED = np.array([[0.0, 0.0, 0.0], [0.0, np.finfo(np.float64).min, 0.0]])[:, None, None]
ALONE = StackInputs(PADDED, None, None, None, None)


def test_the_norm_stands_after_the_sum() -> None:
    part = filled(lambda parameters: ResidualOutput("output", parameters, CONFIG, F, "intermediate"))
    x = rng_of(67).normal(size=(B, T, F))
    y = part.forward(x, HIDDEN, Run())
    expected = by_hand.residual(x, HIDDEN, part.parameters, "output", EPS)
    np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-12)


def test_dropout_stands_before_the_sum() -> None:
    config = small_config("BertModel", hidden_dropout_prob=0.3)
    part = filled(lambda parameters: ResidualOutput("output", parameters, config, F, "intermediate"))
    run, trace = traced(part, np.random.default_rng(4))
    x = rng_of(67).normal(size=(B, T, F))
    part.forward(x, HIDDEN, run)
    kept = trace["output.dropout.mask"]
    assert 0 < kept.sum() < kept.size
    dense = by_hand.linear(x, part.parameters, "output.dense")
    np.testing.assert_allclose(trace["output.sum"], dense * kept / 0.7 + HIDDEN, rtol=1e-12, atol=1e-13)


def test_attention_and_its_residual() -> None:
    part = filled(lambda parameters: Attention("attention", parameters, CONFIG, 0))
    y, probs = part.forward(HIDDEN, Run(), PADDED, None, None, None)
    context, expected = by_hand.attention(HIDDEN, HIDDEN, part.parameters, "attention.self", N, PADDED[:, 0])
    np.testing.assert_allclose(probs, expected, rtol=1e-12, atol=1e-13)
    expected = by_hand.residual(context, HIDDEN, part.parameters, "attention.output", EPS)
    np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-12)


def test_the_feed_forward_widens_through_gelu() -> None:
    part = filled(lambda parameters: Intermediate("intermediate", parameters, CONFIG))
    expected = by_hand.gelu(by_hand.linear(HIDDEN, part.parameters, "intermediate.dense"))
    assert expected.shape == (B, T, F)
    np.testing.assert_allclose(part.forward(HIDDEN, Run()), expected, rtol=1e-12, atol=1e-13)


def test_attention_then_feed_forward() -> None:
    part = filled(lambda parameters: Layer("layer", parameters, CONFIG, 0))
    y, _, cross_probs = part.forward(HIDDEN, Run(), ALONE)
    assert cross_probs is None
    expected = by_hand.layer(HIDDEN, part.parameters, "layer", CONFIG, PADDED[:, 0])
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-11)


def test_a_token_meets_others_in_attention_alone() -> None:
    part = filled(lambda parameters: Layer("layer", parameters, CONFIG, 0))
    whole = part.feed_forward(HIDDEN, Run())
    for t in range(T):
        np.testing.assert_allclose(part.feed_forward(HIDDEN[:, t : t + 1], Run())[:, 0], whole[:, t], rtol=1e-12)


def test_a_layer_has_its_own_row_of_the_head_mask() -> None:
    part = filled(lambda parameters: Layer("layer", parameters, CONFIG, 1))
    head_mask = np.ones((2, 1, N, 1, 1))
    head_mask[1, 0, 2] = 0.0
    _, probs, _ = part.forward(HIDDEN, Run(), ALONE._replace(head_mask=head_mask))
    assert not probs[:, 2].any()
    assert probs[:, [0, 1, 3]].any()


def test_a_decoders_layer_looks_at_the_encoder_in_between() -> None:
    config = small_config("BertLMHeadModel", add_cross_attention=True)
    part = filled(lambda parameters: Layer("layer", parameters, config, 0))
    y, _, cross_probs = part.forward(HIDDEN, Run(), ALONE._replace(encoder_hidden=STATES))
    state = part.parameters
    context, _ = by_hand.attention(HIDDEN, HIDDEN, state, "layer.attention.self", N, PADDED[:, 0])
    hidden = by_hand.residual(context, HIDDEN, state, "layer.attention.output", EPS)
    context, probs = by_hand.attention(hidden, STATES, state, "layer.crossattention.self", N)
    hidden = by_hand.residual(context, hidden, state, "layer.crossattention.output", EPS)
    widened = by_hand.gelu(by_hand.linear(hidden, state, "layer.intermediate.dense"))
    np.testing.assert_allclose(y, by_hand.residual(widened, hidden, state, "layer.output", EPS), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(cross_probs, probs, rtol=1e-9, atol=1e-10)


def test_the_slopes() -> None:
    config = small_config("BertLMHeadModel", add_cross_attention=True)
    part = filled(lambda parameters: Layer("layer", parameters, config, 0))
    check_part(
        part,
        lambda run, hidden, states: part.forward(hidden, run, ALONE._replace(encoder_hidden=states))[0],
        part.backward,
        {"hidden": HIDDEN.copy(), "states": STATES.copy()},
    )

"""The stack: one layer after the other, what was asked for on the way, and gradients that gather over layers."""

import numpy as np

from minibert.models.encoder import Encoder
from minibert.models.layer import StackInputs
from minibert.trace import Backward, Run
from tests.gradients import rng_of
from tests.models import by_hand
from tests.models.parts import check_part, filled, traced
from tests.small_models import B, D, L, N, S, T, small_config

CONFIG = small_config("BertModel")
HIDDEN, STATES = rng_of(68).normal(size=(B, T, D)), rng_of(69).normal(size=(B, S, D))
NOTHING = StackInputs(None, None, None, None, None)


def encoder(cross: bool = False) -> Encoder:
    config = small_config("BertLMHeadModel", add_cross_attention=True) if cross else CONFIG
    return filled(lambda parameters: Encoder("encoder", parameters, config))


def test_each_layer_takes_what_the_one_before_gave() -> None:
    part = encoder()
    states = part.forward(HIDDEN, Run(), NOTHING, keep_hidden=True, keep_attentions=True)
    assert len(states.hidden_states) == L + 1
    assert states.hidden_states[0] is HIDDEN
    for i, entering in enumerate(states.hidden_states[:-1]):
        expected = by_hand.layer(entering, part.parameters, f"encoder.layer.{i}", CONFIG)
        np.testing.assert_allclose(states.hidden_states[i + 1], expected, rtol=1e-10, atol=1e-11)
    np.testing.assert_array_equal(states.hidden, states.hidden_states[-1])
    assert [probs.shape for probs in states.attentions] == [(B, N, T, T)] * L
    assert states.cross_attentions == ()


def test_what_is_not_asked_for_is_not_kept() -> None:
    part = encoder()
    states = part.forward(HIDDEN, Run(), NOTHING, keep_hidden=False, keep_attentions=False)
    assert states.hidden_states == states.attentions == ()
    kept = part.forward(HIDDEN, Run(), NOTHING, keep_hidden=True, keep_attentions=True)
    np.testing.assert_array_equal(states.hidden, kept.hidden)


def test_the_encoders_states_learn_from_every_layer() -> None:
    part = encoder(cross=True)

    def forward(run: Run, hidden: np.ndarray, states: np.ndarray) -> np.ndarray:
        states = run.record("encoder_hidden_states", states, "B S D", "given")
        stack = NOTHING._replace(encoder_hidden=states)
        return part.forward(hidden, run, stack, keep_hidden=False, keep_attentions=False).hidden

    def backward(dy: np.ndarray, back: Backward) -> tuple[np.ndarray | None, np.ndarray]:
        return part.backward(dy, back), back.trace.grad["encoder_hidden_states"]

    check_part(part, forward, backward, {"hidden": HIDDEN.copy(), "states": STATES.copy()})


def test_a_head_mask_learns_a_number_for_every_head() -> None:
    part = encoder()

    def forward(run: Run, head_mask: np.ndarray) -> np.ndarray:
        run.record("head_mask", head_mask, "L N", "given")
        stack = NOTHING._replace(head_mask=head_mask[:, None, :, None, None])
        return part.forward(HIDDEN, run, stack, keep_hidden=False, keep_attentions=False).hidden

    def backward(dy: np.ndarray, back: Backward) -> tuple[np.ndarray]:
        part.backward(dy, back)
        return (back.trace.grad["head_mask"],)

    check_part(part, forward, backward, {"head_mask": rng_of(70).uniform(0.2, 1.0, size=(L, N))})


def test_without_a_gradient_the_layers_learn_nothing() -> None:
    part = encoder()
    run, trace = traced(part)
    part.forward(HIDDEN, run, NOTHING, keep_hidden=False, keep_attentions=False)
    back = Backward(trace, {})
    assert part.backward(None, back) is None
    assert not back.grads


def test_a_gradient_may_enter_between_layers() -> None:
    part = encoder()
    run, trace = traced(part)
    part.forward(HIDDEN, run, NOTHING, keep_hidden=False, keep_attentions=False)
    back = Backward(trace, {"encoder.layer.0": np.ones((B, T, D))})
    assert part.backward(None, back) is not None
    assert {name[: len("encoder.layer.0.")] for name in back.grads} == {"encoder.layer.0."}

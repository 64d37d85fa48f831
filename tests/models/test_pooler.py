"""The pooler: tanh of a linear map of the first token, and of no other."""

import numpy as np

from minibert.models.pooler import Pooler
from minibert.trace import Backward, Run
from tests.gradients import rng_of
from tests.models import by_hand
from tests.models.parts import check_part, filled, traced
from tests.small_models import B, D, T, small_config

HIDDEN = rng_of(64).normal(size=(B, T, D))


def pooler() -> Pooler:
    return filled(lambda parameters: Pooler("pooler", parameters, small_config("BertModel")))


def test_tanh_of_the_first_token() -> None:
    part = pooler()
    pooled = part.forward(HIDDEN, Run())
    np.testing.assert_allclose(pooled, np.tanh(by_hand.linear(HIDDEN[:, 0], part.parameters, "pooler.dense")))
    others = HIDDEN.copy()
    others[:, 1:] = 9.0
    np.testing.assert_array_equal(part.forward(others, Run()), pooled)


def test_the_other_tokens_learn_nothing() -> None:
    part = pooler()
    run, trace = traced(part)
    part.forward(HIDDEN, run)
    dhidden = part.backward(np.ones((B, D)), Backward(trace, {}))
    assert dhidden is not None
    assert dhidden[:, 0].all()
    assert not dhidden[:, 1:].any()


def test_the_slopes() -> None:
    part = pooler()
    check_part(
        part, lambda run, hidden: part.forward(hidden, run), lambda dy, back: (part.backward(dy, back),),
        {"hidden": HIDDEN.copy()},
    )  # fmt: skip


def test_without_a_gradient_nothing_is_learned() -> None:
    part = pooler()
    run, trace = traced(part)
    part.forward(HIDDEN, run)
    back = Backward(trace, {})
    assert part.backward(None, back) is None
    assert not back.grads

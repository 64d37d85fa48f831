"""Whole steps of a layer on the card: one kernel where nobody watches, the plain step where somebody does."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert import functional as F
from minibert.forms import plain_of
from minibert.models.attention import SelfAttention
from minibert.models.layer import ResidualOutput
from minibert.models.module import Module, activate
from minibert.models.parameters import Parameters
from minibert.trace import Backward, Run
from tests.gradients import rng_of
from tests.kernels.card import Launches
from tests.small_models import B, D, T, small_config
from tests.strict_cupy import kernels

pytestmark = pytest.mark.skipif(not kernels.AVAILABLE, reason=kernels.WHY_NOT)

CONFIG = small_config("BertModel")
WIDE = CONFIG.intermediate_size
MASK = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, np.finfo(np.float32).min]])[:, None, None]


def on_the_card(cp: ModuleType, make: Callable[[Parameters], Any]) -> Any:
    parameters = Parameters("float32", "cupy")
    part = make(parameters)
    for i, (name, shape) in enumerate(parameters.shapes.items()):
        parameters[name] = cp.asarray(rng_of(80, i).normal(size=shape).astype(np.float32))
    return part


def given(cp: ModuleType, *shape: int) -> Any:
    return cp.asarray(rng_of(81, *shape).normal(size=shape).astype(np.float32))


# a part, how a form of its step is taken, the step, and the value in between that the kernel passes over
Taken = tuple[Module, Callable[[Callable[..., Any], Run], Any], Any, str]


def activated(cp: ModuleType) -> Taken:
    part = on_the_card(cp, lambda parameters: ResidualOutput("output", parameters, CONFIG, WIDE, "x"))
    x, gelu = given(cp, B, T, WIDE), F.find_activation("gelu")
    return part, lambda step, run: step(part.dense, gelu, x, run, "act"), activate, "output.dense"


def residual(cp: ModuleType) -> Taken:
    part = on_the_card(cp, lambda parameters: ResidualOutput("output", parameters, CONFIG, WIDE, "x"))
    x, hidden = given(cp, B, T, WIDE), given(cp, B, T, D)
    return part, lambda step, run: step(part, x, hidden, run), ResidualOutput.forward, "output.sum"


def heads(cp: ModuleType) -> Taken:
    part = on_the_card(cp, lambda parameters: SelfAttention("self", parameters, CONFIG, 0))
    hidden = given(cp, B, T, D)
    return part, lambda step, run: cp.stack(step(part, hidden, hidden, run)), SelfAttention.heads_of, "self.query"


def probabilities(cp: ModuleType) -> Taken:
    part = on_the_card(cp, lambda parameters: SelfAttention("self", parameters, CONFIG, 0))
    query, key, mask = given(cp, B, 4, T, 5), given(cp, B, 4, T, 5), cp.asarray(MASK.astype(np.float32))
    return part, lambda step, run: step(part, query, key, mask, run, False), SelfAttention.probabilities, "self.scores"


STEPS = [activated, residual, heads, probabilities]


@pytest.mark.parametrize("make", STEPS)
def test_one_kernel_with_the_plain_steps_numbers(cp: ModuleType, make: Callable[..., Any]) -> None:
    _, take, step, _ = make(cp)
    expected = take(plain_of(step), Run()).get()
    with Launches() as launches:
        found = take(step, Run())
    assert launches.count == 1
    np.testing.assert_allclose(found.get(), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("make", STEPS)
def test_who_watches_sees_the_value_in_between(cp: ModuleType, make: Callable[..., Any]) -> None:
    part, take, step, between = make(cp)
    traces = {keep: mb.Trace(keep) for keep in ("backward", "*")}
    for trace in traces.values():
        take(step, Run(trace, None, part.parameters))
        assert between in trace.points
    assert between in traces["*"]
    assert between not in traces["backward"]
    assert traces["backward"].points[between] == traces["*"].points[between]


@pytest.mark.parametrize("make", STEPS)
def test_an_edit_of_the_value_in_between_is_followed(cp: ModuleType, make: Callable[..., Any]) -> None:
    _, take, step, between = make(cp)
    edited = take(step, Run(edits={between: lambda x: x * 0}))
    assert (edited.get() != take(step, Run()).get()).any()


def test_backward_of_the_probabilities_is_one_kernel_too(cp: ModuleType) -> None:
    part = on_the_card(cp, lambda parameters: SelfAttention("self", parameters, CONFIG, 0))
    query, key, mask = given(cp, B, 4, T, 5), given(cp, B, 4, T, 5), cp.asarray(MASK.astype(np.float32))
    found, counts = {}, {}
    step = SelfAttention.probabilities_backward
    for name, backward in (("plain", plain_of(step)), ("form", step)):
        trace = mb.Trace("backward")
        part.probabilities(query, key, mask, Run(trace, None, part.parameters), False)
        back, dprobs = Backward(trace, {}), given(cp, B, 4, T, T)
        with Launches() as launches:
            gradients = backward(part, dprobs, query, key, back)
        found[name], counts[name] = [gradient.get() for gradient in gradients], launches.count
    assert counts == {"plain": 0, "form": 1}
    for ours, expected in zip(found["form"], found["plain"], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=2e-5, atol=2e-5)

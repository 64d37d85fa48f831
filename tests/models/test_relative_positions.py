"""Relative positions against their papers: score[t, s] = query[t] · table[t - s], and that of the keys besides."""

import numpy as np
import pytest

from minibert.models.relative_positions import RelativePositions
from minibert.trace import Run
from tests.gradients import rng_of
from tests.models.parts import check_part, filled
from tests.small_models import B, K, N, T

P = 6
QUERY, KEY = rng_of(62).normal(size=(B, N, T, K)), rng_of(63).normal(size=(B, N, T, K))


def positions(of_keys: bool) -> RelativePositions:
    return filled(lambda parameters: RelativePositions("distance", parameters, P, K, of_keys))


@pytest.mark.parametrize("of_keys", [False, True], ids=["relative_key", "relative_key_query"])
def test_scores(of_keys: bool) -> None:
    part = positions(of_keys)
    assert part.weight.shape == (2 * P - 1, K)
    scores = part.forward(QUERY, KEY, cached=False, run=Run())
    for b, n, t, s in np.ndindex(scores.shape):
        row = part.weight[t - s + P - 1]
        expected = QUERY[b, n, t] @ row + (KEY[b, n, s] @ row if of_keys else 0.0)
        assert scores[b, n, t, s] == pytest.approx(expected, rel=1e-12)


def test_behind_a_cache_a_new_token_is_the_last() -> None:
    part = positions(of_keys=True)
    whole = part.forward(QUERY, KEY, cached=False, run=Run())
    last = part.forward(QUERY[:, :, -1:], KEY, cached=True, run=Run())
    np.testing.assert_allclose(last, whole[:, :, -1:], rtol=1e-12)


@pytest.mark.parametrize("cached", [False, True])
def test_the_slopes(cached: bool) -> None:
    part = positions(of_keys=True)
    check_part(
        part,
        lambda run, query, key: part.forward(query, key, cached, run),
        lambda dy, back: part.backward(dy, QUERY, KEY, back),
        {"query": QUERY.copy(), "key": KEY.copy()},
    )


def test_without_keys_there_is_no_gradient_for_them() -> None:
    part = positions(of_keys=False)
    check_part(
        part,
        lambda run, query: part.forward(query, KEY, False, run),
        lambda dy, back: part.backward(dy, QUERY, KEY, back)[:1],
        {"query": QUERY.copy()},
    )

"""The steps of attention against loops, with heads, tokens, keys and widths that all differ."""

import numpy as np
import pytest

from minibert import functional as F
from tests.gradients import check_every_entry, frozen, rng_of

B, N, T, S, K, P = 2, 4, 3, 6, 5, 6  # P positions: 2 P - 1 = 11 distances


def parts(dtype: str = "float64") -> tuple[np.ndarray, ...]:
    """query, key, value, probs, table."""
    rng = rng_of(17)
    shapes = [(B, N, T, K), (B, N, S, K), (B, N, S, K), (B, N, T, S), (2 * P - 1, K)]
    return tuple(rng.normal(size=shape).astype(dtype) for shape in shapes)


def distances() -> np.ndarray:
    return frozen((np.arange(S - T, S)[:, None] - np.arange(S)[None, :]) + P - 1)


def test_heads() -> None:
    x = frozen(rng_of(18).normal(size=(B, T, N * K)))
    heads = F.split_heads(x, N)
    assert heads.shape == (B, N, T, K)
    for b, n, t, k in np.ndindex(B, N, T, K):
        assert heads[b, n, t, k] == x[b, t, n * K + k]
    np.testing.assert_array_equal(F.merge_heads(heads), x)
    dy = rng_of(19).normal(size=(B, N, T, K))
    # merging is splitting's backward: <split(x), dy> = <x, merge(dy)>
    assert (heads * dy).sum() == pytest.approx((x * F.merge_heads(dy)).sum(), rel=1e-13)


def test_scores_and_context_by_loops() -> None:
    query, key, value, probs, _ = map(frozen, parts())
    scores = F.attention_scores(query, key)
    context = F.attention_context(probs, value)
    assert scores.shape == (B, N, T, S)
    assert context.shape == (B, T, N * K)
    for b, n, t in np.ndindex(B, N, T):
        for s in range(S):
            expected = sum(query[b, n, t, k] * key[b, n, s, k] for k in range(K))
            assert scores[b, n, t, s] == pytest.approx(expected, rel=1e-13, abs=1e-14)
        for k in range(K):
            expected = sum(probs[b, n, t, s] * value[b, n, s, k] for s in range(S))
            assert context[b, t, n * K + k] == pytest.approx(expected, rel=1e-13, abs=1e-14)


def test_relative_scores_by_loops() -> None:
    query, key, _, _, table = map(frozen, parts())
    distance = distances()
    by_query = F.relative_scores(query, table, distance)
    by_key = F.relative_scores(key, table, distance.T).swapaxes(-1, -2)
    shared = F.relative_scores(query, table, distance[-1:])  # one row of distances for all queries
    assert by_query.shape == by_key.shape == shared.shape == (B, N, T, S)
    for b, n, t, s in np.ndindex(B, N, T, S):
        row = table[distance[t, s]]
        assert by_query[b, n, t, s] == pytest.approx(query[b, n, t] @ row, rel=1e-13, abs=1e-13)
        assert by_key[b, n, t, s] == pytest.approx(key[b, n, s] @ row, rel=1e-13, abs=1e-13)
        assert shared[b, n, t, s] == pytest.approx(query[b, n, t] @ table[distance[-1, s]], rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype: str) -> None:
    query, key, value, probs, table = map(frozen, parts(dtype))
    distance = distances()
    results = [
        F.attention_scores(query, key),
        F.attention_context(probs, value),
        F.relative_scores(query, table, distance),
        *F.attention_scores_backward(probs, query, key),
        *F.attention_context_backward(F.attention_context(probs, value), probs, value),
        *F.relative_scores_backward(probs, query, table, distance),
        F.merge_heads(query),
    ]
    assert [result.dtype for result in results] == [dtype] * len(results)


def test_scores_backward() -> None:
    query, key, *_ = parts()
    check_every_entry(
        lambda: F.attention_scores(query, key),
        lambda dy: F.attention_scores_backward(dy, query, key),
        {"query": query, "key": key},
    )


def test_context_backward() -> None:
    _, _, value, probs, _ = parts()
    check_every_entry(
        lambda: F.attention_context(probs, value),
        lambda dy: F.attention_context_backward(dy, probs, value),
        {"probs": probs, "value": value},
    )


@pytest.mark.parametrize("shared", [False, True])
def test_relative_backward(shared: bool) -> None:
    query, _, _, _, table = parts()
    distance = distances()[-1:] if shared else distances()
    check_every_entry(
        lambda: F.relative_scores(query, table, distance),
        lambda dy: F.relative_scores_backward(dy, query, table, distance),
        {"query": query, "table": table},
    )


def test_relative_backward_by_key() -> None:
    _, key, _, _, table = parts()
    distance = distances().T
    check_every_entry(
        lambda: F.relative_scores(key, table, distance),
        lambda dy: F.relative_scores_backward(dy, key, table, distance),
        {"key": key, "table": table},
    )

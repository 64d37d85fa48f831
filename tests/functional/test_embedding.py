"""Looking rows up, and adding gradients back: repeated ids, the padding row, and what is there already."""

import numpy as np
import pytest

from minibert import functional as F
from tests.gradients import check_every_entry, frozen, rng_of

IDS = frozen(np.array([[3, 1, 3], [0, 3, 0]]))  # 3 three times and 0 twice; 2 and 4 never
V, D = 5, 4


def by_loop(dy: np.ndarray, padding_idx: int | None = None) -> np.ndarray:
    table = np.zeros((V, D))
    for place in np.ndindex(IDS.shape):
        if IDS[place] != padding_idx:
            table[IDS[place]] += dy[place]
    return table


def test_rows() -> None:
    table = frozen(rng_of(11).normal(size=(V, D)))
    rows = F.embedding(IDS, table)
    assert rows.shape == (2, 3, D)
    for place in np.ndindex(IDS.shape):
        np.testing.assert_array_equal(rows[place], table[IDS[place]])
    assert not np.shares_memory(rows, table)


@pytest.mark.parametrize("padding_idx", [None, 0, 3, 4])
def test_backward_by_loop(padding_idx: int | None) -> None:
    dy = frozen(rng_of(12).normal(size=(2, 3, D)))
    dtable = F.embedding_backward(dy, IDS, V, padding_idx)
    np.testing.assert_allclose(dtable, by_loop(dy, padding_idx), rtol=1e-14, atol=1e-15)
    if padding_idx is not None:
        np.testing.assert_array_equal(dtable[padding_idx], np.zeros(D))
    before = rng_of(13).normal(size=(V, D))
    out = before.copy()
    assert F.embedding_backward(dy, IDS, V, padding_idx, out=out) is out
    np.testing.assert_allclose(out, before + dtable, rtol=1e-14, atol=1e-15)


def test_all_tokens_are_padding() -> None:
    dy = rng_of(14).normal(size=(2, 3, D))
    np.testing.assert_array_equal(F.embedding_backward(dy, np.full((2, 3), 1), V, 1), np.zeros((V, D)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype: str) -> None:
    table = frozen(rng_of(15).normal(size=(V, D)).astype(dtype))
    rows = frozen(F.embedding(IDS, table))
    assert rows.dtype == F.embedding_backward(rows, IDS, V).dtype == dtype
    assert F.embedding_backward(rows, IDS, V, 3).dtype == dtype


def test_backward() -> None:
    table = rng_of(16).normal(size=(V, D))
    check_every_entry(lambda: F.embedding(IDS, table), lambda dy: F.embedding_backward(dy, IDS, V), {"table": table})

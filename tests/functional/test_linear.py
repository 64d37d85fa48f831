"""The linear map against loops, and its gradients against differences."""

import numpy as np
import pytest

from minibert import functional as F
from tests.gradients import check_every_entry, frozen, rng_of

B, T, I, O = 2, 3, 4, 5  # noqa: E741


def arrays(dtype: str = "float64") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = rng_of(1)
    return tuple(frozen(rng.normal(size=shape).astype(dtype)) for shape in [(B, T, I), (O, I), (O,)])


def test_by_loops() -> None:
    x, weight, bias = arrays()
    y = F.linear(x, weight, bias)
    assert y.shape == (B, T, O)
    for b in range(B):
        for t in range(T):
            for o in range(O):
                expected = sum(x[b, t, i] * weight[o, i] for i in range(I)) + bias[o]
                assert y[b, t, o] == pytest.approx(expected, rel=1e-14, abs=1e-14)
    np.testing.assert_allclose(F.linear(x, weight), y - bias, rtol=1e-13, atol=1e-13)


def test_any_number_of_axes() -> None:
    x, weight, bias = arrays()
    y = F.linear(x, weight, bias)
    np.testing.assert_allclose(F.linear(x[0], weight, bias), y[0], rtol=1e-14)
    np.testing.assert_allclose(F.linear(x[0, 0], weight, bias), y[0, 0], rtol=1e-14)
    np.testing.assert_allclose(F.linear(x[:, None], weight, bias), y[:, None], rtol=1e-14)
    turned = np.ascontiguousarray(x.transpose(1, 0, 2)).transpose(1, 0, 2)  # the same values, other strides
    np.testing.assert_allclose(F.linear(turned, weight, bias), y, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype: str) -> None:
    x, weight, bias = arrays(dtype)
    y = F.linear(x, weight, bias)
    assert y.dtype == dtype
    assert [gradient.dtype for gradient in F.linear_backward(frozen(y), x, weight)] == [dtype] * 3


def test_backward() -> None:
    x, weight, bias = (array.copy() for array in arrays())
    check_every_entry(
        lambda: F.linear(x, weight, bias),
        lambda dy: F.linear_backward(dy, x, weight),
        {"x": x, "weight": weight, "bias": bias},
    )
    first = x[:, 0].copy()  # two axes, as the pooler has them
    check_every_entry(
        lambda: F.linear(first, weight, bias),
        lambda dy: F.linear_backward(dy, first, weight),
        {"x": first, "weight": weight, "bias": bias},
    )

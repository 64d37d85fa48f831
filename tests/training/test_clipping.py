"""Clipping: what is measured, what is scaled, and every mistake's sentence."""

import numpy as np
import pytest

import minibert as mb


def test_clipping_scales_in_place_and_counts_everything() -> None:
    grads = {"a": np.full((3, 4), 2.0, dtype=np.float32), "b": np.full(4, -1.0), "c": None}
    a = grads["a"]
    assert mb.clip_grad_norm(grads, 1.0) == pytest.approx(np.sqrt(52.0), rel=1e-12)
    assert grads["a"] is a
    assert a.dtype == np.float32
    assert mb.clip_grad_norm(grads, 10.0) == pytest.approx(1.0, rel=1e-5)  # small ones stay
    np.testing.assert_allclose(a, 2.0 / np.sqrt(52.0), rtol=1e-5)


def test_large_float32_gradients_do_not_overflow_the_norm() -> None:
    grads = {"a": np.full(100, 1e25, dtype=np.float32)}
    assert mb.clip_grad_norm(grads, 1.0) == pytest.approx(1e26, rel=1e-6)
    assert np.isfinite(grads["a"]).all()


def test_not_a_number_goes_through_unless_it_is_an_error() -> None:
    grads = {"fine": np.ones(2), "broken": np.array([1.0, np.nan])}
    with pytest.raises(mb.InputError, match="norm is nan: the first that is not finite is that of broken"):
        mb.clip_grad_norm(grads, 1.0, error_if_nonfinite=True)
    assert grads["fine"][0] == 1.0
    assert np.isnan(mb.clip_grad_norm(grads, 1.0))
    assert np.isnan(grads["fine"]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mb.clip_grad_norm({"a": np.ones(1)}, -1.0), "max_norm is -1.0"),
        (lambda: mb.clip_grad_norm([np.ones(1)], 1.0), "takes the dict that model.backward gives, not a list"),
    ],
)
def test_mistakes_are_one_sentence(make, message: str) -> None:
    with pytest.raises(mb.InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)

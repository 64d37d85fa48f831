"""What a gradient check takes: models, layers, pairs of functions; the sentences of every mistake."""

import numpy as np
import pytest

import minibert as mb
from minibert.inspection.gradient_subjects import find_subject
from tests.training import small


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape)


def linear(x, w):
    return x @ w, (x, w)


def linear_backward(dy, cache):
    x, w = cache
    return {"x": dy @ w.T, "w": x.T @ dy}


class Scale:
    """A layer with a parameter: y = gamma x."""

    def __init__(self) -> None:
        self.parameters = {"gamma": normal(3)}

    def forward(self, x):
        return self.parameters["gamma"] * x, x

    def backward(self, dy, x):
        return {"x": dy * self.parameters["gamma"], "gamma": (dy * x).sum(axis=0)}


X, W = normal(2, 3), normal(3, 4)
RNG = np.random.default_rng(5)


def test_a_pair_of_functions() -> None:
    """The loss is the sum of upstream times output, so the gradients are the backward of the upstream."""
    upstream = normal(2, 4)
    subject = find_subject((linear, linear_backward), {"x": X, "w": W}, upstream, RNG)
    assert sorted(subject.arrays) == ["w", "x"]
    assert subject.loss() == pytest.approx((upstream * (X @ W)).sum())
    np.testing.assert_array_equal(subject.gradients()["x"], upstream @ W.T)
    subject.arrays["x"][0, 0] += 1.0
    assert subject.loss() == pytest.approx((upstream * (X @ W)).sum() + upstream[0] @ W[0])


def test_a_layer_is_checked_at_its_parameters_too() -> None:
    layer = Scale()
    subject = find_subject(layer, {"x": X}, None, RNG)
    assert subject.arrays["gamma"] is layer.parameters["gamma"]
    assert subject.arrays["x"] is not X  # differences move a copy, never the caller's array
    assert subject.gradients().keys() == {"x", "gamma"}


def test_a_model_is_checked_at_every_parameter() -> None:
    """Its padding row learns nothing on purpose, and dropout draws the same masks in every call."""
    model = small.classifier("float64").train(3)
    subject = find_subject(model, {"input_ids": [[2, 7, 3]], "labels": [1]}, None, RNG)
    assert subject.arrays.keys() == model.parameters.keys()
    assert subject.padding_rows == {"bert.embeddings.word_embeddings.weight": 0}
    assert subject.loss() == subject.loss()
    gradients, again = subject.gradients(), subject.gradients()
    assert gradients.keys() == subject.arrays.keys()
    for name, array in gradients.items():
        np.testing.assert_array_equal(array, again[name], err_msg=name)
    assert not gradients["bert.embeddings.word_embeddings.weight"][0].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: mb.gradcheck(small.classifier(), {"input_ids": [[2, 3]]}),
            "is float32, whose rounding would hide wrong gradients: gradcheck needs float64",
        ),
        (
            lambda: mb.gradcheck((linear, None), {"x": X}),
            "takes a minibert model, an object with forward and backward, or the pair",
        ),
        (lambda: mb.gradcheck((linear, linear), {"x": X.astype("float32"), "w": W}), "x is float32"),
        (
            lambda: mb.gradcheck((linear, lambda dy, c: {"x": dy @ c[1].T}), {"x": X, "w": W}),
            "backward gave no gradient for w: it gave x",
        ),
        (
            lambda: mb.gradcheck((linear, lambda dy, c: {"x": dy, "w": W}), {"x": X, "w": W}),
            r"of shape \(2, 4\) for x, which has \(2, 3\)",
        ),
        (
            lambda: mb.gradcheck((linear, lambda dy, c: dy), [X, W]),
            "backward must give {name: gradient}, or for listed inputs a tuple",
        ),
        (lambda: mb.gradcheck((lambda x: x, linear), {"x": X}), r"forward must give two things, .* \(output, cache\)"),
        (lambda: mb.gradcheck((linear, linear), {"x": [1], "w": [2]}), "there is nothing to check"),
        (
            lambda: mb.gradcheck((linear, linear), {"x": X, "w": W}, upstream=normal(2, 3)),
            r"has shape \(2, 3\): \(2, 4\) fits",
        ),
        (lambda: mb.gradcheck(Scale(), {"gamma": X}), "gamma is the name of an input and of a parameter"),
        (lambda: mb.gradcheck(small.classifier("float64"), [X]), "inputs is a list: a model takes a dict"),
        (
            lambda: mb.gradcheck(small.classifier("float64"), {"input_ids": [[2, 3]]}, upstream={"loss": 2.0}),
            "upstream has 'loss', which is no output",
        ),
        (
            lambda: mb.gradcheck(
                small.classifier("float64"), {"input_ids": [[2, 3]], "labels": [1]}, upstream={"loss": 1.0}
            ),
            "gradient of loss is 1 everywhere",
        ),
    ],
)
def test_mistakes_are_one_sentence(make, message: str) -> None:
    with pytest.raises(mb.InputError, match=message):
        make()

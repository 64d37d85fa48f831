"""What optimisers share: state, memory, master weights of float16, and every mistake's sentence."""

import tracemalloc

import numpy as np
import pytest

import minibert as mb
from tests.training import small
from tests.training.gradients import grads_of, snapshot


@pytest.mark.parametrize("kind", [mb.AdamW, mb.SGD])
def test_a_parameter_without_gradient_keeps_value_and_state(kind) -> None:
    parameters = {"a.weight": np.ones(3), "b.weight": np.ones(3)}
    optimizer = kind(parameters, lr=0.1, weight_decay=0.5)
    optimizer.step({"a.weight": np.ones(3), "b.weight": None})
    np.testing.assert_array_equal(parameters["b.weight"], np.ones(3))
    assert list(optimizer.state) == ["a.weight"]
    assert (parameters["a.weight"] != 1).all()


def test_read_only_and_transposed_parameters_are_copied_on_their_first_step() -> None:
    mapped = np.ones((4, 3), dtype=np.float32)
    mapped.flags.writeable = False
    turned = np.ones((3, 4), dtype=np.float32).T
    parameters = {"a": mapped, "b": turned}
    grads = {"a": np.ones((4, 3), dtype=np.float32), "b": np.ones((3, 4), dtype=np.float32).T}
    mb.SGD(parameters, lr=0.5).step(grads)
    for name in parameters:
        np.testing.assert_array_equal(parameters[name], np.full((4, 3), 0.5))
        assert parameters[name].dtype == np.float32
    assert (mapped == 1).all()


def test_weights_mapped_from_a_file_are_trained_without_touching_the_file(tmp_path) -> None:
    small.classifier().save_pretrained(tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    model = mb.BertForSequenceClassification.from_pretrained(tmp_path)
    old = snapshot(model)
    mb.AdamW(model, lr=0.1).step(grads_of(model))
    assert all((array != old[name]).any() for name, array in model.parameters.items())
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_a_writable_parameter_is_updated_in_place_with_little_memory() -> None:
    parameters = {"weight": np.ones((1000, 1000), dtype=np.float32)}
    array, gradient = parameters["weight"], np.ones((1000, 1000), dtype=np.float32)
    optimizer = mb.AdamW(parameters)
    optimizer.step({"weight": gradient})  # makes the state
    tracemalloc.start()
    optimizer.step({"weight": gradient})
    mb.clip_grad_norm({"weight": gradient}, 1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert parameters["weight"] is array
    assert peak < array.nbytes / 4


@pytest.mark.parametrize("kind", [mb.AdamW, lambda model: mb.SGD(model, momentum=0.9)])
def test_state_is_taken_over_exactly(kind) -> None:
    one, other = small.classifier(), small.classifier()
    first, second = kind(one), kind(other)
    for seed in range(3):
        first.step(grads_of(one, seed))
    other.load_state_dict(one.state_dict())
    saved = first.state_dict()
    second.load_state_dict(saved)
    for optimizer, model in ((first, one), (second, other)):
        optimizer.step(grads_of(model, 9))
    for name, array in one.parameters.items():
        np.testing.assert_array_equal(array, other.parameters[name])
    key = first.state_arrays[0]
    name = next(iter(first.state))
    assert not np.shares_memory(first.state[name][key], second.state[name][key])


def test_a_model_that_changes_its_dtype_takes_its_state_along() -> None:
    model = small.classifier()
    optimizer = mb.AdamW(model)
    optimizer.step(grads_of(model))
    model.to("float64")
    optimizer.step(grads_of(model))
    assert {array.dtype.name for array in model.parameters.values()} == {"float64"}
    assert optimizer.state["classifier.weight"]["exp_avg"].dtype == np.float64
    assert optimizer.state["classifier.weight"]["step"] == 2


def test_small_steps_are_kept_in_the_master_weights() -> None:
    """1 + 2^-12 is 1 in float16: only a float32 copy can add up such steps."""
    weights = {"w": np.ones(4, np.float16)}
    optimizer = mb.AdamW(weights, lr=2.0**-12, weight_decay=0.0)
    for step in range(1, 9):
        optimizer.step({"w": np.full(4, -1e-9, np.float32)})
        np.testing.assert_allclose(optimizer.state["w"]["master"], 1 + step * 2.0**-12 * (1e-9 / 1.1e-8), rtol=1e-5)
    assert weights["w"].dtype == np.float16
    np.testing.assert_array_equal(weights["w"], optimizer.state["w"]["master"].astype(np.float16))
    assert optimizer.state["w"]["exp_avg"].dtype == np.float32


def test_master_weights_are_taken_over() -> None:
    weights = {"w": np.ones(4, np.float16)}
    optimizer = mb.AdamW(weights, lr=1e-4)
    optimizer.step({"w": np.ones(4, np.float32)})
    again = mb.AdamW({"w": weights["w"].copy()}, lr=1e-4)
    again.load_state_dict(optimizer.state_dict())
    for each in (optimizer, again):
        each.step({"w": np.full(4, 0.5, np.float32)})
    np.testing.assert_array_equal(again.state["w"]["master"], optimizer.state["w"]["master"])
    assert again.state["w"]["master"].dtype == np.float32


MODEL = {"a.weight": np.ones((2, 3)), "a.bias": np.ones(3)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mb.AdamW(MODEL, weight_decay=-0.1), "weight_decay is -0.1"),
        (lambda: mb.AdamW([np.ones(3)]), "takes a model or a dict of arrays, not a list"),
        (lambda: mb.AdamW({}), "no parameters"),
        (lambda: mb.AdamW(MODEL).step({}), "grads is empty"),
        (lambda: mb.AdamW(MODEL).step([np.ones(3)]), "step takes the dict that model.backward gives, not a list"),
        (lambda: mb.AdamW(MODEL).step({"b": np.ones(3)}), "grads has 'b', which is no parameter"),
        (
            lambda: mb.AdamW(MODEL).step({"a.bias": np.ones(2)}),
            r"grads\['a.bias'\] has shape \(2,\): the parameter has \(3,\)",
        ),
        (
            lambda: mb.SGD({"a": np.ones(3, np.float16)}, lr=0.1).step({"a": np.ones(3, np.float16)}),
            "a is float16, which is too narrow for SGD to train in",
        ),
        (lambda: mb.AdamW(MODEL).load_state_dict([]), "must be a dict with 'state' and 'param_groups'"),
        (
            lambda: mb.AdamW(MODEL).load_state_dict(mb.AdamW({"b": np.ones(1)}).state_dict()),
            "of other parameter groups",
        ),
        (
            lambda: mb.AdamW(MODEL).load_state_dict({**mb.AdamW(MODEL).state_dict(), "state": {"x": {}}}),
            "has 'x', which is no",
        ),
        (
            lambda: mb.AdamW(MODEL).load_state_dict(
                {**mb.AdamW(MODEL).state_dict(), "state": {"a.bias": {"exp_avg": np.ones(2)}}}
            ),
            r"exp_avg of a.bias has shape \(2,\)",
        ),
    ],
)
def test_mistakes_are_one_sentence(make, message: str) -> None:
    with pytest.raises(mb.InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(MODEL["a.weight"], np.ones((2, 3)))


def test_a_wrong_gradient_changes_nothing() -> None:
    parameters = {"a": np.ones(3), "b": np.ones(3)}
    with pytest.raises(mb.InputError, match="b"):
        mb.SGD(parameters, lr=1.0).step({"a": np.ones(3), "b": np.ones(4)})
    np.testing.assert_array_equal(parameters["a"], np.ones(3))

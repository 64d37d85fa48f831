"""Optimisers and clipping: groups, state, memory, and every mistake's sentence."""

import tracemalloc

import numpy as np
import pytest

import minibert as mb
from minibert.training.parameter_groups import is_not_decayed
from tests.training import small


def grads_of(model, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=array.shape).astype(array.dtype) for name, array in model.parameters.items()}


def snapshot(model) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in model.parameters.items()}


@pytest.mark.parametrize("name", ["BertForPreTraining", "RobertaForMaskedLM", "RemBertForMaskedLM"])
def test_the_usual_rule_leaves_out_biases_and_layer_norms(name: str) -> None:
    config = {
        "Be": mb.BertConfig(**small.BERT),
        "Ro": mb.RobertaConfig(**small.ROBERTA),
        "Re": mb.RemBertConfig(**small.REMBERT),
    }[name[:2]]
    model = getattr(mb, name)(config)
    decayed, rest = mb.AdamW(model).param_groups
    assert (decayed["weight_decay"], rest["weight_decay"]) == (0.01, 0.0)
    # what begins at ones or zeros is a LayerNorm weight or a bias, whatever it is called
    assert set(rest["params"]) == {name for name, kind in model.parameters.kinds.items() if kind != "normal"}
    assert sorted(decayed["params"] + rest["params"]) == sorted(model.parameters)


def test_no_decay_is_overridden_by_a_function_a_list_or_nothing() -> None:
    model = small.classifier()
    by_function = mb.AdamW(model, no_decay=lambda name: "embeddings" in name)
    assert all("embeddings" in name for name in by_function.param_groups[1]["params"])
    assert len(by_function.param_groups[1]["params"]) == 5
    by_list = mb.AdamW(model, no_decay=["*.bias", "classifier.weight"])
    assert "classifier.weight" in by_list.param_groups[1]["params"]
    assert "bert.embeddings.LayerNorm.weight" in by_list.param_groups[0]["params"]
    assert len(mb.AdamW(model, no_decay=[]).param_groups) == 1


def test_only_the_chosen_parameters_move() -> None:
    model = small.classifier()
    before = snapshot(model)
    mb.SGD(model, lr=0.1, params=["classifier.*"]).step(grads_of(model))
    moved = {name for name, array in model.parameters.items() if (array != before[name]).any()}
    assert moved == {"classifier.weight", "classifier.bias"}


def test_groups_of_ones_own() -> None:
    model = small.classifier()
    groups = [{"params": "classifier.*", "lr": 0.5}, {"params": lambda name: name.startswith("bert.pooler")}]
    optimizer = mb.SGD(model, lr=0.1, groups=groups)
    before, grads = snapshot(model), grads_of(model)
    optimizer.step(grads)
    np.testing.assert_allclose(
        model.parameters["classifier.weight"], before["classifier.weight"] - 0.5 * grads["classifier.weight"], rtol=1e-5
    )
    np.testing.assert_allclose(
        model.parameters["bert.pooler.dense.weight"],
        before["bert.pooler.dense.weight"] - 0.1 * grads["bert.pooler.dense.weight"],
        rtol=1e-5,
    )


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
    ("name", "expected"),
    [
        ("cls.predictions.bias", True),
        ("lm_head.layer_norm.weight", True),
        ("x.LayerNorm.weight", True),
        ("x.dense.weight", False),
        ("bert.embeddings.word_embeddings.weight", False),
        ("bias_net.weight", False),
    ],
)
def test_the_rule_by_name(name: str, expected: bool) -> None:
    assert is_not_decayed(name) is expected


MODEL = {"a.weight": np.ones((2, 3)), "a.bias": np.ones(3)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mb.AdamW(MODEL, lr=-1), "lr is -1: a number of at least 0 belongs there"),
        (lambda: mb.AdamW(MODEL, lr="fast"), "lr is 'fast': a number"),
        (lambda: mb.AdamW(MODEL, lr=float("nan")), "lr is nan"),
        (lambda: mb.AdamW(MODEL, betas=(0.9, 1.0)), r"betas\[1\] is 1.0: a number of at least 0 and below 1"),
        (lambda: mb.AdamW(MODEL, betas=0.9), "betas is 0.9: two numbers"),
        (lambda: mb.AdamW(MODEL, eps=-1e-8), "eps is -1e-08"),
        (lambda: mb.AdamW(MODEL, weight_decay=-0.1), "weight_decay is -0.1"),
        (lambda: mb.SGD(MODEL, momentum=-1), "momentum is -1"),
        (
            lambda: mb.SGD(MODEL, nesterov=True),
            "nesterov needs a momentum above 0 and no dampening: they are 0.0 and 0.0",
        ),
        (lambda: mb.AdamW([np.ones(3)]), "takes a model or a dict of arrays, not a list"),
        (lambda: mb.AdamW({}), "no parameters"),
        (lambda: mb.AdamW(MODEL, no_decay=["*.gamma"]), "no_decay has '.*gamma', which fits no parameter"),
        (lambda: mb.AdamW(MODEL, params=lambda name: False), "params chooses no parameter"),
        (lambda: mb.AdamW(MODEL, params=["a.bias"], groups=[{"params": "a.bias"}]), "groups was given, and"),
        (
            lambda: mb.AdamW(MODEL, groups=[{"params": "*"}, {"params": "a.bias"}]),
            r"a.bias is in groups\[0\] and in groups\[1\]",
        ),
        (lambda: mb.AdamW(MODEL, groups=[{"lr": 1.0}]), r"groups\[0\] has no 'params'"),
        (lambda: mb.AdamW(MODEL, groups=[{"params": "*", "momentum": 1.0}]), r"groups\[0\] has an unknown 'momentum'"),
        (lambda: mb.AdamW(MODEL, groups=[]), "groups names no parameter"),
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
        (lambda: mb.clip_grad_norm({"a": np.ones(1)}, -1.0), "max_norm is -1.0"),
        (lambda: mb.clip_grad_norm([np.ones(1)], 1.0), "takes the dict that model.backward gives, not a list"),
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

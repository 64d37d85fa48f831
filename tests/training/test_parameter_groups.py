"""Which parameters are trained, which are decayed, groups of one's own, and every mistake's sentence."""

import numpy as np
import pytest

import minibert as mb
from minibert.training.parameter_groups import is_not_decayed
from tests.training import small
from tests.training.gradients import grads_of, snapshot


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


MODEL = {"a.weight": np.ones((2, 3)), "a.bias": np.ones(3)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
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
    ],
)
def test_mistakes_are_one_sentence(make, message: str) -> None:
    with pytest.raises(mb.InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(MODEL["a.weight"], np.ones((2, 3)))

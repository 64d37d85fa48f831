"""The gradient check: right backward passes pass, wrong ones are found, and every mistake's sentence.

The project's own models are checked here by the same function that users have.
"""

import numpy as np
import pytest

import minibert as mb
from minibert import functional as F
from tests.training import small

B, T, N, K = 2, 3, 4, 5
RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape)


def softmax_forward(x):
    y = F.softmax(x.copy())
    return y, y


def softmax_backward(dy, y):
    return {"x": y * (dy - (dy * y).sum(-1, keepdims=True))}


class LayerNorm:
    """A layer as a user would write it."""

    def __init__(self) -> None:
        self.parameters = {"gamma": normal(K), "beta": normal(K)}

    def forward(self, x):
        mean = x.mean(-1, keepdims=True)
        rstd = 1 / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5)
        normalized = (x - mean) * rstd
        return normalized * self.parameters["gamma"] + self.parameters["beta"], (normalized, rstd)

    def backward(self, dy, cache):
        normalized, rstd = cache
        d = dy * self.parameters["gamma"]
        dx = rstd * (d - d.mean(-1, keepdims=True) - normalized * (d * normalized).mean(-1, keepdims=True))
        return {"x": dx, "gamma": (dy * normalized).sum((0, 1)), "beta": dy.sum((0, 1))}


def attention_forward(q, k, v):
    scores = np.einsum("btnk,bsnk->bnts", q, k) / np.sqrt(K)
    probs = F.softmax(scores)
    return np.einsum("bnts,bsnk->btnk", probs, v), (q, k, v, probs)


def attention_backward(dy, cache, scale: bool = True, softmax: bool = True, swap: bool = False):
    q, k, v, probs = cache
    dprobs = np.einsum("btnk,bsnk->bnts", dy, v)
    dscores = probs * (dprobs - (dprobs * probs).sum(-1, keepdims=True)) if softmax else probs * dprobs
    if scale:
        dscores = dscores / np.sqrt(K)
    if swap:
        dscores = np.swapaxes(dscores, 2, 3)
    return (
        np.einsum("bnts,bsnk->btnk", dscores, k),
        np.einsum("bnts,btnk->bsnk", dscores, q),
        np.einsum("bnts,btnk->bsnk", probs, dy),
    )


def test_a_pair_of_functions_passes() -> None:
    report = mb.gradcheck((softmax_forward, softmax_backward), {"x": normal(B, T, K)}, verbose=False, elements=None)
    assert report.ok
    assert report["x"].checked == B * T * K
    assert report["x"].relative_error < 1e-9


def test_an_object_with_parameters_passes() -> None:
    layer = LayerNorm()
    before = {name: array.copy() for name, array in layer.parameters.items()}
    report = mb.gradcheck(layer, {"x": normal(B, T, K)}, verbose=False)
    assert report
    assert [row.name for row in report.rows] == ["x", "gamma", "beta"]
    for name, array in before.items():
        np.testing.assert_array_equal(array, layer.parameters[name])


def test_listed_inputs_and_a_tuple_of_gradients() -> None:
    inputs = [normal(B, T, N, K), normal(B, T + 1, N, K), normal(B, T + 1, N, K) + 1]
    assert mb.gradcheck((attention_forward, attention_backward), inputs, verbose=False).ok


@pytest.mark.parametrize("wrong", [{"scale": False}, {"softmax": False}])
def test_wrong_attention_is_found(wrong: dict) -> None:
    def backward(dy, cache):
        return attention_backward(dy, cache, **wrong)

    inputs = [normal(B, T, N, K), normal(B, T + 1, N, K), normal(B, T + 1, N, K)]
    report = mb.gradcheck((attention_forward, backward), inputs, verbose=False)
    assert [row.ok for row in report.rows] == [False, False, True]
    assert "WRONG" in str(report)
    assert "2 of 3 beyond the tolerance" in str(report)


WRONG_LAYER_NORMS = {
    "sign": lambda g, c: {**g, "x": -g["x"]},
    "scale": lambda g, c: {**g, "x": 2 * g["x"]},
    "no rstd": lambda g, c: {**g, "x": g["x"] / c[1]},
    "zeros": lambda g, c: {**g, "x": 0 * g["x"]},
    "mean instead of sum": lambda g, c: {**g, "gamma": g["gamma"] / (B * T)},
    "beta for gamma": lambda g, c: {**g, "gamma": g["beta"]},
    "one row missing": lambda g, c: {**g, "x": np.concatenate([g["x"][:, :-1], 0 * g["x"][:, -1:]], axis=1)},
    "one element off": lambda g, c: {**g, "beta": g["beta"] + [0, 0, 1e-6, 0, 0]},
}


@pytest.mark.parametrize("how", WRONG_LAYER_NORMS)
def test_wrong_layer_norms_are_found(how: str) -> None:
    layer = LayerNorm()
    right = layer.backward
    layer.backward = lambda dy, cache: WRONG_LAYER_NORMS[how](right(dy, cache), cache)
    assert not mb.gradcheck(layer, {"x": normal(B, T, K)}, verbose=False, elements=None).ok


def test_upstream_gradients_are_not_the_inputs_of_the_same_seed() -> None:
    def forward(x):
        rstd = 1 / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        normalized = (x - x.mean(-1, keepdims=True)) * rstd
        return normalized, (normalized, rstd)

    def backward(dy, cache):
        normalized, rstd = cache
        dx = dy - dy.mean(-1, keepdims=True) - normalized * (dy * normalized).mean(-1, keepdims=True)
        return {"x": rstd * dx}

    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(4, 6))
        assert np.abs(backward(x, forward(x)[1])["x"]).max() < 1e-9  # where rounding is all that would be compared
        report = mb.gradcheck((forward, backward), {"x": x}, seed=seed, verbose=False)
        assert report.ok
        assert abs(report.worst.analytic) > 1e-3


def test_an_upstream_of_ones_would_hide_zeros_and_is_refused() -> None:
    def zeros(dy, y):
        return {"x": 0 * y}

    inputs = {"x": normal(B, T, K)}
    ones_give_zero = softmax_backward(np.ones((B, T, K)), softmax_forward(inputs["x"])[0])["x"]
    assert np.abs(ones_give_zero).max() < 1e-15  # so the wrong pass would be right
    assert not mb.gradcheck((softmax_forward, zeros), inputs, verbose=False).ok
    for constant in (1.0, 0.0, -2.0):
        with pytest.raises(mb.InputError, match=r"is .* everywhere, which hides mistakes"):
            mb.gradcheck((softmax_forward, zeros), inputs, upstream=np.full((B, T, K), constant))
    assert mb.gradcheck((softmax_forward, softmax_backward), inputs, upstream=normal(B, T, K), verbose=False).ok


MODELS = [
    ("BertForPreTraining", small.BERT),
    ("BertForQuestionAnswering", small.BERT),
    ("RobertaForSequenceClassification", {**small.ROBERTA, "num_labels": 3}),
    ("RemBertForMaskedLM", small.REMBERT),
    ("BertForMultipleChoice", small.BERT),
]


@pytest.mark.parametrize(("name", "config"), MODELS)
@pytest.mark.parametrize("training", [False, True])
def test_models_pass(name: str, config: dict, training: bool) -> None:
    family = next(f for f in ("RemBert", "Roberta", "Bert") if name.startswith(f))
    model = getattr(mb, name)(getattr(mb, f"{family}Config")(**{**config, "num_hidden_layers": 1}), dtype="float64")
    if training:
        model.train(0)
    ids = np.array([[2, 7, 7, 3], [2, 9, 3, 1]])
    inputs: dict = {"input_ids": ids, "attention_mask": [[1, 1, 1, 1], [1, 1, 1, 0]]}
    if "PreTraining" in name:
        inputs |= {"labels": [[5, -100, 6, -100], [7, 8, -100, -100]], "next_sentence_label": [0, 1]}
    elif "QuestionAnswering" in name:
        inputs |= {"start_positions": [1, 2], "end_positions": [2, 3]}
    elif "MultipleChoice" in name:
        inputs = {"input_ids": np.stack([ids, ids[::-1]]), "labels": [0, 1]}
    elif "MaskedLM" in name:
        inputs |= {"labels": ids}
    else:
        inputs |= {"labels": [0, 2]}
    report = mb.gradcheck(model, inputs, verbose=False, elements=3, steps=(1e-4, 1e-5))
    assert report.ok, str(report)
    assert {row.name for row in report.rows} == set(model.parameters)


def test_real_inputs_of_models_are_checked_too() -> None:
    config = mb.BertConfig(**{**small.BERT, "num_hidden_layers": 1, "is_decoder": True, "add_cross_attention": True})
    model = mb.BertLMHeadModel(config, dtype="float64")
    inputs = {
        "inputs_embeds": normal(B, T, 12),
        "encoder_hidden_states": normal(B, T + 2, 12),
        "head_mask": np.array([1.0, 0.4, 0.7]),
        "labels": RNG.integers(0, 21, size=(B, T)),
        "output_hidden_states": True,
    }
    report = mb.gradcheck(model, inputs, verbose=False, elements=4)
    assert report.ok, str(report)
    assert [row.name for row in report.rows][:3] == ["inputs_embeds", "encoder_hidden_states", "head_mask"]


@pytest.mark.parametrize(
    "parameter",
    ["bert.encoder.layer.0.attention.self.key.weight", "bert.embeddings.word_embeddings.weight", "classifier.bias"],
)
def test_a_models_wrong_gradient_is_named(parameter: str) -> None:
    model = small.classifier("float64", num_hidden_layers=1)
    right = model.backward

    def wrong(trace, gradients=None):
        grads = right(trace, gradients)
        grads[parameter] = grads[parameter] * 1.001
        return grads

    model.backward = wrong
    report = mb.gradcheck(model, {"input_ids": [[2, 7, 7, 3]], "labels": [1]}, verbose=False, elements=5)
    assert [row.name for row in report.rows if not row.ok] == [parameter]
    assert report.worst.name == parameter


def test_a_missing_gradient_is_wrong() -> None:
    model = small.classifier("float64", num_hidden_layers=1)
    right = model.backward
    model.backward = lambda trace, gradients=None: {
        n: g for n, g in right(trace, gradients).items() if n != "classifier.weight"
    }
    assert not mb.gradcheck(model, {"input_ids": [[2, 7, 3]]}, verbose=False)["classifier.weight"].ok


def test_the_table_and_the_padding_row(capsys) -> None:
    model = small.classifier("float64", num_hidden_layers=1)
    before = {name: array.copy() for name, array in model.parameters.items()}
    report = mb.gradcheck(model, {"input_ids": [[2, 7, 0, 3]], "labels": [1]}, elements=2)
    shown = capsys.readouterr().out
    assert shown.rstrip() == str(report)
    for heading in ("analytic", "numeric", "error", "worst index", "h=1e-03", "h=1e-06"):
        assert heading in shown
    assert "left out: row 0 of bert.embeddings.word_embeddings.weight, the padding token's" in shown
    assert f"all {len(report.rows)} within the tolerance of 1e-07" in shown
    assert set(report.rows[0].errors) == {1e-3, 1e-4, 1e-5, 1e-6}
    for name, array in before.items():
        np.testing.assert_array_equal(array, model.parameters[name])
    with pytest.raises(KeyError, match="nothing named 'x' was checked"):
        report["x"]


@pytest.mark.parametrize(("steps", "message"), [((), "steps is empty"), ((0.0,), "a step is 0.0")])
def test_steps_are_numbers_above_zero(steps: tuple[float, ...], message: str) -> None:
    with pytest.raises(mb.InputError, match=message):
        mb.gradcheck((softmax_forward, softmax_backward), {"x": normal(2, 3)}, steps=steps)

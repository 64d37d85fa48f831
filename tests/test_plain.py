"""The page of plain arrays against the library: values, every gradient, and that it stays one page."""

import ast
import inspect

import numpy as np
import pytest

import minibert as mb
from minibert import plain


def model_and_inputs(seed: int) -> tuple[mb.BertForPreTraining, dict[str, np.ndarray]]:
    """A model with random weights everywhere, and a batch with padding, repeated ids, two types, some labels."""
    rng = np.random.default_rng(seed)
    config = mb.BertConfig(
        vocab_size=17, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
        max_position_embeddings=9, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    model = mb.BertForPreTraining(config).to(dtype="float64")
    model.load_state_dict({name: rng.normal(size=array.shape) * 0.5 for name, array in model.state_dict().items()})
    ids = rng.integers(0, 17, size=(2, 7))
    ids[:, 3] = ids[:, 1]
    inputs = {
        "input_ids": ids,
        "token_type_ids": np.array([[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 0, 0]]),
        "attention_mask": np.array([[1] * 7, [1] * 5 + [0] * 2]),
        "labels": np.where(rng.random((2, 7)) < 0.5, ids, -100),
        "next_sentence_label": np.array([1, 0]),
    }
    return model, inputs


@pytest.mark.parametrize("seed", [0, 1])
def test_values_and_every_gradient(seed: int) -> None:
    model, inputs = model_and_inputs(seed)
    output = model(**inputs, trace=(trace := mb.Trace()))
    expected = model.backward(trace)
    weights = {name: model.state_dict()[name] for name in expected}  # the tied decoder by the word embeddings' name
    loss, word_logits, next_logits, kept = plain.bert(weights, *inputs.values(), heads=3)
    assert abs(loss - output.loss) < 1e-10
    np.testing.assert_allclose(word_logits, output.prediction_logits, rtol=0, atol=1e-10)
    np.testing.assert_allclose(next_logits, output.seq_relationship_logits, rtol=0, atol=1e-10)
    grads = plain.bert_backward(weights, kept)
    assert set(grads) == set(expected)
    for name, gradient in expected.items():
        np.testing.assert_allclose(grads[name], gradient, rtol=0, atol=1e-10, err_msg=name)


def test_it_stays_one_page() -> None:
    tree = ast.parse(inspect.getsource(plain))
    prose = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node):
            prose |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(inspect.getsource(plain).splitlines(), start=1)
    assert len([line for number, line in lines if line.strip() and number not in prose]) <= 150
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert all("->" in (ast.get_docstring(node) or "->") for node in functions)


def test_inputs_and_weights_stay_as_they_were() -> None:
    model, inputs = model_and_inputs(3)
    weights = model.state_dict()
    arrays = {**weights, **inputs}
    before = {name: array.copy() for name, array in arrays.items()}
    loss, *_, kept = plain.bert(weights, *inputs.values(), heads=3)
    first = plain.bert_backward(weights, kept)
    again = plain.bert_backward(weights, kept)
    assert loss == plain.bert(weights, *inputs.values(), heads=3)[0]
    assert all((first[name] == again[name]).all() for name in first)
    assert all((arrays[name] == before[name]).all() for name in before)

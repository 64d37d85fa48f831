"""Every class, with random configurations and inputs, against transformers in float64: outputs and all gradients."""

import os

import numpy as np
import pytest

import minibert as mb
from minibert.models.files import PreTrainedModel
from tests.random_cases import CLASSES, Case, config_name, random_case

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[reference]'")
pytest.importorskip("transformers", reason="transformers is not installed: pip install -e '.[reference]'")
from tests.reference import runner  # noqa: E402

pytestmark = pytest.mark.reference

# More cases a class than usual: MINIBERT_REFERENCE_CASES=200
CASES = int(os.environ.get("MINIBERT_REFERENCE_CASES", "16"))
FORWARD, BACKWARD = 1e-10, 1e-8


def build(case: Case) -> PreTrainedModel:
    """minibert's model of the case, in float64, with weights that leave no parameter at its special value."""
    config = getattr(mb, config_name(case.class_name))(**case.config)
    model = getattr(mb, case.class_name)(config, seed=case.seed, dtype="float64", **case.options)
    rng = np.random.default_rng(case.seed)
    for name, array in model.parameters.items():
        array += rng.normal(size=array.shape) * 0.2
        assert model.parameters[name] is array
    return model


def call(model: PreTrainedModel, case: Case, trace: mb.Trace | None = None):
    """minibert's output of the case's call, after the earlier one."""
    inputs = dict(case.inputs)
    if case.past is not None:
        inputs["past_key_values"] = model(**case.past).past_key_values
    return model(**inputs, trace=trace)


def assert_close(name: str, ours, theirs, tolerance: float) -> None:
    """Largest difference relative to the largest value, 1 at least."""
    theirs = theirs.detach().numpy()
    ours = np.asarray(ours)
    assert ours.shape == theirs.shape, f"{name}: {ours.shape} for {theirs.shape}"
    assert ours.dtype == np.float64, f"{name}: {ours.dtype}"
    if np.isnan(theirs).any():
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs), err_msg=name)
        return
    scale = max(1.0, float(np.abs(theirs).max(initial=0.0)))
    worst = float(np.abs(ours - theirs).max(initial=0.0)) / scale
    assert worst <= tolerance, f"{name}: relative difference {worst:.2e}"


@pytest.mark.parametrize("class_name", CLASSES)
@pytest.mark.parametrize("start", range(0, CASES, 8))
def test_outputs_agree(class_name: str, start: int) -> None:
    for seed in range(start, min(start + 8, CASES)):
        case = random_case(class_name, seed)
        model = build(case)
        theirs_model = runner.build(case, model.state_dict())
        theirs = runner.forward(theirs_model, case)
        ours = call(model, case)
        compare_outputs(case, ours, theirs)
        traced = call(model, case, mb.Trace())
        compare_outputs(case, traced, theirs)


def compare_outputs(case: Case, ours, theirs) -> None:
    where = f"{case.class_name} seed {case.seed}"
    assert list(ours.keys()) == list(theirs.keys()), where
    for field in theirs:
        if field == "past_key_values":
            compare_caches(where, ours[field], theirs[field])
        elif field == "loss":
            assert_close(f"{where} loss", ours.loss, runner.loss_in_double(case, theirs), FORWARD)
        elif isinstance(theirs[field], tuple):
            assert len(ours[field]) == len(theirs[field]), f"{where} {field}"
            for i, (one, other) in enumerate(zip(ours[field], theirs[field], strict=True)):
                assert_close(f"{where} {field}[{i}]", one, other, FORWARD)
        else:
            assert_close(f"{where} {field}", ours[field], theirs[field], FORWARD)


def compare_caches(where: str, ours: mb.Cache, theirs) -> None:
    assert ours.get_seq_length() == theirs.get_seq_length(), where
    for i in range(len(ours)):
        layer = theirs.self_attention_cache.layers[i]
        assert_close(f"{where} key {i}", ours[i][0], layer.keys, FORWARD)
        assert_close(f"{where} value {i}", ours[i][1], layer.values, FORWARD)


@pytest.mark.parametrize("class_name", CLASSES)
@pytest.mark.parametrize("start", range(0, CASES, 8))
def test_gradients_agree(class_name: str, start: int) -> None:
    for seed in range(start, min(start + 8, CASES)):
        compare_gradients(random_case(class_name, seed))


def compare_gradients(case: Case) -> None:
    """From the loss and from random gradients of every real-valued output; parameters, inputs and hidden states."""
    model = build(case)
    theirs_model = runner.build(case, model.state_dict())
    inputs = runner.tensors(case.inputs)
    leaves = {name: inputs[name].requires_grad_() for name in ("inputs_embeds", "encoder_hidden_states", "head_mask")
              if name in inputs}  # fmt: skip
    theirs = runner.forward(theirs_model, case, inputs)
    rng = np.random.default_rng(case.seed)
    trace = mb.Trace()
    ours = call(model, case, trace)
    seeds, total = {}, 0.0
    for field in theirs:
        value = theirs[field]
        if field == "loss":
            loss = runner.loss_in_double(case, theirs)
            if not torch.isnan(loss):
                total = total + 0.7 * loss
                seeds["loss"] = 0.7
        elif isinstance(value, tuple):
            seeds[field] = [rng.normal(size=tuple(part.shape)) for part in value]
            total = total + sum((part * torch.tensor(dy)).sum() for part, dy in zip(value, seeds[field], strict=True))
        elif isinstance(value, torch.Tensor):
            seeds[field] = rng.normal(size=tuple(value.shape))
            total = total + (value * torch.tensor(seeds[field])).sum()
    kept = trace_hidden_states(theirs)
    total.backward()
    grads = model.backward(trace, seeds)
    where = f"{case.class_name} seed {case.seed}"
    names = dict(theirs_model.named_parameters())
    expected = {name: names[name].grad for name in names if names[name].grad is not None}
    for name, gradient in expected.items():
        if name in grads:
            assert_close(f"{where} d{name}", grads[name], gradient, BACKWARD)
        else:
            assert not gradient.abs().max() > 0, f"{where}: no gradient of {name}"
    assert set(grads) <= set(expected), set(grads) - set(expected)
    for name, leaf in leaves.items():
        gradient = leaf.grad if leaf.grad is not None else torch.zeros_like(leaf)
        if name == "head_mask" and leaf.ndim == 1:
            mine = trace.grad[name].sum(axis=0)
        elif name in trace.grad:
            mine = trace.grad[name]
        else:
            mine = np.zeros(tuple(leaf.shape))
        if name == "inputs_embeds":
            mine = mine.reshape(leaf.shape)  # of several choices, flattened by the front door
        assert_close(f"{where} d{name}", mine, gradient, BACKWARD)
    if kept is not None:
        path = model.base_model.encoder.path if hasattr(model, "base_model") else model.encoder.path
        for i, state in enumerate(kept[1:]):
            assert_close(f"{where} dlayer {i}", trace.grad[f"{path}.layer.{i}"], state.grad, BACKWARD)
    assert ours is not None


def trace_hidden_states(output):
    if output.get("hidden_states") is None:
        return None
    for state in output.hidden_states:
        state.retain_grad()
    return output.hidden_states

"""What only a GPU can show: the kernels and models on the card against the CPU.

    pip install -e ".[test,cuda13]" && python -m pytest -m gpu

Without CuPy or a card every test is skipped, with the sentence that says what is missing.
"""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert import backend
from minibert import functional as F
from minibert.functional import numbers
from minibert.kernels import calls
from tests.gradients import rng_of
from tests.small_models import small_inputs, small_model

pytestmark = pytest.mark.gpu

CLASSES = ["BertForMaskedLM", "BertForPreTraining", "BertForQuestionAnswering", "RobertaForSequenceClassification",
           "RobertaForCausalLM", "RemBertForTokenClassification"]  # fmt: skip


@pytest.fixture
def cp() -> ModuleType:
    try:
        cupy = backend.load_backend("cupy")
    except mb.BackendError as error:
        pytest.skip(str(error))
    mb.allow_tf32(False)
    return cupy


@pytest.fixture
def inside_layers(cp: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of calls that bring an array, or a number of one, back to the host inside a layer."""
    from minibert.models.layer import Layer

    depth, seen = [0], []

    def entering(method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            depth[0] += 1
            try:
                return method(*args, **kwargs)
            finally:
                depth[0] -= 1

        return call

    def noting(name: str, method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if depth[0]:
                seen.append(name)
            return method(*args, **kwargs)

        return call

    for name in ("forward", "backward"):
        monkeypatch.setattr(Layer, name, entering(getattr(Layer, name)))
    for name in ("get", "item", "tolist", "__bool__", "__int__", "__float__", "__array__"):
        monkeypatch.setattr(cp.ndarray, name, noting(name, getattr(cp.ndarray, name)))
    for name in ("asnumpy", "flatnonzero", "nonzero"):
        monkeypatch.setattr(cp, name, noting(name, getattr(cp, name)))
    return seen


def pair(class_name: str, dtype: str, **changes: Any) -> tuple[Any, Any, dict[str, Any]]:
    """The same model on the CPU and on the card, and inputs."""
    host, card = small_model(class_name, dtype, **changes), small_model(class_name, dtype, **changes)
    host.to("numpy")
    card.to("cupy")
    return host, card, small_inputs(host, labels=True)


@pytest.mark.parametrize("class_name", CLASSES)
@pytest.mark.parametrize(("dtype", "rounding"), [("float64", 1e-10), ("float32", 2e-4)])
@pytest.mark.parametrize("keep", ["*", "backward"])
@pytest.mark.parametrize("dropout", [False, True])
def test_parity_with_the_cpu(
    cp: ModuleType, class_name: str, dtype: str, rounding: float, keep: str, dropout: bool
) -> None:
    """Fused (keep "backward") and step by step (keep "*"); dropout draws the same masks."""
    host, card, inputs = pair(class_name, dtype)
    found = []
    for model in (host, card):
        if dropout:
            model.train(3)
        trace = mb.Trace(keep)
        out = model(**inputs, trace=trace)
        found.append((out.loss, model.backward(trace), {name: mb.to_numpy(value) for name, value in trace.items()}))
    (loss, grads, values), (card_loss, card_grads, card_values) = found
    np.testing.assert_allclose(float(card_loss), float(loss), rtol=rounding)
    largest = max(np.abs(gradient).max() for gradient in grads.values())
    assert list(card_grads) == list(grads)
    for name, gradient in grads.items():
        found_here = card_grads[name].get()
        np.testing.assert_allclose(found_here, gradient, rtol=rounding, atol=rounding * largest, err_msg=name)
    assert list(card_values) == list(values)
    for name, value in values.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(card_values[name], value, rtol=rounding, atol=rounding * 10, err_msg=name)
        else:
            np.testing.assert_array_equal(card_values[name], value, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_two_runs_give_the_same_bits(cp: ModuleType, dtype: str) -> None:
    """Forward, backward and five steps of training."""
    runs = []
    for _ in range(2):
        model = small_model("BertForMaskedLM", "float32").to("cupy", dtype=dtype).train(7)
        inputs = small_inputs(model, labels=True)
        optimizer, scaler, losses = mb.AdamW(model, lr=1e-3), mb.LossScaler(256.0, enabled=dtype == "float16"), []
        for _ in range(5):
            trace = mb.Trace("backward")
            losses.append(float(model(**inputs, trace=trace).loss))
            grads = scaler.unscale(model.backward(trace, {"loss": scaler.scale}))
            if scaler.update(grads):
                optimizer.step(grads)
        runs.append((losses, {name: mb.to_numpy(array) for name, array in model.state_dict().items()}))
    assert runs[0][0] == runs[1][0]
    assert np.isfinite(runs[0][0]).all()
    for name, array in runs[0][1].items():
        np.testing.assert_array_equal(array, runs[1][1][name], err_msg=name)


def test_nothing_comes_back_inside_a_layer(inside_layers: list[str]) -> None:
    _, card, inputs = pair("BertForMaskedLM", "float32")
    trace = mb.Trace("backward")
    card(**inputs)
    card(**inputs, trace=trace)
    card.backward(trace)
    assert inside_layers == []


@pytest.mark.parametrize("class_name", CLASSES)
def test_float16_agrees_with_float32(cp: ModuleType, class_name: str) -> None:
    half = small_model(class_name, "float32").to("cupy", dtype="float16")
    wide = small_model(class_name, "float32").to("cupy")
    wide.load_state_dict({name: array.get().astype(np.float32) for name, array in half.state_dict().items()})
    inputs = small_inputs(wide, labels=True)
    outs = half(**inputs), wide(**inputs)
    assert outs[0].loss.dtype == np.float32
    np.testing.assert_allclose(float(outs[0].loss), float(outs[1].loss), rtol=5e-3)


def test_tf32_changes_digits_and_no_more(cp: ModuleType) -> None:
    _, card, inputs = pair("BertForMaskedLM", "float32")
    exact = mb.to_numpy(card(**inputs).logits)
    mb.allow_tf32(True)
    try:
        rounded = mb.to_numpy(card(**inputs).logits)
    finally:
        mb.allow_tf32(False)
    np.testing.assert_allclose(rounded, exact, rtol=0, atol=0.02 * np.abs(exact).max())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 12, 128, 128), (4, 12, 33, 512)])
def test_kernels_at_real_sizes(cp: ModuleType, dtype: str, shape: tuple[int, ...]) -> None:
    """The emulator runs small arrays only; here are the widths of real models."""
    rounding = {"float16": 4e-3, "float32": 4e-6, "float64": 1e-13}[dtype]
    rng = rng_of(1)
    scores = rng.normal(size=shape).astype(dtype)
    kept = rng.random(shape) < 0.9
    probs, dropped = calls.masked_softmax(cp.asarray(scores), None, 8.0, cp.asarray(kept), 1 / 0.9)
    exact = F.softmax(scores.astype(np.float64) / 8.0)
    for found, expected in ((probs, exact), (dropped, F.dropout(exact, kept, 0.1))):
        np.testing.assert_allclose(found.get().astype(np.float64), expected, rtol=rounding, atol=rounding)
    x, weight = rng.normal(size=(300, 768)).astype(dtype), rng.normal(size=(3, 768)).astype(dtype)
    on_card = [cp.asarray(each) for each in (x, *weight)]
    y, cache = calls.residual_layer_norm(on_card[0], on_card[2], on_card[3], 1e-12, on_card[1], on_card[0])
    exact_x, bias, gamma, beta = (each.astype(np.float64) for each in (x, *weight))
    expected, plain = F.layer_norm(exact_x + bias + exact_x, gamma, beta, 1e-12)
    np.testing.assert_allclose(y.get().astype(np.float64), expected, rtol=rounding, atol=8 * rounding)
    gradients = F.layer_norm_backward(on_card[0], cache, on_card[2])
    exact_gradients = F.layer_norm_backward(exact_x, plain, gamma)
    for found, expected in zip(gradients, exact_gradients, strict=True):
        error = np.linalg.norm(found.get().astype(np.float64) - expected) / np.linalg.norm(expected)
        assert error < 4 * rounding


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_batched_products(cp: ModuleType, dtype: str) -> None:
    rng = rng_of(2)
    rows = cp.asarray(rng.normal(size=(3, 20, 4 * 16)).astype(dtype))
    heads = F.split_heads(rows, 4)
    rounding = {"float16": 4e-3, "float32": 1e-5, "float64": 1e-12}[dtype]
    for a, b in ((heads, heads.swapaxes(-1, -2)), (heads.swapaxes(-1, -2), heads)):
        expected = a.get().astype(np.float64) @ b.get().astype(np.float64)
        np.testing.assert_allclose(
            numbers.matmul(a, b).get().astype(np.float64), expected, rtol=0, atol=rounding * np.abs(expected).max()
        )


def test_loading_and_moving(cp: ModuleType, tmp_path: Any) -> None:
    host, card, inputs = pair("BertForMaskedLM", "float32")
    host.save_pretrained(tmp_path)
    loaded = mb.BertForMaskedLM.from_pretrained(tmp_path, backend="cupy")
    for name, array in card.state_dict().items():
        np.testing.assert_array_equal(loaded.state_dict()[name].get(), array.get(), err_msg=name)
    ids = cp.asarray(np.asarray(inputs["input_ids"]))
    out = loaded(ids)
    assert isinstance(out.logits, cp.ndarray)
    with pytest.raises(mb.InputError, match="exist here"):
        loaded(ids - 1000)
    assert isinstance(loaded.to("numpy")(inputs["input_ids"]).logits, np.ndarray)


def test_a_model_larger_than_the_memory(cp: ModuleType) -> None:
    """Refused before anything is moved: a table of 4096 floats a row, more rows than the card has room for."""
    free, _ = cp.cuda.runtime.memGetInfo()
    rows = int(free // (4 * 4096)) * 2
    config = mb.BertConfig(vocab_size=rows, hidden_size=4096, num_hidden_layers=1, num_attention_heads=1)
    with pytest.raises(mb.BackendError, match=r"needs [\d.]+ GiB of the GPU's memory, and [\d.]+ GiB are free"):
        mb.BertModel(config, backend="cupy")


def test_a_stream_of_ones_own(cp: ModuleType) -> None:
    _, card, inputs = pair("BertForMaskedLM", "float32")
    expected = mb.to_numpy(card(**inputs).logits)
    with cp.cuda.Stream(non_blocking=True) as stream:
        logits = card(**inputs).logits
    stream.synchronize()
    np.testing.assert_array_equal(mb.to_numpy(logits), expected)

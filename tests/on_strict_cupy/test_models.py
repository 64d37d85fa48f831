"""All classes on the stand-in: forward, backward and traces are NumPy's, bit for bit where the arithmetic is the same.

The models' activation is the tanh form of GELU: of the erf form NumPy and CuPy compute another approximation, which
RoBERTa's language-model head has in any case.
"""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.gradients import rng_of
from tests.models.test_gradients import ALL, MASK_SEED, settings_of
from tests.small_models import B, K, N, small_inputs, small_model
from tests.strict_cupy import transfers

GELU_ERF = ("RobertaForMaskedLM", "RobertaForCausalLM")  # in the head
CASES = [(class_name, label, dtype) for class_name, label in ALL for dtype in ("float64", "float32")]
FEW = [case for case in CASES if case[0] in ("BertForMaskedLM", "RobertaModel", "RemBertForCausalLM")]


def host(value: Any) -> Any:
    """Arrays of an output or a trace, fetched."""
    if isinstance(value, tuple | mb.Cache):
        return [host(each) for each in value]
    return mb.to_numpy(value) if hasattr(value, "dtype") else value


class Case:
    """A model and its inputs, the same numbers on either backend."""

    def __init__(self, class_name: str, label: str, dtype: str, **changes: Any) -> None:
        self.setting = settings_of(class_name)[label]
        self.model = small_model(class_name, dtype, **{"hidden_act": "gelu_new", **self.setting.config, **changes})
        self.inputs = {**small_inputs(self.model, **self.setting.inputs), **self.setting.call}
        past = self.setting.past
        rng = rng_of(40)
        self.past = tuple(
            tuple(rng.normal(size=(B, N, past, K)) for _ in range(2))
            for _ in range(self.model.config.num_hidden_layers if past else 0)
        )
        if past and "attention_mask" in self.inputs:
            mask = self.inputs["attention_mask"]
            self.inputs["attention_mask"] = np.concatenate([np.array([[1, 1], [0, 1]]), mask], axis=1)

    def run(self, keep: Any = "*") -> dict[str, Any]:
        """Everything of a call and its backward, on the host: outputs, values, gradients of both kinds."""
        if self.setting.train:
            self.model.train(MASK_SEED)
        trace = mb.Trace(keep)
        past = {"past_key_values": self.past} if self.past else {}
        output = self.model(**self.inputs, **past, trace=trace)
        gradients = self.model.backward(trace, self.seeds(output))
        assert all(isinstance(array, self.model.parameters.xp.ndarray) for array in gradients.values())
        found = {f"output {name}": host(value) for name, value in output.items()}
        found |= {f"value {name}": host(value) for name, value in trace.items()}
        found |= {f"gradient {name}": host(value) for name, value in gradients.items()}
        return found | {f"gradient at {name}": host(value) for name, value in trace.grad.items()}

    def seeds(self, output: Any) -> dict[str, Any]:
        """A random gradient for every output, on the host: the front door moves it."""
        rng = rng_of(41)
        seeds: dict[str, Any] = {}
        for name, value in output.items():
            if isinstance(value, tuple):
                seeds[name] = tuple(rng.normal(size=each.shape) for each in value)
            elif name != "past_key_values":
                seeds[name] = rng.normal(size=value.shape) if value.ndim else 0.7
        return seeds


def assert_same(ours: dict[str, Any], expected: dict[str, Any], tolerance: float = 0.0) -> None:
    """Equal bits, or within a tolerance relative to the largest number of the array."""
    assert list(ours) == list(expected)
    for name, array in expected.items():
        for one, other in zip(flat(ours[name]), flat(array), strict=True):
            assert one.dtype == other.dtype, name
            if tolerance == 0.0:
                np.testing.assert_array_equal(one, other, err_msg=name)
            else:
                largest = float(np.abs(other[np.abs(other) < 1e30]).max(initial=1.0)) if other.dtype.kind == "f" else 1
                np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * largest, err_msg=name)


def flat(value: Any) -> list[np.ndarray]:
    return [array for each in value for array in flat(each)] if isinstance(value, list) else [value]


def tolerance_of(class_name: str, dtype: str) -> float:
    if class_name not in GELU_ERF:
        return 0.0
    return 1e-12 if dtype == "float64" else 4e-6


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(("class_name", "label", "dtype"), CASES)
def test_everything_is_numpys(cupy: ModuleType, class_name: str, label: str, dtype: str) -> None:
    case = Case(class_name, label, dtype)
    expected = case.run()
    case.model.to("cupy")
    assert_same(case.run(), expected, tolerance_of(class_name, dtype))


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(("class_name", "label", "dtype"), FEW)
def test_what_is_not_kept_may_be_fused(cupy: ModuleType, class_name: str, label: str, dtype: str) -> None:
    """Where the trace keeps only what backward needs, steps are taken together."""
    case = Case(class_name, label, dtype)
    expected = case.run("backward")
    case.model.to("cupy")
    assert_same(case.run("backward"), expected, tolerance_of(class_name, dtype))


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("keep", ["*", "backward"])
@pytest.mark.parametrize(("class_name", "label", "dtype"), FEW)
def test_with_kernels(cupy_with_kernels: ModuleType, class_name: str, label: str, dtype: str, keep: str) -> None:
    """The CUDA kernels, compiled for the CPU: equal up to rounding, and nothing is ever waited for."""
    case = Case(class_name, label, dtype, hidden_act="gelu")
    expected = case.run(keep)
    case.model.to("cupy")
    with transfers.forbid("wait"):
        ours = case.run(keep)
    assert_same(ours, expected, 1e-11 if dtype == "float64" else 3e-5)
    assert_same(case.run(keep), ours)  # the same bits twice


@pytest.mark.parametrize("class_name", ["BertForMaskedLM", "RemBertForSequenceClassification"])
def test_gradient_checkpointing(cupy: ModuleType, class_name: str) -> None:
    case = Case(class_name, "trained", "float32")
    case.model.to("cupy")
    expected = case.run("backward")
    case.model.gradient_checkpointing_enable()
    assert_same(case.run("backward"), expected)


@pytest.mark.parametrize("class_name", ["BertModel", "RobertaForSequenceClassification", "RemBertForMaskedLM"])
def test_there_and_back(cupy: ModuleType, class_name: str) -> None:
    model = small_model(class_name, "float32")
    before = {name: array.copy() for name, array in model.state_dict().items()}
    model.to("cupy", dtype="float64").to("numpy", dtype="float32")
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert model.backend == "numpy"


def test_new_models_are_the_same_on_either_backend(cupy: ModuleType) -> None:
    config = small_model("BertModel").config
    one, other = mb.BertModel(config, seed=4), mb.BertModel(config, seed=4, backend="cupy")
    assert other.backend == "cupy"
    for name, array in one.state_dict().items():
        np.testing.assert_array_equal(mb.to_numpy(other.state_dict()[name]), array)


def test_saved_and_loaded(cupy: ModuleType, tmp_path: Any) -> None:
    model = small_model("BertForMaskedLM", "float32").to("cupy")
    model.save_pretrained(tmp_path)
    loaded = mb.BertForMaskedLM.from_pretrained(tmp_path, backend="cupy")
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(mb.to_numpy(loaded.state_dict()[name]), mb.to_numpy(array))
    fresh = small_model("BertForMaskedLM", "float32", seed=9).to("cupy")
    fresh.load_state_dict(model.state_dict())
    fresh.load_state_dict({name: mb.to_numpy(array) for name, array in model.state_dict().items()})
    for name, array in fresh.state_dict().items():
        np.testing.assert_array_equal(mb.to_numpy(array), mb.to_numpy(model.state_dict()[name]))


def test_inputs_may_be_anywhere(cupy: ModuleType) -> None:
    model = small_model("BertForMaskedLM", "float32").to("cupy")
    inputs = small_inputs(model, labels=True)
    expected = mb.to_numpy(model(**inputs).logits)
    for move in (lambda x: x.tolist(), cupy.asarray, lambda x: x):
        output = model(**{name: move(value) for name, value in inputs.items()})
        assert isinstance(output.logits, cupy.ndarray)
        np.testing.assert_array_equal(mb.to_numpy(output.logits), expected)


@pytest.mark.parametrize("where", ["list", "numpy", "cupy"])
def test_ids_are_checked_before_they_could_wrap_around(cupy: ModuleType, where: str) -> None:
    model = small_model("BertModel").to("cupy")
    ids: Any = [[1, 2, 13]]
    ids = ids if where == "list" else {"numpy": np.asarray, "cupy": cupy.asarray}[where](ids)
    with pytest.raises(mb.InputError, match=r"^input_ids\[0, 2\] is 13: ids 0\.\.12 exist here\.$"):
        model(input_ids=ids)


def test_reading_a_trace(cupy: ModuleType) -> None:
    model = small_model("BertForMaskedLM", "float32")
    inputs = small_inputs(model, labels=True)
    texts = []
    for backend in ("numpy", "cupy"):
        model.to(backend)
        output, trace = model.run_with_cache(**inputs)
        model.backward(trace)
        rows = trace.table()
        assert [row["name"] for row in rows] == list(trace)
        assert trace.show("*.probs")
        assert repr(trace)
        assert mb.to_numpy(trace.stack("*.self.probs")).shape[0] == 2
        texts.append([(row["name"], round(row["mean"], 4), row["shape"]) for row in rows])
        assert isinstance(output.loss.item(), float)
    assert texts[0] == texts[1]


def test_edits(cupy: ModuleType) -> None:
    model = small_model("BertForMaskedLM", hidden_act="gelu_new")
    inputs = small_inputs(model, labels=True)
    name = "bert.encoder.layer.0.attention.self.probs"
    found = []
    for backend in ("numpy", "cupy"):
        model.to(backend)
        trace = mb.Trace()
        edits = {name: mb.Edit(lambda p: p * 0.5, lambda dp, p: dp * 0.5)}
        loss = model(**inputs, edits=edits, trace=trace).loss
        gradients = model.backward(trace)
        found.append({"loss": host(loss)} | {name: host(array) for name, array in gradients.items()})
    assert_same(found[1], found[0])

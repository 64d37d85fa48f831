"""The backward of whole models against differences: every class, every parameter, every recorded intermediate.

The loss here is 0.7 times the model's own plus every output times a random upstream gradient, so that nothing is
zero by symmetry. In training the masks are the same in every call, because each begins with the same seed.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.models.files import PreTrainedModel
from tests.gradients import TOLERANCE, GradientMismatch, check_gradients, rng_of
from tests.random_cases import CLASSES
from tests.small_models import DECODERS, B, K, L, N, small_inputs, small_model

MASK_SEED = 5
LEAVES = ("inputs_embeds", "encoder_hidden_states", "head_mask")


@dataclass
class Setting:
    """A way to configure and call a model."""

    config: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    train: bool = False
    past: int = 0  # cached tokens before the text
    call: dict[str, Any] = field(default_factory=dict)


DROPOUT = {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.4}
CROSS = {"is_decoder": True, "add_cross_attention": True}
STATES = {"output_attentions": True, "output_hidden_states": True}

# of the bare models, and of the language models
WIDE = {
    "plain": Setting(inputs={"positions": True}, call=STATES),
    "trained": Setting(DROPOUT, {"head_mask": True, "embeds": True}, train=True, call=STATES),
    "mask of three axes": Setting({"num_hidden_layers": 1}, {"mask": 3, "types": False}),
    "cross-attention": Setting(CROSS, {"encoder": True, "head_mask": True}, call={"use_cache": False}),
    "cached": Setting(CROSS, {"encoder": True}, past=2, call=STATES),
    "cross-attention, trained": Setting({**CROSS, **DROPOUT}, {"encoder": True}, train=True, call=STATES),
}
RELATIVE = {
    "relative_key": Setting({"position_embedding_type": "relative_key"}),
    "relative_key_query": Setting({"position_embedding_type": "relative_key_query"}, {"head_mask": True}),
    "relative_key_query, cached": Setting(
        {"position_embedding_type": "relative_key_query", "is_decoder": True, "num_hidden_layers": 1}, past=2
    ),
}
TASK = {
    "plain": Setting({"num_hidden_layers": 1}, {"labels": True}),
    "trained": Setting(
        {**DROPOUT, "num_hidden_layers": 1}, {"labels": True, "embeds": True, "mask": None}, train=True,
        call=STATES,
    ),
}  # fmt: skip


def settings_of(class_name: str) -> dict[str, Setting]:
    """The settings that this class is checked in."""
    relative = {} if class_name.startswith("RemBert") else RELATIVE
    if class_name.endswith("Model") and class_name not in DECODERS:
        return {**WIDE, **relative, "no pooler": Setting({"num_hidden_layers": 1, "add_pooling_layer": False})}
    settings = dict(TASK)
    if class_name in DECODERS:
        settings["cached cross-attention"] = Setting(
            {**CROSS, "num_hidden_layers": 1}, {"encoder": True}, past=2, call={"output_attentions": True}
        )
        settings["last logits"] = Setting({"num_hidden_layers": 1}, {}, call={"logits_to_keep": 2})
    if "MaskedLM" in class_name:
        settings["some logits, some twice"] = Setting(
            {"num_hidden_layers": 1}, {}, call={"logits_to_keep": [2, 0, 2]}
        )
        settings["a decoder for once"] = Setting({**CROSS, "num_hidden_layers": 1}, {"encoder": True, "labels": True})
    if "MaskedLM" in class_name or class_name in DECODERS or "PreTraining" in class_name:
        tied = class_name.startswith("RemBert")
        settings["untied" if not tied else "tied"] = Setting(
            {"num_hidden_layers": 1, "tie_word_embeddings": tied}, {"labels": True}
        )
    if "SequenceClassification" in class_name:
        for kind in ("regression", "multi_label_classification"):
            settings[kind] = Setting({"num_hidden_layers": 1, "problem_type": kind}, {"labels": True})
    return settings


ALL = [(class_name, label) for class_name in CLASSES for label in settings_of(class_name)]


class Check:
    """A model, its inputs, and the loss with random upstream gradients."""

    def __init__(self, class_name: str, setting: Setting) -> None:
        self.setting = setting
        self.model: PreTrainedModel = small_model(class_name, **setting.config)
        rng = rng_of(40)
        self.inputs = {**small_inputs(self.model, **setting.inputs), **setting.call}
        self.past = [
            tuple(rng.normal(size=(B, N, setting.past, K)) for _ in range(2))
            for _ in range(self.model.config.num_hidden_layers if setting.past else 0)
        ]
        if setting.past and "attention_mask" in self.inputs:
            mask = self.inputs["attention_mask"]
            self.inputs["attention_mask"] = np.concatenate([np.array([[1, 1], [0, 1]]), mask], axis=1)
        self.upstream: dict[str, Any] = {}
        for name, value in self.call().items():
            if name == "loss":
                self.upstream[name] = 0.7
            elif isinstance(value, tuple):
                self.upstream[name] = [rng.normal(size=part.shape) for part in value]
            elif name != "past_key_values":
                self.upstream[name] = rng.normal(size=value.shape)

    def call(self, trace: mb.Trace | None = None) -> Any:
        """One call, with the same dropout masks every time."""
        if self.setting.train:
            self.model.train(MASK_SEED)
        past = {"past_key_values": tuple(self.past)} if self.past else {}
        return self.model(**self.inputs, **past, trace=trace)

    def loss(self, trace: mb.Trace | None = None) -> float:
        """What the gradients are of."""
        out = self.call(trace)
        total = 0.0
        for name, dy in self.upstream.items():
            if isinstance(dy, list):
                total += sum(float((part * each).sum()) for part, each in zip(out[name], dy, strict=True))
            else:
                total += float((out[name] * dy).sum())
        return total

    def backward(self, keep: Any = "*") -> tuple[dict[str, np.ndarray], mb.Trace]:
        """The gradients of the parameters, and the trace with all others."""
        trace = mb.Trace(keep)
        self.call(trace)
        return self.model.backward(trace, self.upstream), trace

    def run(self) -> None:
        """Compare all gradients of parameters and inputs."""
        gradients, trace = self.backward()
        parameters = self.model.parameters
        for name, array in parameters.items():
            if name not in gradients:  # nothing flows through it: then moving it changes nothing
                gradients[name] = np.zeros(array.shape)
        for name, row in parameters.padding.items():
            if name not in parameters.tied.values():
                assert not gradients[name][row].any(), f"{name}: the padding row gets a gradient"
        leaves = {name: self.inputs[name] for name in LEAVES if name in self.inputs}
        for name, leaf in leaves.items():
            gradients[name] = trace.grad[name].reshape(leaf.shape)
        check_gradients(
            self.loss, {**parameters, **leaves}, gradients, step=2e-4, entries=1, left_out=parameters.padding
        )


@pytest.mark.parametrize(("class_name", "label"), ALL)
def test_gradients(class_name: str, label: str) -> None:
    Check(class_name, settings_of(class_name)[label]).run()


class Nudged(mb.Trace):
    """Moves one value of the pass as soon as it is recorded."""

    def __init__(self, name: str, nudge: np.ndarray) -> None:
        super().__init__("*")  # so that on a GPU no steps are fused into one
        self.name, self.nudge = name, nudge

    def record(self, point: mb.TracePoint, value: np.ndarray) -> None:
        if point.name == self.name:
            value += self.nudge
        super().record(point, value)


def slope_at(check: Check, name: str, direction: np.ndarray, step: float = 2e-4) -> float:
    """The derivative of the loss when the recorded value of this name moves."""

    def at(distance: float) -> float:
        return check.loss(Nudged(name, distance * direction))

    return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)


# a value whose move comes too late, because what follows was computed with it: the norm's own quantities
INSIDE_NORM = (".normalized", ".rstd")
CONSTANT = ("attention_mask", "head_mask")  # the gradient of head_mask is compared above

WITH_INTERMEDIATES = [
    ("BertModel", "plain"),
    ("BertModel", "trained"),
    ("BertModel", "cross-attention"),
    ("BertModel", "cached"),
    ("BertModel", "relative_key_query"),
    ("RobertaModel", "plain"),
    ("RobertaForSequenceClassification", "trained"),
    ("RobertaForMaskedLM", "plain"),
    ("RemBertModel", "trained"),
    ("RemBertForCausalLM", "cached cross-attention"),
    ("BertForPreTraining", "plain"),
    ("BertForMultipleChoice", "plain"),
    ("BertForQuestionAnswering", "plain"),
    ("RemBertForTokenClassification", "trained"),
    ("BertForMaskedLM", "some logits, some twice"),
    ("BertForSequenceClassification", "regression"),
]


@pytest.mark.parametrize(("class_name", "label"), WITH_INTERMEDIATES)
def test_gradients_of_intermediates(class_name: str, label: str) -> None:
    check = Check(class_name, settings_of(class_name)[label])
    _, trace = check.backward()
    rng = rng_of(41)
    checked = 0
    for name, value in trace.items():
        if value.dtype.kind != "f" or name.endswith(CONSTANT) or value.ndim == 0:
            continue
        gradient = trace.grad[name]
        assert gradient.shape == value.shape, name
        if name.endswith(INSIDE_NORM):
            continue
        direction = rng.normal(size=value.shape)
        numeric, analytic = slope_at(check, name, direction), float((gradient * direction).sum())
        if not abs(numeric - analytic) <= TOLERANCE * max(1.0, abs(numeric), abs(analytic)):
            raise GradientMismatch(f"{name}: numeric {numeric!r}, analytic {analytic!r}")
        checked += 1
    assert checked >= 20


@pytest.mark.parametrize(
    ("class_name", "label"), [("BertForPreTraining", "trained"), ("RemBertModel", "cross-attention")]
)
def test_gradients_inside_the_norms(class_name: str, label: str) -> None:
    """y = gamma n + beta and n = centred rstd: so dn = gamma dy, and drstd = Σ dn n / rstd."""
    check = Check(class_name, settings_of(class_name)[label])
    _, trace = check.backward()
    inside = [name.removesuffix(".normalized") for name in trace if name.endswith(".normalized")]
    assert len(inside) >= 3
    for norm in inside:
        gamma = check.model.parameters[f"{norm}.weight"]
        dnormalized = trace.grad[norm] * gamma  # the norm's own name leads to its output
        np.testing.assert_allclose(trace.grad[f"{norm}.normalized"], dnormalized, rtol=1e-12, atol=1e-14)
        by_row = (dnormalized * trace[f"{norm}.normalized"]).sum(axis=-1, keepdims=True) / trace[f"{norm}.rstd"]
        np.testing.assert_allclose(trace.grad[f"{norm}.rstd"], by_row, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("class_name", ["BertForPreTraining", "RobertaForMaskedLM", "RemBertForSequenceClassification"])
def test_keeping_less_gives_the_same_gradients(class_name: str) -> None:
    """Whether the trace keeps everything, a part, or only what backward needs: the same bits.

    On a GPU steps that nobody looks into are fused, and may round differently.
    """
    check = Check(class_name, settings_of(class_name)["trained"])
    gradients, whole = check.backward()
    rounding = 0.0 if check.model.backend == "numpy" else 1e-12
    for keep in ("backward", ["*.probs", "*.output", "backward"]):
        others, trace = check.backward(keep)
        assert list(others) == list(gradients)
        for name, gradient in gradients.items():
            close(others[name], gradient, rounding, name)
        assert set(trace.grad) == {name for name in trace if name in whole.grad}
        for name, gradient in trace.grad.items():
            close(gradient, whole.grad[name], rounding, name)


def close(found: np.ndarray, expected: np.ndarray, rounding: float, name: str) -> None:
    """Equal up to this much of the greatest value."""
    bound = rounding * max(1.0, float(np.abs(mb.to_numpy(expected)).max()))
    np.testing.assert_allclose(mb.to_numpy(found), mb.to_numpy(expected), rtol=0, atol=bound, err_msg=name)


@pytest.mark.parametrize("class_name", ["BertForMaskedLM", "RobertaForCausalLM", "RemBertForMaskedLM"])
def test_a_tied_weight_stands_once_with_both_uses(class_name: str) -> None:
    """The tied gradient is the sum of what an untied model with the same numbers has at its two weights."""
    tied = small_model(class_name, tie_word_embeddings=True)
    changes = {"output_embedding_size": 6} if class_name.startswith("RemBert") else {}
    untied = small_model(class_name, tie_word_embeddings=False, **changes)
    (decoder,) = [name for name in tied.parameters.tied if name.endswith("decoder.weight")]
    embedding = tied.parameters.tied[decoder]
    for name in untied.parameters:
        untied.parameters[name] = tied.parameters[embedding if name == decoder else name].copy()
    gradients = []
    for model in (tied, untied):
        trace = mb.Trace("backward")
        model(**small_inputs(model, labels=True), trace=trace)
        gradients.append(model.backward(trace))
    assert decoder not in gradients[0]
    expected = gradients[1][embedding] + gradients[1][decoder]
    np.testing.assert_allclose(gradients[0][embedding], expected, rtol=1e-12, atol=1e-14)
    for name in set(gradients[0]) - {embedding}:
        np.testing.assert_allclose(gradients[0][name], gradients[1][name], rtol=1e-12, atol=1e-14, err_msg=name)


def test_order_and_layers() -> None:
    """Gradients stand in the parameters' order, and lie in arrays of their own."""
    check = Check("BertForMaskedLM", settings_of("BertForMaskedLM")["plain"])
    gradients, _ = check.backward()
    order = list(check.model.state_dict())
    assert list(gradients) == [name for name in order if name in gradients]
    for name, gradient in gradients.items():
        assert gradient.shape == check.model.parameters[name].shape
        assert gradient.dtype == np.float64
        assert getattr(gradient.flags, "writeable", True), name
        assert not any(np.shares_memory(gradient, other) for key, other in gradients.items() if key != name), name
    assert L == 2


def test_what_stands_in_the_answer() -> None:
    """Parts that no gradient reaches are left out; inside a part that one reaches, what does not flow is zero."""
    model = small_model("BertForMaskedLM", num_hidden_layers=2)
    trace = mb.Trace()
    model(**small_inputs(model), trace=trace)
    types = trace["bert.embeddings.token_type_embeddings"]
    gradients = model.backward(trace, {"bert.embeddings.token_type_embeddings": np.ones_like(types)})
    assert gradients
    assert all(name.startswith("bert.embeddings.") for name in gradients)
    assert {name for name, gradient in gradients.items() if gradient.any()} == {
        "bert.embeddings.token_type_embeddings.weight"
    }
    trace = mb.Trace()
    model(**small_inputs(model), trace=trace)
    dhidden = np.ones_like(trace["bert.encoder.layer.0"])
    gradients = model.backward(trace, {"bert.encoder.layer.0": dhidden})
    assert not [name for name in gradients if name.startswith(("bert.encoder.layer.1.", "cls."))]

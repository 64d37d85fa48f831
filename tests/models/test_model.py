"""How whole models behave: sizes, seeds, modes, dtypes, states, ways to call, masks, threads."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.models.files import PreTrainedModel
from tests.random_cases import CLASSES, config_name
from tests.small_models import DECODERS, C, D, L, N, S, T, V, small_config, small_inputs, small_model

# of transformers 4.57, with the default configuration, tied weights counted once
PARAMETERS = {
    "BertModel": 109482240,
    "BertForPreTraining": 110106428,
    "BertLMHeadModel": 109514298,
    "BertForMaskedLM": 109514298,
    "BertForNextSentencePrediction": 109483778,
    "BertForSequenceClassification": 109483778,
    "BertForMultipleChoice": 109483009,
    "BertForTokenClassification": 108893186,
    "BertForQuestionAnswering": 108893186,
    "RobertaModel": 124644864,
    "RobertaForCausalLM": 124696665,
    "RobertaForMaskedLM": 124696665,
    "RobertaForSequenceClassification": 124646402,
    "RobertaForMultipleChoice": 124645633,
    "RobertaForTokenClassification": 124055810,
    "RobertaForQuestionAnswering": 124055810,
    "RemBertModel": 575920384,
    "RemBertForCausalLM": 993263548,
    "RemBertForMaskedLM": 993263548,
    "RemBertForSequenceClassification": 575922690,
    "RemBertForMultipleChoice": 575921537,
    "RemBertForTokenClassification": 574594434,
    "RemBertForQuestionAnswering": 574594434,
}
BARE = ("BertModel", "RobertaModel", "RemBertModel")


def outputs(model: PreTrainedModel, **inputs: Any) -> dict[str, np.ndarray]:
    return {name: value for name, value in model(**inputs).items() if hasattr(value, "dtype")}


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert list(one) == list(other)
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


# sizes and seeds


@pytest.mark.parametrize("class_name", CLASSES)
def test_number_of_parameters(class_name: str) -> None:
    config = getattr(mb, config_name(class_name))()
    assert getattr(mb, class_name)(config, _new=False).num_parameters() == PARAMETERS[class_name]


@pytest.mark.parametrize("class_name", CLASSES)
def test_a_seed_means_the_same_weights(class_name: str) -> None:
    config = small_config(class_name)
    cls = getattr(mb, class_name)
    first, again, other = cls(config, seed=3), cls(config, seed=3), cls(config, seed=4)
    double = cls(config, seed=3, dtype="float64")
    assert_same(first.state_dict(), again.state_dict())
    for name, array in first.state_dict().items():
        assert array.dtype == np.float32
        assert array.shape == first.parameters.shapes[name]
        np.testing.assert_array_equal(double.state_dict()[name], array.astype(np.float64), err_msg=name)
        if name.endswith(("LayerNorm.weight", "layer_norm.weight")):
            np.testing.assert_array_equal(array, 1.0)
        elif name.endswith("bias"):
            np.testing.assert_array_equal(array, 0.0)
        else:
            assert (array != other.state_dict()[name]).any(), name
            assert 0.05 < array.std() < 0.6, name  # initializer_range is 0.3
    assert_same(cls(config).state_dict(), cls(config, seed=0).state_dict())


def test_initial_weights() -> None:
    config = mb.RobertaConfig(vocab_size=400, hidden_size=64, num_hidden_layers=1, num_attention_heads=4)
    state = mb.RobertaModel(config, seed=1).state_dict()
    words = state["embeddings.word_embeddings.weight"]
    assert abs(words.std() - 0.02) < 5e-4
    assert abs(words.mean()) < 5e-4
    for name, row in [("word", 1), ("position", 1)]:  # padding
        table = state[f"embeddings.{name}_embeddings.weight"]
        np.testing.assert_array_equal(table[row], 0.0)
        assert table[0].any()
    assert state["embeddings.token_type_embeddings.weight"].all()
    bert = mb.BertModel(small_config("BertModel")).state_dict()
    np.testing.assert_array_equal(bert["embeddings.word_embeddings.weight"][0], 0.0)
    assert bert["embeddings.position_embeddings.weight"][0].all()


# modes


def test_a_new_model_is_in_evaluation() -> None:
    model = small_model("BertForPreTraining", hidden_dropout_prob=0.5)
    inputs = small_inputs(model, labels=True)
    assert not model.training
    expected = outputs(model, **inputs)
    assert_same(outputs(model, **inputs), expected)
    assert model.train(1) is model
    assert model.training
    assert (outputs(model, **inputs)["prediction_logits"] != expected["prediction_logits"]).any()
    assert model.eval() is model
    assert not model.training
    assert_same(outputs(model, **inputs), expected)


@pytest.mark.parametrize("class_name", CLASSES)
def test_training_from_the_same_seed_gives_the_same_bits(class_name: str) -> None:
    model = small_model(class_name, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.3)
    inputs = small_inputs(model, labels=True)
    runs = []
    for rng in (7, 7, np.random.default_rng(7), 8):
        model.train(rng)
        runs.append([outputs(model, **inputs), outputs(model, **inputs)])
    for step in (0, 1):
        assert_same(runs[0][step], runs[1][step])
        assert_same(runs[0][step], runs[2][step])
    (name, *_) = runs[0][0]
    assert (runs[0][0][name] != runs[0][1][name]).any()  # the generator goes on from call to call
    assert (runs[0][0][name] != runs[3][0][name]).any()
    model.train()  # a fresh generator
    one = outputs(model, **inputs)
    model.train()
    assert (one[name] != outputs(model, **inputs)[name]).any()


def test_every_dropout_is_there() -> None:
    """Where training draws masks, with the share that the configuration says; attention has its own."""
    config = {"hidden_dropout_prob": 0.25, "attention_probs_dropout_prob": 0.5, "classifier_dropout": 0.75,
              "is_decoder": True, "add_cross_attention": True}  # fmt: skip
    model = small_model("BertModel", **config).train(0)
    trace = mb.Trace("*.mask")
    ids = np.full((64, 12), 5)
    model(ids, encoder_hidden_states=np.zeros((64, S, D)), trace=trace)
    expected = {"embeddings.dropout.mask": 0.75}
    for i in range(L):
        for attention in ("attention", "crossattention"):
            expected[f"encoder.layer.{i}.{attention}.self.dropout.mask"] = 0.5
            expected[f"encoder.layer.{i}.{attention}.output.dropout.mask"] = 0.75
        expected[f"encoder.layer.{i}.output.dropout.mask"] = 0.75
    assert list(trace) == list(expected)
    for name, share in expected.items():
        assert abs(trace[name].mean() - share) < 0.02, name
    for class_name, names in [
        ("BertForSequenceClassification", ["dropout.mask"]),
        ("BertForTokenClassification", ["dropout.mask"]),
        ("BertForMultipleChoice", ["dropout.mask"]),
        ("RobertaForSequenceClassification", ["classifier.dropout.0.mask", "classifier.dropout.1.mask"]),
        ("RobertaForTokenClassification", ["dropout.mask"]),
        ("BertForNextSentencePrediction", []),
        ("BertForQuestionAnswering", []),
        ("BertForMaskedLM", []),
    ]:
        quiet = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout": 0.75}
        model = small_model(class_name, **quiet).train(0)
        trace = mb.Trace("*mask")
        inputs = small_inputs(model, mask=None, types=False)
        model(**{name: np.repeat(value, 60, axis=0) for name, value in inputs.items()}, trace=trace)
        kept = [name for name in trace if "dropout" in name]
        assert kept == names, class_name
        for name in kept:
            assert abs(trace[name].mean() - 0.25) < 0.04, class_name


def test_a_mask_is_what_was_applied() -> None:
    model = small_model("BertModel", hidden_dropout_prob=0.3).train(4)
    trace = mb.Trace()
    model(**small_inputs(model), trace=trace)
    layer = "encoder.layer.1.output"
    expected = np.where(trace[f"{layer}.dropout.mask"], trace[f"{layer}.dense"] / 0.7, 0.0)
    np.testing.assert_allclose(trace[f"{layer}.dropout"], expected, rtol=1e-14)
    np.testing.assert_allclose(
        trace[f"{layer}.sum"], trace[f"{layer}.dropout"] + trace["encoder.layer.1.attention.output"], rtol=1e-13
    )


# dtypes


def test_to_another_dtype() -> None:
    model = small_model("BertForMaskedLM", "float32")
    inputs = small_inputs(model, labels=True)
    narrow = outputs(model, **inputs)
    assert model.dtype == np.float32
    assert model.backend == "numpy"
    for ask in ({"dtype": "float64"}, {"dtype": np.float64}, {"backend": "float64"}, {"backend": np.float64}):
        model.to(dtype="float32")
        assert model.to(**ask) is model
        assert model.dtype == np.float64
        wide = outputs(model, **inputs)
        for name, array in wide.items():
            assert array.dtype == np.float64
            np.testing.assert_allclose(array, narrow[name], rtol=1e-4, atol=1e-4)
    model.to("numpy", dtype="float32")
    assert_same(outputs(model, **inputs), narrow)
    assert model.to("numpy") is model
    assert model.dtype == np.float32
    assert small_model("BertModel", "float64").to("numpy").dtype == np.float64  # what is not asked for stays
    for dtype, text in [
        ("int8", "dtype 'int8' is not one that models compute in: choose one of float32, float64, float16."),
        ("double precision", "dtype 'double precision' is not one that models compute in: "
                             "choose one of float32, float64, float16."),
    ]:  # fmt: skip
        with pytest.raises(mb.InputError) as found:
            model.to(dtype=dtype)
        assert str(found.value) == text
    with pytest.raises(mb.BackendError, match=r"^backend 'jax' is unknown: choose one of numpy, cupy\.$"):
        model.to("jax")
    assert model.dtype == np.float32
    assert_same(outputs(model, **inputs), narrow)


# ways to call


def test_one_dict() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    expected = outputs(model, **inputs)
    assert_same({name: model(inputs)[name] for name in expected}, expected)
    labels = inputs.pop("labels")
    kept = dict(inputs)
    assert model(inputs, labels=labels).loss == expected["loss"]
    assert inputs == kept
    with pytest.raises(mb.InputError) as found:
        model(inputs, input_ids=[[1]], attention_mask=[[1]])
    assert str(found.value) == "attention_mask, input_ids was given twice: in the dict and as a keyword."
    ids, mask, types = inputs["input_ids"], inputs["attention_mask"], inputs["token_type_ids"]
    np.testing.assert_array_equal(model(ids, mask, types).logits, expected["logits"])  # in the documented order


def test_modules_are_found_by_their_names() -> None:
    model = small_model("BertForPreTraining")
    assert model.bert.encoder.layer[1].attention.self.query.path == "bert.encoder.layer.1.attention.self.query"
    weight = model.bert.encoder.layer[1].attention.self.query.weight
    assert weight is model.parameters["bert.encoder.layer.1.attention.self.query.weight"]
    assert model.cls.predictions.decoder.weight is model.parameters["bert.embeddings.word_embeddings.weight"]
    assert model.cls.seq_relationship.bias.shape == (2,)
    assert small_model("RobertaForMaskedLM").lm_head.decoder.bias.shape == (V,)
    assert small_model("RobertaForSequenceClassification").classifier.out_proj.weight.shape == (C, D)


def test_the_encoder_of_a_task_runs_alone() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model)
    encoder = small_model("BertModel", add_pooling_layer=False)
    state = {name.removeprefix("bert."): array for name, array in model.state_dict().items() if "cls" not in name}
    encoder.load_state_dict(state)
    expected = encoder(**inputs).last_hidden_state
    np.testing.assert_array_equal(model.bert(**inputs).last_hidden_state, expected)
    assert sorted(model.bert.state_dict()) == sorted(state)
    np.testing.assert_array_equal(model(**inputs, output_hidden_states=True).hidden_states[-1], expected)


# masks


@pytest.mark.parametrize("class_name", BARE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wholly_masked_row_looks_everywhere_alike(class_name: str, dtype: str) -> None:
    model = small_model(class_name, dtype)
    inputs = small_inputs(model)
    inputs["attention_mask"] = np.array([[1, 1, 1], [0, 0, 0]])
    with np.errstate(invalid="raise", divide="raise"):
        out = model(**inputs, output_attentions=True)
    for probs in out.attentions:
        np.testing.assert_allclose(probs[1], 1 / T, rtol=1e-6)
        np.testing.assert_allclose(probs.sum(-1), 1.0, rtol=1e-6)
    assert np.isfinite(out.last_hidden_state).all()
    alone = model(inputs["input_ids"][:1], token_type_ids=inputs["token_type_ids"][:1])
    np.testing.assert_allclose(out.last_hidden_state[:1], alone.last_hidden_state, rtol=2e-5, atol=2e-6)


def test_padding_is_not_seen() -> None:
    """Whatever stands behind a 0 of the mask, on the right or inside: the other tokens do not change."""
    for class_name in BARE:
        model = small_model(class_name)
        mask = np.array([[1, 0, 1, 1, 0]])
        one = model([[5, 7, 9, 4, 3]], mask, position_ids=[[2, 3, 4, 5, 6]], output_attentions=True)
        other = model([[5, 11, 9, 4, 12]], mask, position_ids=[[2, 9, 4, 5, 8]], token_type_ids=[[0, 3, 0, 0, 2]])
        kept = mask[0] == 1
        np.testing.assert_array_equal(one[0][0, kept], other[0][0, kept])
        assert all((probs[..., ~kept] == 0).all() for probs in one.attentions)


def test_a_mask_of_three_axes_is_for_every_token() -> None:
    model = small_model("BertModel")
    inputs = small_inputs(model, mask=3)
    out = model(**inputs, output_attentions=True)
    for probs in out.attentions:
        seen = np.broadcast_to(inputs["attention_mask"][:, None], probs.shape) == 1
        assert (probs[~seen] == 0).all()
        assert (probs[seen] > 0).all()


def test_a_decoder_sees_no_future() -> None:
    for class_name in BARE:
        model = small_model(class_name, is_decoder=True)
        one = model([[5, 7, 9, 4]], output_attentions=True)
        other = model([[5, 7, 11, 3]])
        np.testing.assert_allclose(one[0][0, :2], other[0][0, :2], rtol=1e-13, atol=1e-14)
        for probs in one.attentions:
            np.testing.assert_array_equal(probs, np.tril(probs))
        assert (small_model(class_name)([[5, 7, 9, 4]])[0][0, 0] != one[0][0, 0]).any()


def test_heads_switched_off() -> None:
    """A head whose mask is 0 adds nothing: its columns of the value map no longer matter."""
    model = small_model("BertModel")
    inputs = small_inputs(model)
    mask = np.ones((L, N))
    mask[1, 2] = 0.0
    out = model(**inputs, head_mask=mask, output_attentions=True)
    assert not out.attentions[1][:, 2].any()
    width = D // N
    model.parameters["encoder.layer.1.attention.self.value.weight"][2 * width : 3 * width] = 7.0
    np.testing.assert_array_equal(model(**inputs, head_mask=mask)[0], out[0])
    np.testing.assert_array_equal(model(**inputs, head_mask=np.ones(N))[0], model(**inputs)[0])


# one model, several threads


@pytest.mark.parametrize("class_name", ["BertForPreTraining", "RobertaForMaskedLM", "RemBertForTokenClassification"])
def test_threads_share_a_model(class_name: str) -> None:
    model = small_model(class_name)
    many = [small_inputs(model, labels=True, embeds=True, seed=seed) for seed in range(4)]

    def gradients(inputs: dict[str, Any]) -> tuple[float, dict[str, np.ndarray]]:
        trace = mb.Trace("backward")
        loss = model(**inputs, trace=trace).loss
        return loss, model.backward(trace)

    alone = [gradients(inputs) for inputs in many]
    with ThreadPoolExecutor(max_workers=4) as pool:
        together = list(pool.map(gradients, many * 6))
    for i, (loss, found) in enumerate(together):
        assert loss == alone[i % 4][0]
        assert_same(found, alone[i % 4][1])


# what the caller gave


@pytest.mark.parametrize("class_name", CLASSES)
def test_inputs_and_weights_are_left_alone(class_name: str) -> None:
    """Neither a call nor a backward writes to what the caller gave, or to the weights: here that would raise."""
    config: dict[str, Any] = {"hidden_dropout_prob": 0.1}
    decoder = class_name in BARE or class_name in DECODERS
    if decoder:
        config.update(is_decoder=True, add_cross_attention=True)
    model = small_model(class_name, **config)
    inputs = small_inputs(model, labels=True, embeds=True, head_mask=True, positions=True, encoder=decoder)
    for array in [*inputs.values(), *model.parameters.values()]:
        array.flags.writeable = False
    for training in (False, True):
        if training:
            model.train(0)
        out = model(**inputs)
        trace = mb.Trace()
        model(**inputs, trace=trace)
        seeds = {name: np.ones(np.shape(value)) for name, value in out.items() if hasattr(value, "dtype")}
        for seed in seeds.values():
            seed.flags.writeable = False
        gradients = model.backward(trace, seeds)
        assert gradients
        # an untraced call gives arrays of the caller's own
        assert all(value.flags.writeable for value in out.values() if isinstance(value, np.ndarray))

"""BERT whole: embeddings, layers and pooler, computed by hand from the state dict, one after the other."""

from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.gradients import rng_of
from tests.models import by_hand
from tests.small_models import D, L, T, small_config, small_inputs, small_model

LOWEST = np.finfo(np.float64).min


def bert(**changes: Any) -> mb.BertModel:
    return small_model("BertModel", **changes).to("numpy")


def encoded_by_hand(model: mb.BertModel, inputs: dict[str, np.ndarray], mask: np.ndarray) -> np.ndarray:
    """hidden (B, T, D) of the last layer, with mask (B, 1 or T, T) added to the scores."""
    state, config = model.state_dict(), model.config
    word, position, kind = (
        state[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
    )
    hidden = word[inputs["input_ids"]] + position[: inputs["input_ids"].shape[1]] + kind[inputs["token_type_ids"]]
    hidden = by_hand.layer_norm(hidden, state, "embeddings.LayerNorm", config.layer_norm_eps)
    for i in range(config.num_hidden_layers):
        hidden = by_hand.layer(hidden, state, f"encoder.layer.{i}", config, mask)
    return hidden


def test_embeddings_layers_pooler() -> None:
    model = bert()
    inputs = small_inputs(model)
    padding = np.where(inputs["attention_mask"] == 1, 0.0, LOWEST)[:, None]
    assert padding.any()
    hidden = encoded_by_hand(model, inputs, padding)
    outputs = model(**inputs)
    np.testing.assert_allclose(outputs.last_hidden_state, hidden, rtol=1e-8, atol=1e-9)
    pooled = np.tanh(by_hand.linear(hidden[:, 0], model.state_dict(), "pooler.dense"))
    np.testing.assert_allclose(outputs.pooler_output, pooled, rtol=1e-8, atol=1e-9)


def test_a_decoder_sees_what_came_before() -> None:
    model = bert(is_decoder=True)
    inputs = small_inputs(model, mask=None)
    future = np.triu(np.full((T, T), LOWEST), 1)[None]
    hidden = encoded_by_hand(model, inputs, future)
    np.testing.assert_allclose(model(**inputs).last_hidden_state, hidden, rtol=1e-8, atol=1e-9)


def test_the_parts_run_in_this_order() -> None:
    _, trace = bert().run_with_cache(input_ids=[[5, 7, 9]])
    ends = ("embeddings", *(f"encoder.layer.{i}.output" for i in range(L)), "pooler")
    assert [name for name in trace if name in ends] == list(ends)


def test_a_model_may_have_no_pooler() -> None:
    model, pooled = bert(add_pooling_layer=False), bert()
    assert set(pooled.state_dict()) - set(model.state_dict()) == {"pooler.dense.weight", "pooler.dense.bias"}
    outputs = model(input_ids=[[5, 7, 9]])
    assert outputs.pooler_output is None
    assert outputs.last_hidden_state.shape == (1, 3, D)


def test_positions_count_from_zero_and_go_on_after_a_cache() -> None:
    model = bert()
    np.testing.assert_array_equal(model.default_positions(np.array([[5, 7, 9]]), past=0), [0, 1, 2])
    np.testing.assert_array_equal(model.default_positions(np.array([[4]]), past=3), [3])


@pytest.mark.parametrize(
    ("class_name", "tokens", "text"),
    [
        ("BertModel", "last_hidden_state", "pooler_output"),
        ("BertForPreTraining", "prediction_logits", "seq_relationship_logits"),
    ],
)
def test_tokens_and_pooled_text_both_send_their_gradients_down(class_name: str, tokens: str, text: str) -> None:
    model = small_model(class_name).to("numpy")
    inputs, rng = small_inputs(model), rng_of(78)
    outputs = model(**inputs)
    seeds = {name: rng.normal(size=outputs[name].shape) for name in (tokens, text)}

    def gradients(*names: str) -> dict[str, np.ndarray]:
        _, trace = model.run_with_cache(**inputs)
        return model.backward(trace, {name: seeds[name] for name in names})

    together, of_tokens, of_text = gradients(tokens, text), gradients(tokens), gradients(text)
    assert list(together) == list(model.parameters)
    for name, array in together.items():
        expected = of_tokens.get(name, 0.0) + of_text.get(name, 0.0)
        np.testing.assert_allclose(array, expected, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize(
    ("class_name", "own"),
    [
        ("BertForPreTraining", {"cls.predictions", "cls.seq_relationship"}),
        ("BertLMHeadModel", {"cls.predictions"}),
        ("BertForMaskedLM", {"cls.predictions"}),
        ("BertForNextSentencePrediction", {"cls.seq_relationship"}),
        ("BertForSequenceClassification", {"classifier.weight", "classifier.bias"}),
        ("BertForMultipleChoice", {"classifier.weight", "classifier.bias"}),
        ("BertForTokenClassification", {"classifier.weight", "classifier.bias"}),
        ("BertForQuestionAnswering", {"qa_outputs.weight", "qa_outputs.bias"}),
    ],
)
def test_a_task_is_the_encoder_and_a_head(class_name: str, own: set[str]) -> None:
    model = getattr(mb, class_name)(small_config(class_name), _new=False)
    above = [name for name in model.parameters.shapes if not name.startswith("bert.")]
    assert {".".join(name.split(".")[:2]) for name in above} == own

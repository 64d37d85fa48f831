"""Every mistake that a caller can make meets one clear sentence, and leaves the model and the inputs as they were."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.models.files import PreTrainedModel
from tests.small_models import CHOICES, B, C, D, E, K, L, N, S, T, V, small_inputs, small_model

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertModel", {}),
    "relative": ("BertModel", {"position_embedding_type": "relative_key"}),
    "roberta": ("RobertaModel", {}),
    "rembert": ("RemBertModel", {}),
    "decoder": ("BertModel", {"is_decoder": True, "add_cross_attention": True}),
    "lm": ("BertForMaskedLM", {}),
    "causal": ("BertLMHeadModel", {}),
    "pretraining": ("BertForPreTraining", {}),
    "next": ("BertForNextSentencePrediction", {}),
    "classes": ("BertForSequenceClassification", {}),
    "regression": ("RobertaForSequenceClassification", {"problem_type": "regression"}),
    "multi": ("BertForSequenceClassification", {"problem_type": "multi_label_classification"}),
    "choice": ("BertForMultipleChoice", {}),
    "tokens": ("BertForTokenClassification", {}),
    "span": ("BertForQuestionAnswering", {}),
}
IDS = [[5, 7, 5], [7, 9, 0]]


def past(batch: int = B, heads: int = N, tokens: int = 2, width: int = K, layers: int = L, arrays: int = 2) -> Any:
    return tuple(tuple(np.zeros((batch, heads, tokens, width)) for _ in range(arrays)) for _ in range(layers))


# (model, what is given, the sentence)
MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    # text
    ("bert", {}, "neither input_ids nor inputs_embeds was given: give exactly one of them."),
    ("bert", {"input_ids": IDS, "inputs_embeds": np.zeros((B, T, D))},
     "both input_ids and inputs_embeds were given: give exactly one of them."),
    ("bert", {"input_ids": [[5, 13]]}, "input_ids[0, 1] is 13: ids 0..12 exist here."),
    ("bert", {"input_ids": [[5, 2], [-1, 99]]}, "input_ids[1, 0] is -1: ids 0..12 exist here."),
    ("bert", {"input_ids": [[5.0, 7.0]]}, "input_ids holds float64 values: integers belong there."),
    ("bert", {"input_ids": np.ones((1, 2), bool)}, "input_ids holds bool values: integers belong there."),
    ("bert", {"input_ids": [["a", "b"]]}, "input_ids holds <U1 values: numbers belong there."),
    ("bert", {"input_ids": "a text"}, "input_ids holds <U6 values: numbers belong there."),
    ("bert", {"input_ids": [5, 7]}, "input_ids has shape (2,): (batch, tokens) has two axes."),
    ("bert", {"input_ids": [[[5, 7]]]}, "input_ids has shape (1, 1, 2): (batch, tokens) has two axes."),
    ("bert", {"input_ids": [[5, 7], [5]]}, "input_ids has rows of different lengths (1, 2): pad them to one length."),
    ("bert", {"input_ids": np.zeros((0, 3), int)},
     "input_ids has shape (0, 3): at least one text and one token belong there."),
    ("bert", {"input_ids": [[]]}, "input_ids has shape (1, 0): at least one text and one token belong there."),
    ("bert", {"input_ids": {"input_ids": [[1]]}}, "input_ids is a dict: an array or a list of numbers belongs there."),
    ("bert", {"input_ids": np.full((1, 13), 5)},
     "the longest text has 13 tokens, but the model has positions for 12: shorten it, or truncate it when tokenizing."),
    ("relative", {"input_ids": np.full((1, 13), 5)},
     "13 tokens are more than max_position_embeddings 12: shorten or truncate the text."),
    ("roberta", {"input_ids": np.full((1, 11), 5)},
     "the longest text has 11 tokens, but the model has positions for 10: shorten it, or truncate it when tokenizing."),
    ("bert", {"inputs_embeds": np.zeros((B, T, 3))},
     "inputs_embeds has shape (2, 3, 3): (batch, tokens, 20) belongs there."),
    ("bert", {"inputs_embeds": np.zeros((B, D))},
     "inputs_embeds has shape (2, 20): (batch, tokens, 20) belongs there."),
    ("rembert", {"inputs_embeds": np.zeros((B, T, D))},
     f"inputs_embeds has shape (2, 3, 20): (batch, tokens, {E}) belongs there."),
    ("bert", {"inputs_embeds": np.zeros((1, 0, D))},
     "inputs_embeds has shape (1, 0, 20): at least one text and one token belong there."),
    ("roberta", {"inputs_embeds": np.zeros((1, 11, D))},
     "the longest text has 11 tokens, but the model has positions for 10: shorten it, or truncate it when tokenizing."),
    # what goes beside it
    ("bert", {"input_ids": IDS, "token_type_ids": [[0, 1, 4], [0, 0, 0]]},
     "token_type_ids[0, 2] is 4: token types 0..3 exist here."),
    ("bert", {"input_ids": IDS, "token_type_ids": [[0, 1, 1]]},
     "token_type_ids has shape (1, 3): (batch, tokens) is (2, 3) here."),
    ("bert", {"input_ids": IDS, "token_type_ids": np.zeros((B, T))},
     "token_type_ids holds float64 values: integers belong there."),
    ("bert", {"input_ids": IDS, "position_ids": [[0, 1]]},
     "position_ids has shape (1, 2): (2, 3) or (1, 3) belongs there."),
    ("bert", {"input_ids": IDS, "position_ids": [[0, 1, 12]]}, "position_ids[0, 2] is 12: positions 0..11 exist here."),
    ("bert", {"input_ids": IDS, "position_ids": [[0, -1, 1]]}, "position_ids[0, 1] is -1: positions 0..11 exist here."),
    ("bert", {"input_ids": IDS, "position_ids": [[0.0, 1.0, 2.0]]},
     "position_ids holds float64 values: integers belong there."),
    ("bert", {"input_ids": IDS, "attention_mask": [[1, 1]]},
     "attention_mask has shape (1, 2): (batch, tokens) or (batch, tokens, tokens), (2, 3) or (2, 3, 3) here."),
    ("bert", {"input_ids": IDS, "attention_mask": [[1, 1, 2], [1, 1, 1]]},
     "attention_mask holds values from 1 to 2: 1 keeps a token and 0 leaves it out; "
     "the large negative number is added by the model itself."),
    ("bert", {"input_ids": IDS, "attention_mask": np.full((B, T), -1e9)},
     "attention_mask holds values from -1e+09 to -1e+09: 1 keeps a token and 0 leaves it out; "
     "the large negative number is added by the model itself."),
    ("bert", {"input_ids": IDS, "attention_mask": np.full((B, T), np.nan)},
     "attention_mask holds values from nan to nan: 1 keeps a token and 0 leaves it out; "
     "the large negative number is added by the model itself."),
    ("bert", {"input_ids": IDS, "head_mask": [1, 0]},
     "head_mask has shape (2,): (4,) or (2, 4) belongs there."),
    ("bert", {"input_ids": IDS, "head_mask": ["1"] * N}, "head_mask holds <U1 values: numbers belong there."),
    ("bert", {"input_ids": IDS, "trace": "*"}, "trace is a str: a minibert.Trace() belongs there."),
    # a decoder's
    ("bert", {"input_ids": IDS, "encoder_hidden_states": np.zeros((B, S, D))},
     "encoder_hidden_states was given, but the model has no cross-attention: "
     "it needs is_decoder=True and add_cross_attention=True in its configuration."),
    ("decoder", {"input_ids": IDS, "encoder_hidden_states": np.zeros((1, S, D))},
     "encoder_hidden_states has shape (1, 5, 20): (2, tokens, 20) belongs there."),
    ("decoder", {"input_ids": IDS, "encoder_hidden_states": np.zeros((B, 0, D))},
     "encoder_hidden_states has shape (2, 0, 20): (2, tokens, 20) belongs there."),
    ("decoder", {"input_ids": IDS, "encoder_hidden_states": np.zeros((B, S, 3))},
     "encoder_hidden_states has shape (2, 5, 3): (2, tokens, 20) belongs there."),
    ("decoder", {"input_ids": IDS, "encoder_hidden_states": np.zeros((B, D))},
     "encoder_hidden_states has shape (2, 20): (2, tokens, 20) belongs there."),
    ("decoder", {"input_ids": IDS, "encoder_attention_mask": np.ones((B, S))},
     "encoder_attention_mask was given without encoder_hidden_states."),
    ("decoder", {"input_ids": IDS, "encoder_hidden_states": np.zeros((B, S, D)),
                 "encoder_attention_mask": np.ones((B, T))},
     "encoder_attention_mask has shape (2, 3): (batch, keys) or (batch, tokens, keys), (2, 5) or (2, 3, 5) here."),
    ("bert", {"input_ids": IDS, "past_key_values": past()},
     "past_key_values was given, but the model is an encoder: only is_decoder=True uses a cache."),
    ("decoder", {"input_ids": IDS, "past_key_values": past(layers=1)}, "past_key_values has 1 layers, the model 2."),
    ("decoder", {"input_ids": IDS, "past_key_values": past(batch=3)},
     "past_key_values[0] holds an array of shape (3, 4, 2, 5): (2, 4, 2, 5) fits here."),
    ("decoder", {"input_ids": IDS, "past_key_values": past(heads=2)},
     "past_key_values[0] holds an array of shape (2, 2, 2, 5): (2, 4, 2, 5) fits here."),
    ("decoder", {"input_ids": IDS, "past_key_values": past(width=3)},
     "past_key_values[0] holds an array of shape (2, 4, 2, 3): (2, 4, 2, 5) fits here."),
    ("decoder", {"input_ids": IDS, "past_key_values": (past()[0], past(tokens=1)[0])},
     "past_key_values[1] holds an array of shape (2, 4, 1, 5): (2, 4, 2, 5) fits here."),
    ("decoder", {"input_ids": IDS, "past_key_values": past(arrays=3)},
     "past_key_values[0] has 3 arrays: 2 or, with cross-attention, 4 belong."),
    ("decoder", {"input_ids": IDS, "past_key_values": ((np.zeros((2, 4, 5)),) * 2,) * 2},
     "past_key_values[0] holds an array of shape (2, 4, 5): (batch, heads, tokens, width of a head) belongs there."),
    ("decoder", {"input_ids": IDS, "past_key_values": "cache"},
     "past_key_values is a str: a Cache or one tuple of arrays a layer belongs there."),
    ("decoder", {"input_ids": IDS, "past_key_values": past(), "attention_mask": np.ones((B, T))},
     "attention_mask has shape (2, 3): (batch, 2 cached and 3 new tokens) or (batch, tokens, all of them), "
     "(2, 5) or (2, 3, 5) here."),
    ("decoder", {"input_ids": IDS, "past_key_values": past(tokens=10)},
     "the longest text has 13 tokens with the 10 cached ones, but the model has positions for 12: "
     "shorten it, or truncate it when tokenizing."),
    # labels
    ("lm", {"input_ids": IDS, "labels": [[1, 2, 13], [1, 2, 3]]},
     "labels[0, 2] is 13: labels 0..12, or -100 to be ignored exist here."),
    ("lm", {"input_ids": IDS, "labels": [[1, 2, 3], [-1, 2, 3]]},
     "labels[1, 0] is -1: labels 0..12, or -100 to be ignored exist here."),
    ("lm", {"input_ids": IDS, "labels": [[1, 2, 3]]}, "labels has shape (1, 3): (batch, tokens) is (2, 3) here."),
    ("lm", {"input_ids": IDS, "labels": np.ones((B, T))}, "labels holds float64 values: integers belong there."),
    ("lm", {"input_ids": IDS, "labels": np.ones((B, T), int), "logits_to_keep": 2},
     "labels has shape (2, 3): (batch, tokens) is (2, 2) here."),
    ("lm", {"input_ids": IDS, "logits_to_keep": -1},
     "logits_to_keep is -1: 0 for all tokens, or how many of the last ones."),
    ("lm", {"input_ids": IDS, "logits_to_keep": [0, 3]},
     "logits_to_keep reaches from 0 to 3, but the texts have 3 tokens."),
    ("lm", {"input_ids": IDS, "logits_to_keep": [-4, 0]},
     "logits_to_keep reaches from -4 to 0, but the texts have 3 tokens."),
    ("lm", {"input_ids": IDS, "logits_to_keep": []},
     "logits_to_keep has shape (0,) and dtype float64: a number or a list of places belongs there."),
    ("lm", {"input_ids": IDS, "logits_to_keep": [[1]]},
     "logits_to_keep has shape (1, 1) and dtype int64: a number or a list of places belongs there."),
    ("lm", {"input_ids": IDS, "logits_to_keep": True},
     "logits_to_keep has shape () and dtype bool: a number or a list of places belongs there."),
    ("lm", {"input_ids": IDS, "logits_to_keep": "labels"}, "logits_to_keep is 'labels', but no labels were given."),
    ("causal", {"input_ids": IDS, "logits_to_keep": "labels"},
     "logits_to_keep is 'labels': a number or a list of places belongs there."),
    ("causal", {"input_ids": IDS, "labels": [[1, 2, 3], [1, 2, 99]]},
     "labels[1, 2] is 99: labels 0..12, or -100 to be ignored exist here."),
    ("pretraining", {"input_ids": IDS, "next_sentence_label": [0, 2]},
     "next_sentence_label[1] is 2: labels 0..1, or -100 to be ignored exist here."),
    ("pretraining", {"input_ids": IDS, "next_sentence_label": [0]},
     "next_sentence_label has shape (1,): (batch,) is (2,) here."),
    ("pretraining", {"input_ids": IDS, "labels": [[0, 1]]}, "labels has shape (1, 2): (batch, tokens) is (2, 3) here."),
    ("next", {"input_ids": IDS, "labels": [0, 1, 0]}, "labels has shape (3,): (batch,) is (2,) here."),
    ("next", {"input_ids": IDS, "labels": [0, 1], "next_sentence_label": [0, 1]},
     "labels and next_sentence_label were given: they are two names of the same."),
    ("classes", {"input_ids": IDS, "labels": [0, 3]}, "labels[1] is 3: labels 0..2, or -100 to be ignored exist here."),
    ("classes", {"input_ids": IDS, "labels": [0]}, "labels has shape (1,): (batch,) is (2,) here."),
    ("classes", {"input_ids": IDS, "labels": [0.5, 1.0]}, "labels has shape (2,): (batch, classes) is (2, 3) here."),
    ("regression", {"input_ids": IDS, "labels": [0.5, 1.0]}, "labels has shape (2,): (batch, classes) is (2, 3) here."),
    ("multi", {"input_ids": IDS, "labels": [[0, 1, 2], [0, 1, 1]]},
     "labels reach from 0 to 2: a number from 0 to 1 for every class belongs there."),
    ("multi", {"input_ids": IDS, "labels": [0, 1]}, "labels has shape (2,): (batch, classes) is (2, 3) here."),
    ("choice", {"input_ids": IDS}, "input_ids has shape (2, 3): (batch, choices, tokens) belongs there."),
    ("choice", {"inputs_embeds": np.zeros((B, T, D))},
     "inputs_embeds has shape (2, 3, 20): (batch, choices, tokens, width) belongs there."),
    ("choice", {"input_ids": np.full((B, CHOICES, T), 5), "labels": [0, 3]},
     "labels[1] is 3: labels 0..2, or -100 to be ignored exist here."),
    ("choice", {"input_ids": np.full((B, CHOICES, T), 5), "labels": [0] * 6},
     "labels has shape (6,): (batch,) is (2,) here."),
    ("choice", {"input_ids": np.full((B, CHOICES, T), 5), "token_type_ids": np.zeros((B, T), int)},
     "token_type_ids has shape (2, 3): (batch, choices, tokens) belongs there."),
    ("choice", {}, "neither input_ids nor inputs_embeds was given: give exactly one of them."),
    ("tokens", {"input_ids": IDS, "labels": [[0, 1, 3], [0, 1, 2]]},
     "labels[0, 2] is 3: labels 0..2, or -100 to be ignored exist here."),
    ("tokens", {"input_ids": IDS, "labels": [0, 1]}, "labels has shape (2,): (batch, tokens) is (2, 3) here."),
    ("span", {"input_ids": IDS, "start_positions": [0], "end_positions": [1, 2]},
     "start_positions has shape (1,) and dtype int64: integers, (2,), belong there."),
    ("span", {"input_ids": IDS, "start_positions": [0, 1], "end_positions": [1.0, 2.0]},
     "end_positions has shape (2,) and dtype float64: integers, (2,), belong there."),
]  # fmt: skip


@pytest.fixture(scope="module")
def models() -> dict[str, PreTrainedModel]:
    return {name: small_model(class_name, **config) for name, (class_name, config) in MODELS.items()}


def arrays_of(inputs: dict[str, Any]) -> list[np.ndarray]:
    return [np.array(value) for value in inputs.values() if isinstance(value, np.ndarray)]


@pytest.mark.parametrize(("which", "given", "text"), MISTAKES)
def test_mistakes(models: dict[str, PreTrainedModel], which: str, given: dict[str, Any], text: str) -> None:
    model = models[which]
    before, inputs_before = {name: array.copy() for name, array in model.parameters.items()}, arrays_of(given)
    good = small_inputs(model, labels=True)
    expected = model(**good)
    trace = mb.Trace()
    with pytest.raises(mb.InputError) as found:
        model(**{"trace": trace, **given})
    assert str(found.value) == text
    with pytest.raises(ValueError, match=re.escape(text)):  # the same mistake without a trace, and as the builtin error
        model(**given)
    for one, other in zip(arrays_of(given), inputs_before, strict=True):
        np.testing.assert_array_equal(one, other)
    for name, array in before.items():
        np.testing.assert_array_equal(model.parameters[name], array)
    after = model(**good, trace=trace)  # nothing was computed, so the trace is still new
    np.testing.assert_array_equal(after[0], expected[0])


def test_a_cache_is_as_it_was_after_a_mistake() -> None:
    model = small_model("BertModel", is_decoder=True)
    cache = model(IDS).past_key_values
    for wrong in ({"input_ids": [[99]]}, {"input_ids": [[1], [2]], "attention_mask": [[1]]}, {"input_ids": [[1]] * 3}):
        with pytest.raises(mb.InputError):
            model(**wrong, past_key_values=cache)
        assert cache.get_seq_length() == T
    expected = model(IDS, use_cache=True).past_key_values
    for i in range(L):
        np.testing.assert_array_equal(cache[i][0], expected[i][0])


Make = Callable[[Any], Any]
FORMS: dict[str, Make] = {
    "lists": lambda array: array.tolist(),
    "tuples": lambda array: tuple(map(tuple, array.tolist())) if array.ndim == 2 else tuple(array.tolist()),
    "int32": lambda array: array.astype(np.int32),
    "uint8": lambda array: array.astype(np.uint8) if array.min() >= 0 else array.astype(np.int8),
    "big-endian": lambda array: array.astype(">i4"),
    "strided": lambda array: np.asfortranarray(array),
    "read-only": lambda array: np.broadcast_to(array, array.shape),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("class_name", ["BertForPreTraining", "RobertaForTokenClassification", "RemBertForMaskedLM"])
def test_arrays_of_every_kind(class_name: str, form: str) -> None:
    model = small_model(class_name)
    inputs = small_inputs(model, labels=True, positions=True)
    expected = model(**inputs)
    out = model(**{name: FORMS[form](array) for name, array in inputs.items()})
    for name in expected:
        np.testing.assert_array_equal(out[name], expected[name], err_msg=name)


def test_masks_of_every_kind() -> None:
    model = small_model("BertModel")
    inputs = small_inputs(model, head_mask=True)
    expected = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"]
    for other in (mask.astype(bool), mask.astype(np.float32), mask.astype(float), mask.tolist()):
        np.testing.assert_array_equal(model(**{**inputs, "attention_mask": other}).last_hidden_state, expected)
    narrow = small_model("BertModel", "float32")
    expected_narrow = narrow(**inputs).last_hidden_state
    for dtype in ("float16", "float64"):  # whatever the mask's own range
        other = {**inputs, "attention_mask": mask.astype(dtype)}
        np.testing.assert_array_equal(narrow(**other).last_hidden_state, expected_narrow)
    square = np.broadcast_to(mask[:, None, :], (B, T, T))
    np.testing.assert_array_equal(model(**{**inputs, "attention_mask": square}).last_hidden_state, expected)
    for other in (inputs["head_mask"].tolist(), inputs["head_mask"].astype(np.float32)):
        out = model(**{**inputs, "head_mask": other}).last_hidden_state
        np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)
    row = np.array([1, 0, 1, 1])
    np.testing.assert_array_equal(
        model(**{**inputs, "head_mask": row}).last_hidden_state,
        model(**{**inputs, "head_mask": np.stack([row] * L)}).last_hidden_state,
    )


def test_position_ids_of_one_row() -> None:
    for class_name in ("BertModel", "RobertaModel"):
        model = small_model(class_name)
        inputs = small_inputs(model)
        expected = model(**inputs, position_ids=[[4, 2, 3], [4, 2, 3]]).last_hidden_state
        for row in ([[4, 2, 3]], [4, 2, 3]):
            np.testing.assert_array_equal(model(**inputs, position_ids=row).last_hidden_state, expected)


def test_defaults_are_what_they_say() -> None:
    """No mask is a mask of ones, no token types are zeros, no positions count from the family's first."""
    for class_name, positions in [
        ("BertModel", [[0, 1, 2], [0, 1, 2]]),
        ("RemBertModel", [[0, 1, 2], [0, 1, 2]]),
        ("RobertaModel", [[2, 3, 4], [2, 3, 1]]),  # padding (id 1) stays at position 1
    ]:
        model = small_model(class_name)
        ids = small_inputs(model)["input_ids"]
        expected = model(ids, np.ones((B, T)), np.zeros((B, T), int), positions)
        np.testing.assert_array_equal(model(ids).last_hidden_state, expected.last_hidden_state)
    roberta = small_model("RobertaModel")
    trace = mb.Trace()
    roberta([[1, 5, 1, 6]], trace=trace)  # padding inside the text is passed over
    np.testing.assert_array_equal(trace["embeddings.position_ids"], [[1, 2, 1, 3]])
    trace = mb.Trace()
    roberta(inputs_embeds=np.zeros((B, T, D)), trace=trace)
    np.testing.assert_array_equal(np.broadcast_to(trace["embeddings.position_ids"], (B, T)), [[2, 3, 4]] * B)


def test_labels_may_have_an_axis_of_one() -> None:
    model = small_model("BertForSequenceClassification")
    inputs = small_inputs(model)
    expected = model(**inputs, labels=[2, 0]).loss
    assert model(**inputs, labels=[[2], [0]]).loss == expected
    span = small_model("BertForQuestionAnswering")
    inputs = small_inputs(span)
    expected = span(**inputs, start_positions=[0, 1], end_positions=[2, 2]).loss
    assert span(**inputs, start_positions=[[0], [1]], end_positions=[[2], [2]]).loss == expected
    one = small_model("BertForSequenceClassification", num_labels=1)
    inputs = small_inputs(one)
    assert one(**inputs, labels=[0.5, 1.0]).loss == one(**inputs, labels=[[0.5], [1.0]]).loss


@pytest.mark.parametrize("class_name", ["BertForSequenceClassification", "BertForNextSentencePrediction"])
def test_the_label_of_one_text_may_be_a_number(class_name: str) -> None:
    model = small_model(class_name)
    for label in (1, np.array(1)):
        assert model([[5, 7]], labels=label).loss == model([[5, 7]], labels=[1]).loss
    with pytest.raises(mb.InputError, match=r"^labels has shape \(\): \(batch,\) is \(2,\) here"):
        model([[5, 7], [7, 5]], labels=1)


def test_arguments_in_the_order_of_each_family() -> None:
    """RoBERTa's multiple choice and RemBERT's causal model have an order of their own in the documentation."""
    choice = small_model("RobertaForMultipleChoice")
    ids, types, mask = np.array([[[5, 7], [9, 1]]]), np.array([[[0, 1], [1, 0]]]), np.array([[[1, 1], [1, 0]]])
    expected = choice(input_ids=ids, token_type_ids=types, attention_mask=mask, labels=[1])
    np.testing.assert_array_equal(choice(ids, types, mask, [1]).logits, expected.logits)
    assert choice(ids, types, mask, [1]).loss == expected.loss
    causal = small_model("RemBertForCausalLM", is_decoder=True)
    past = causal([[5, 7]]).past_key_values
    given = (None,) * 7
    again = causal([[5, 7]]).past_key_values
    out = causal([[9]], *given, past, None, False).logits
    np.testing.assert_array_equal(out, causal(input_ids=[[9]], past_key_values=again).logits)


def test_problem_types_by_the_labels() -> None:
    """One class: regression. Several and integers: single-label. Several and reals: multi-label."""
    model = small_model("BertForSequenceClassification")
    inputs = small_inputs(model)
    x = model(**inputs).logits
    powers = np.exp(x - x.max(-1, keepdims=True))
    logp = np.log(powers / powers.sum(-1, keepdims=True))
    assert model(**inputs, labels=[2, 0]).loss == pytest.approx(-(logp[0, 2] + logp[1, 0]) / 2, rel=1e-12)
    for dtype in (np.int8, np.uint8, np.uint64):
        assert model(**inputs, labels=np.array([2, 0], dtype)).loss == model(**inputs, labels=[2, 0]).loss
    assert model(**inputs, labels=[2, -100]).loss == pytest.approx(-logp[0, 2], rel=1e-12)
    target = np.array([[0.0, 1.0, 0.3], [1.0, 1.0, 0.0]])
    p = 1 / (1 + np.exp(-x))
    binary = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
    assert model(**inputs, labels=target).loss == pytest.approx(binary, rel=1e-12)
    assert model(**inputs, labels=target >= 0.5).loss == pytest.approx(
        -((target >= 0.5) * np.log(p) + (target < 0.5) * np.log(1 - p)).mean(), rel=1e-12
    )
    regression = small_model("BertForSequenceClassification", problem_type="regression")
    y = regression(**inputs).logits
    assert regression(**inputs, labels=target).loss == pytest.approx(((y - target) ** 2).mean(), rel=1e-12)
    one = small_model("RobertaForSequenceClassification", num_labels=1)
    y = one(**inputs).logits
    expected = ((y[:, 0] - [1, 3]) ** 2).mean()
    assert one(**inputs, labels=[1, 3]).loss == pytest.approx(expected, rel=1e-12)
    assert one.config.problem_type is None  # the configuration is not changed by a call


def test_span_places_outside_are_ignored() -> None:
    model = small_model("BertForQuestionAnswering")
    inputs = small_inputs(model)
    out = model(**inputs)

    def logp(x: np.ndarray) -> np.ndarray:
        return x - np.log(np.exp(x).sum(-1, keepdims=True))

    start, end = logp(out.start_logits), logp(out.end_logits)
    loss = model(**inputs, start_positions=[1, 3], end_positions=[2, 0]).loss
    assert loss == pytest.approx((-start[0, 1] - (end[0, 2] + end[1, 0]) / 2) / 2, rel=1e-12)
    assert model(**inputs, start_positions=[1, 99], end_positions=[2, 0]).loss == loss
    assert model(**inputs, start_positions=[-7, 3], end_positions=[2, 0]).loss == pytest.approx(
        (-start[0, 0] - (end[0, 2] + end[1, 0]) / 2) / 2, rel=1e-12
    )
    assert model(**inputs, start_positions=[1, 2]).loss is None  # the loss needs both


def test_all_labels_ignored() -> None:
    """A mean over nothing is NaN, as in the reference, and nothing flows from it."""
    for class_name in ("BertForMaskedLM", "RobertaForTokenClassification"):
        model = small_model(class_name)
        trace = mb.Trace()
        out = model(**small_inputs(model), labels=np.full((B, T), -100), trace=trace)
        assert np.isnan(out.loss)
        gradients = model.backward(trace)
        assert all(not gradient.any() for gradient in gradients.values())


def test_causal_labels_are_shifted() -> None:
    model = small_model("BertLMHeadModel")
    inputs = small_inputs(model)
    x = model(**inputs).logits
    logp = x - np.log(np.exp(x).sum(-1, keepdims=True))
    labels = np.array([[3, 5, -100], [1, 12, 4]])
    expected = -(logp[0, 0, 5] + logp[1, 0, 12] + logp[1, 1, 4]) / 3
    assert model(**inputs, labels=labels).loss == pytest.approx(expected, rel=1e-12)


def test_pretraining_needs_both_labels() -> None:
    model = small_model("BertForPreTraining")
    inputs = small_inputs(model)
    labels = np.array([[3, -100, 5], [-100, 12, 0]])
    assert model(**inputs, labels=labels).loss is None
    assert model(**inputs, next_sentence_label=[1, 0]).loss is None
    trace = mb.Trace()
    loss = model(**inputs, labels=labels, next_sentence_label=[1, 0], trace=trace).loss
    assert loss == trace["masked_lm_loss"] + trace["next_sentence_loss"]
    assert V > C


def test_next_sentence_label_is_another_name() -> None:
    model = small_model("BertForNextSentencePrediction")
    inputs = small_inputs(model)
    assert model(**inputs, labels=[1, 0]).loss == model(**inputs, next_sentence_label=[1, 0]).loss


class Unreadable:
    """An array of another library, which does not hand it over."""

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **_: Any) -> Any:
        raise BufferError("it requires a gradient")


@pytest.mark.parametrize("name", ["input_ids", "inputs_embeds"])
def test_arrays_that_are_not_handed_over(name: str) -> None:
    with pytest.raises(mb.InputError, match=f"^{name}: .*it requires a gradient"):
        small_model("BertModel")(**{name: Unreadable()})

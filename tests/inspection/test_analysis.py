"""Logit lens, rollout, attributions and head importance, each against what it must equal."""

import numpy as np
import pytest

import minibert as mb
from tests.small_models import small_inputs, small_model


def test_logit_lens_ends_at_the_logits() -> None:
    for class_name in ("BertForMaskedLM", "RobertaForMaskedLM", "RemBertForMaskedLM"):
        model = small_model(class_name)
        inputs = small_inputs(model)
        lens = mb.logit_lens(model, **inputs)
        output = model(**inputs, output_hidden_states=True)
        assert lens.shape == (3, *output.logits.shape)
        np.testing.assert_array_equal(lens[-1], output.logits)
        assert np.abs(lens[0] - lens[-1]).max() > 1e-3
    with pytest.raises(mb.InputError, match="BertModel has no language-model head"):
        mb.logit_lens(small_model("BertModel"), **inputs)


def test_rollout_of_one_layer_is_its_mixed_attention() -> None:
    model = small_model("BertModel", num_hidden_layers=1)
    inputs = small_inputs(model)
    attention = model(**inputs, output_attentions=True).attentions[0].mean(axis=1)
    np.testing.assert_allclose(mb.attention_rollout(model, 0.25, **inputs), 0.25 * np.eye(3) + 0.75 * attention)
    deep = mb.attention_rollout(small_model("BertModel"), **inputs)
    np.testing.assert_allclose(deep.sum(axis=-1), 1.0)
    with pytest.raises(mb.InputError, match="residual is 2: a share from 0 to 1"):
        mb.attention_rollout(model, 2.0, **inputs)


@pytest.mark.parametrize("class_name", ["BertForSequenceClassification", "RobertaForSequenceClassification",
                                        "RemBertForSequenceClassification"])  # fmt: skip
def test_integrated_gradients_are_complete(class_name: str) -> None:
    model = small_model(class_name)
    inputs = small_inputs(model)
    coarse = mb.integrated_gradients(model, ("logits", 1), steps=16, **inputs)
    fine = mb.integrated_gradients(model, ("logits", 1), steps=128, **inputs)
    np.testing.assert_array_equal(fine.target, model(**inputs).logits[:, 1])
    for kind in ("word", "position", "type"):
        assert np.abs(fine.gap[kind]).max() < 2e-3
        assert np.abs(fine.gap[kind]).max() < 0.2 * np.abs(coarse.gap[kind]).max() + 1e-9
        change = fine.target - fine.baseline[kind]
        np.testing.assert_allclose(getattr(fine, kind).sum(axis=1) + fine.gap[kind], change)
        assert np.abs(change).max() > 1e-2
    assert str(fine).count("gap") == 3 * len(fine.target)


def test_texts_of_a_batch_do_not_mix() -> None:
    model = small_model("BertForSequenceClassification")
    inputs = small_inputs(model)
    both = mb.integrated_gradients(model, ("logits", 0), steps=4, **inputs)
    alone = mb.integrated_gradients(model, ("logits", 0), steps=4, **{k: v[1:] for k, v in inputs.items()})
    for kind in ("word", "position", "type"):
        np.testing.assert_allclose(getattr(both, kind)[1:], getattr(alone, kind), atol=1e-12)


def test_gradient_x_input_is_its_definition() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model)
    attribution = mb.gradient_x_input(model, ("logits", (1, 4)), **inputs)
    trace = mb.Trace()
    output = model(**inputs, trace=trace)
    seed = np.zeros_like(output.logits)
    seed[:, 1, 4] = 1.0
    model.backward(trace, {"logits": seed})
    name = "bert.embeddings.word_embeddings"
    np.testing.assert_allclose(attribution.word, (trace.grad[name] * trace[name]).sum(axis=-1))
    np.testing.assert_array_equal(attribution.target, output.logits[:, 1, 4])


def test_head_importance_is_the_change_of_the_loss() -> None:
    model = small_model("BertForMaskedLM")
    inputs = small_inputs(model, labels=True)
    importance = mb.head_importance(model, **inputs)
    assert importance.shape == (2, 4)
    for layer, head in ((0, 2), (1, 3)):
        losses = []
        for sign in (1, -1):
            mask = np.ones((2, 4))
            mask[layer, head] += sign * 1e-6
            losses.append(model(**inputs, head_mask=mask).loss)
        assert importance[layer, head] == pytest.approx(abs(losses[0] - losses[1]) / 2e-6, rel=1e-6)


def test_mistakes() -> None:
    model = small_model("BertForSequenceClassification")
    inputs = small_inputs(model)
    for target, message in (
        (("logit", 0), "target names 'logit', but the output has logits"),
        (("logits", 9), r"target's index \(9,\) lies outside logits, which has shape \(2, 3\)"),
        (("logits", slice(None)), r"leaves shape \(3,\) of logits: it must name one number"),
    ):
        with pytest.raises(mb.InputError, match=message):
            mb.gradient_x_input(model, target, **inputs)
    with pytest.raises(mb.InputError, match="attributions need input_ids"):
        mb.gradient_x_input(model, ("logits", 0), inputs_embeds=np.zeros((1, 2, 20)))
    with pytest.raises(mb.InputError, match="steps is 0: at least one"):
        mb.integrated_gradients(model, ("logits", 0), steps=0, **inputs)


def test_relative_positions_have_no_position_share() -> None:
    model = small_model("BertForSequenceClassification", position_embedding_type="relative_key")
    attribution = mb.gradient_x_input(model, ("logits", 0), **small_inputs(model))
    assert not attribution.position.any()
    assert set(attribution.gap) == {"word", "type"}

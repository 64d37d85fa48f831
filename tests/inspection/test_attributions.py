"""Attributions: complete, per text, and equal to their definitions."""

import numpy as np
import pytest

import minibert as mb
from minibert.inspection.attributions import Target
from tests.small_models import small_inputs, small_model


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


def test_a_target_is_one_number_of_every_text() -> None:
    model = small_model("BertForMaskedLM")
    output = model(**small_inputs(model))
    target = Target.read(("logits", (1, 4)))
    seed = target.seed(output, np.float32)["logits"]
    assert (seed.shape, seed.dtype) == (output.logits.shape, np.float32)
    np.testing.assert_array_equal(np.argwhere(seed), [[text, 1, 4] for text in range(len(seed))])
    np.testing.assert_array_equal(target.value(output), (seed * output.logits).sum(axis=(1, 2)))
    assert Target.read(target) == target
    assert Target.read(("logits", 2)) == ("logits", (2,))

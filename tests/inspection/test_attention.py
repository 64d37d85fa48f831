"""Attention rollout and head importance, each against what it must equal."""

import numpy as np
import pytest

import minibert as mb
from tests.small_models import small_inputs, small_model


def test_rollout_of_one_layer_is_its_mixed_attention() -> None:
    model = small_model("BertModel", num_hidden_layers=1)
    inputs = small_inputs(model)
    attention = model(**inputs, output_attentions=True).attentions[0].mean(axis=1)
    np.testing.assert_allclose(mb.attention_rollout(model, 0.25, **inputs), 0.25 * np.eye(3) + 0.75 * attention)
    deep = mb.attention_rollout(small_model("BertModel"), **inputs)
    np.testing.assert_allclose(deep.sum(axis=-1), 1.0)
    with pytest.raises(mb.InputError, match="residual is 2: a share from 0 to 1"):
        mb.attention_rollout(model, 2.0, **inputs)


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

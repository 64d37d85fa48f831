"""The feed-forward a few tokens at a time: the same values, whatever the size of a stretch."""

import numpy as np
import pytest

from tests.small_models import small_inputs, small_model


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("class_name", ["BertModel", "RobertaModel", "RemBertModel", "BertForPreTraining"])
def test_chunks_give_the_same_values(class_name: str, chunk: int) -> None:
    whole, parts = small_model(class_name), small_model(class_name, chunk_size_feed_forward=chunk)
    inputs = small_inputs(whole)
    inputs = {name: np.concatenate([value, value[:, :2]], axis=1) for name, value in inputs.items()}  # 5 tokens
    ours, expected = parts(**inputs), whole(**inputs)
    for name in (name for name, value in expected.items() if hasattr(value, "dtype")):
        np.testing.assert_allclose(ours[name], expected[name], rtol=1e-12, atol=1e-13)
    states = {"output_hidden_states": True}
    for one, other in zip(
        parts(**inputs, **states).hidden_states, whole(**inputs, **states).hidden_states, strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)

"""The logit lens: it ends at the model's own logits, and reads single places as it reads all."""

import numpy as np
import pytest

import minibert as mb
from minibert.inspection.logit_lens import logits_of_states
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


def test_single_places_are_read_as_in_the_whole_text() -> None:
    model = small_model("RemBertForMaskedLM")
    inputs = small_inputs(model)
    states = model(**inputs, output_hidden_states=True).hidden_states
    found = list(logits_of_states(model, states, places=[2, 0]))
    assert len(found) == len(states)
    np.testing.assert_allclose(np.stack(found), mb.logit_lens(model, **inputs)[:, :, [2, 0]], rtol=1e-12)

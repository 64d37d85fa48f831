"""Outputs are read by attribute, key, index and as a tuple; what was not computed is None, and left out."""

import numpy as np
import pytest

from minibert.models.outputs import MaskedLMOutput, SequenceClassifierOutput
from tests.random_cases import CLASSES
from tests.small_models import small_inputs, small_model


def test_four_ways_to_read() -> None:
    loss, logits = np.float64(0.5), np.zeros((2, 3))
    out = MaskedLMOutput(loss=loss, logits=logits)
    assert out.loss is out["loss"] is out[0] is out.to_tuple()[0] is loss
    assert out.logits is out["logits"] is out[1] is out[-1] is logits
    assert out[:1] == (loss,)
    assert out.keys() == list(out) == ["loss", "logits"]
    assert out.values() == [loss, logits]
    assert out.items() == [("loss", loss), ("logits", logits)]
    assert len(out) == 2
    assert "logits" in out
    assert dict(**{name: out[name] for name in out}) == dict(out.items())


def test_what_was_not_computed() -> None:
    logits = np.zeros((2, 3))
    out = SequenceClassifierOutput(logits=logits)
    assert out.loss is None
    assert out.hidden_states is None
    assert out[0] is logits
    assert out.to_tuple() == (logits,)
    assert "loss" not in out
    assert out.get("loss") is None
    assert out.get("loss", 3) == 3
    assert out.get("logits") is logits
    with pytest.raises(KeyError) as found:
        out["loss"]
    assert found.value.args[0] == "SequenceClassifierOutput has no 'loss' here: it has logits"
    with pytest.raises(IndexError):
        out[1]


FIELDS = {
    "Model": ["last_hidden_state", "pooler_output", "hidden_states", "attentions"],
    "PreTraining": ["loss", "prediction_logits", "seq_relationship_logits", "hidden_states", "attentions"],
    "QuestionAnswering": ["loss", "start_logits", "end_logits", "hidden_states", "attentions"],
}


@pytest.mark.parametrize("class_name", CLASSES)
def test_fields_of_every_class(class_name: str) -> None:
    model = small_model(class_name)
    inputs = small_inputs(model, labels=True)
    states = {"output_hidden_states": True, "output_attentions": True}
    out = model(**inputs, **states)
    usual = ["loss", "logits", "hidden_states", "attentions"]
    key = next((key for key in FIELDS if class_name.endswith(key) and "LMHead" not in class_name), "")
    fields = FIELDS.get(key, usual)
    if class_name == "RemBertForCausalLM":  # a cache is given with labels too
        fields = ["loss", "logits", "past_key_values", "hidden_states", "attentions"]
    assert out.keys() == fields
    layers = model.config.num_hidden_layers
    assert len(out.hidden_states) == layers + 1
    assert len(out.attentions) == layers
    assert model(**inputs, return_dict=True).keys() == [name for name in fields if name not in FIELDS["Model"][2:]]
    as_tuple = model(**inputs, **states, return_dict=False)
    assert type(as_tuple) is tuple
    assert len(as_tuple) == len(fields)
    for one, other in zip(as_tuple, out.to_tuple(), strict=True):
        if hasattr(one, "dtype"):
            np.testing.assert_array_equal(one, other)
    model.config.return_dict = False
    assert type(model(**inputs)) is tuple
    assert model(**inputs, return_dict=True).keys()
    model.config.return_dict, model.config.output_attentions, model.config.output_hidden_states = True, True, True
    assert model(**inputs).keys() == fields
    assert "attentions" not in model(**inputs, output_attentions=False)


def test_the_bare_tuple_keeps_its_order() -> None:
    """The pooled output keeps its place even without a pooler, and the cache comes before the states."""
    model = small_model("BertModel", is_decoder=True, add_pooling_layer=False)
    out = model([[5, 7]], return_dict=False, output_hidden_states=True, output_attentions=True)
    assert out[1] is None
    assert out[2].get_seq_length() == 2
    assert [len(part) for part in out[3:]] == [3, 2]

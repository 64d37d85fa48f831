"""RemBERT: what differs from BERT."""

import minibert as mb
from tests.small_models import D, E, O, V, small_config


def test_shapes_of_rembert() -> None:
    state = mb.RemBertForMaskedLM(small_config("RemBertForMaskedLM")).state_dict()
    assert state["rembert.embeddings.word_embeddings.weight"].shape == (V, E)
    assert state["rembert.encoder.embedding_hidden_mapping_in.weight"].shape == (D, E)
    assert state["cls.predictions.dense.weight"].shape == (O, D)
    assert state["cls.predictions.decoder.weight"].shape == (V, O)
    assert state["cls.predictions.decoder.bias"].shape == (V,)
    assert "cls.predictions.bias" not in state

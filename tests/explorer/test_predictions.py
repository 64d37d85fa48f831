"""Predictions are the logit lens, at the places asked for."""

import numpy as np
import pytest

import minibert as mb
from tests.explorer.pages import FAMILIES, data_of, encoded, model, page


@pytest.mark.parametrize("family", FAMILIES)
def test_predictions_are_the_logit_lens(family: str) -> None:
    data = data_of(page(family, places="all", top=3))
    logits = mb.logit_lens(model(family), **encoded(family))[:, 0].astype(np.float64)
    probs = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probs /= probs.sum(axis=-1, keepdims=True)
    assert len(data["predictions"]) == len(data["tokens"])
    for record in data["predictions"]:
        answer = probs[-1, record["place"]].argmax()
        for layer, shown in enumerate(record["layers"]):
            here = probs[layer, record["place"]]
            assert [share for _, share in shown["top"]] == pytest.approx(sorted(here)[::-1][:3], rel=1e-3)
            assert shown["probability"] == pytest.approx(here[answer], rel=1e-3)
            assert shown["rank"] == 1 + (here > here[answer]).sum()


@pytest.mark.parametrize("family", FAMILIES)
def test_predictions_stand_at_the_masked_place(family: str) -> None:
    data = data_of(page(family))
    masked = [i for i, token in enumerate(data["tokens"]) if token["mask"]]
    assert [record["place"] for record in data["predictions"]] == masked
    assert len(masked) == 1

"""Every mistake that a step is said to make is recognised when it is made there."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from minibert.golden import diff, open_pack, record
from minibert.golden.diagnosis.known_mistakes import mistakes_of_step
from minibert.golden.diagnosis.tensor_pair import TensorPair
from tests.golden.models import batch, bert
from tests.small_models import small_inputs, small_model


def recognised(path: Path, weights: dict[str, np.ndarray] | None) -> tuple[int, int, set[str]]:
    """How many variants there are, how many are named in their own words, and the words."""
    pack, tried, named, words_met = open_pack(path), 0, 0, set()
    for entry in pack.results():
        if entry.kind != "value" or entry.floor is None:
            continue
        golden = pack[entry.name]
        pair = TensorPair(entry, golden, golden * 1.5 + 1, entry.floor["rms"], pack, None, weights)
        for words, candidate in mistakes_of_step(pair):
            if candidate is None:
                continue
            made = np.broadcast_to(candidate, golden.shape)
            row = diff(pack, {entry.name: made}, weights=weights)[entry.name]
            if row.ok or not np.isfinite(made).all():
                continue  # this mistake does not show with these numbers
            tried += 1
            assert row.diagnosis, (entry.name, words)
            named += words in row.diagnosis
            words_met.add(words)
    return tried, named, words_met


@pytest.mark.parametrize("with_weights", [False, True])
def test_every_variant_is_recognised(tmp_path: Path, with_weights: bool) -> None:
    model = bert()
    path = record(model, batch(labels=True), tmp_path / "p")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # wrong sums of hidden scores overflow
        tried, named, words = recognised(path, model.state_dict() if with_weights else None)
    assert tried > 200
    assert named >= 0.9 * tried, f"{named} of {tried}"
    assert len(words) >= 60


@pytest.mark.parametrize("class_name", ["RobertaForSequenceClassification", "RemBertForMaskedLM"])
def test_other_families(tmp_path: Path, class_name: str) -> None:
    model = small_model(class_name, dtype="float32")
    path = record(model, small_inputs(model), tmp_path / "p")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        tried, named, _ = recognised(path, model.state_dict())
    assert tried > 150
    assert named >= 0.85 * tried, f"{named} of {tried}"

"""The call of a pack: where backward starts, and what cannot be recorded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.golden import Training, check, open_pack, record
from tests.golden.models import batch, bert


def test_backward_from_a_given_gradient(tmp_path: Path) -> None:
    model, inputs = bert(), batch()
    rng = np.random.default_rng(1)
    seed = {"logits": rng.normal(size=(2, 7, 40)).astype(np.float32)}
    pack = open_pack(record(model, inputs, tmp_path / "p", backward=seed))
    np.testing.assert_array_equal(pack["seed/logits"], seed["logits"])
    report = check(pack, model)
    assert report.ok
    assert any(row.kind == "parameter gradient" for row in report)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"inputs": None}, "record needs inputs, or text and tokenizer to make them of."),
    ({"inputs": [1]}, "inputs is a list: a dict of the model's arguments belongs there."),
    ({"inputs": {"input_ids": [[1]], "trace": mb.Trace()}}, "inputs has 'trace', which is no input of the model"),
    ({"inputs": {"input_ids": [[1]], "labels": mb.Cache()}}, "a Cache: a pack can hold arrays of numbers"),
    ({"inputs": {"input_ids": [[99]]}}, "99"),
    ({"inputs": {"input_ids": [[1]]}, "backward": True}, "the call had no labels, so there is no loss"),
    ({"inputs": {"input_ids": [[1]]}, "backward": {"nothing": 1.0}}, "'nothing' is neither an output of the call"),
    (
        {"inputs": {"input_ids": [[1]]}, "backward": {"bert.extended_attention_mask": np.zeros((1, 1, 1, 1))}},
        "no gradient can enter at bert.extended_attention_mask: nothing learned leads there.",
    ),
    ({"inputs": {"input_ids": [[1]]}, "training": {"step": 1}}, "training has an unknown 'step': it takes steps"),
    ({"inputs": {"input_ids": [[1]]}, "training": {"steps": 0}}, "training has steps 0: a number from 1 on"),
    ({"inputs": {"input_ids": [[1]]}, "training": 3}, "training is a int: Training(steps=10) belongs there."),
    ({"inputs": {"input_ids": [[1]]}, "training": Training()}, "training steps need a loss"),
    ({"inputs": {"input_ids": [[1]]}, "text": 3, "tokenizer": object()}, "text is 3: a text or a list of texts"),
    ({"inputs": {"input_ids": [[1]]}, "dtype": "int8"}, "dtype 'int8' is not one that models compute in"),
]


@pytest.mark.parametrize(("arguments", "text"), BAD, ids=[text[:40] for _, text in BAD])
def test_bad_arguments_are_one_sentence(tmp_path: Path, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(mb.MinibertError) as caught:
        record(bert(), path=tmp_path / "p", **arguments)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())  # nothing half written

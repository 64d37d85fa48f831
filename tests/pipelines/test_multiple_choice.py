"""multiple-choice: the best of several continuations."""

import numpy as np
import pytest

import minibert as mb
from tests.pipelines.small_pipelines import make, softmax
from tests.small_checkpoints import FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_multiple_choice(family: str) -> None:
    pipe = make("multiple-choice", family)
    choices = ["a b c d e", "b", "a longer choice than the others"]
    encoded = pipe.tokenizer(["The prompt."] * 3, choices, padding=True, return_tensors="np")
    probs = softmax(pipe.model(**{name: array[None] for name, array in encoded.items()}).logits[0])
    got = pipe({"prompt": "The prompt.", "choices": choices}, batch_size=2)
    assert [entry["index"] for entry in got] == np.argsort(-probs).tolist()
    assert [entry["score"] for entry in got] == pytest.approx(sorted(probs, reverse=True))
    assert [choices[entry["index"]] for entry in got] == [entry["choice"] for entry in got]
    (best,) = pipe({"prompt": "The prompt.", "choices": choices}, top_k=1)
    assert best["index"] == got[0]["index"]
    with pytest.raises(mb.InputError, match="choices must be a list of two texts or more"):
        pipe({"prompt": "x", "choices": ["a"]})
    with pytest.raises(mb.InputError, match=r"the input is a dict with the keys \['prompt'\]"):
        pipe({"prompt": "x"})

"""next-sentence-prediction: whether one text follows another."""

import pytest

import minibert as mb
from tests.pipelines.small_pipelines import logits_of, make, softmax


def test_next_sentence_prediction() -> None:
    pipe = make("next-sentence-prediction")
    probs = softmax(logits_of(pipe, "a b", "c").logits[0])
    both = pipe(("a b", "c"), top_k=None)
    assert {entry["label"]: entry["score"] for entry in both} == pytest.approx(
        {"IsNext": probs[0], "NotNext": probs[1]}
    )
    assert pipe({"text": "a b", "text_pair": "c"}) == both[0]
    with pytest.raises(mb.InputError, match=r"there is one text only: give \{'text': 'first', 'text_pair': 'second'}"):
        pipe("a b")

"""text-classification: scores, pairs, regression, and the older options."""

import numpy as np
import pytest

import minibert as mb
from tests.pipelines.small_pipelines import logits_of, make, softmax
from tests.small_checkpoints import FAMILIES, SENTENCES, model, tokenizer


class TestTextClassification:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_scores(self, family: str) -> None:
        pipe = make("text-classification", family)
        logits = logits_of(pipe, SENTENCES[0]).logits[0]
        probs = softmax(logits)
        best = {"label": f"LABEL_{probs.argmax()}", "score": pytest.approx(probs.max())}
        assert pipe(SENTENCES[0]) == [best]
        assert pipe([SENTENCES[0]]) == [best]
        assert pipe(SENTENCES[0], top_k=1) == [best]
        assert [entry["score"] for entry in pipe(SENTENCES[0], top_k=None)] == pytest.approx(
            sorted(probs, reverse=True)
        )
        raw = pipe(SENTENCES[0], top_k=None, function_to_apply="none")
        assert [entry["score"] for entry in raw] == pytest.approx(sorted(logits, reverse=True))
        each = pipe(SENTENCES[0], top_k=None, function_to_apply="sigmoid")
        assert [entry["score"] for entry in each] == pytest.approx(sorted(1 / (1 + np.exp(-logits)), reverse=True))

    @pytest.mark.parametrize(("labels", "kind"), [(1, None), (3, "multi_label_classification")])
    def test_labels_by_themselves_have_a_sigmoid(self, labels: int, kind: str | None) -> None:
        made = model("bert", "ForSequenceClassification", dtype="float64", num_labels=labels, problem_type=kind)
        pipe = mb.pipeline("text-classification", made, tokenizer=tokenizer("bert"))
        each = 1 / (1 + np.exp(-logits_of(pipe, "a b").logits[0]))
        assert [entry["score"] for entry in pipe("a b", top_k=None)] == pytest.approx(sorted(each, reverse=True))

    def test_pairs(self) -> None:
        pipe = make("text-classification")
        probs = softmax(logits_of(pipe, "a b", "c").logits[0])
        answer = pipe({"text": "a b", "text_pair": "c"})
        assert answer["score"] == pytest.approx(probs.max())
        assert pipe([{"text": "a b", "text_pair": "c"}, "x"])[0] == pytest.approx(answer)
        with pytest.raises(mb.InputError, match=r"a pair is \{'text': ..., 'text_pair': ...\}, not one with the keys"):
            pipe({"text": "a", "pair": "b"})
        with pytest.raises(mb.InputError, match="input 0: the input is a list of 2: a pair of texts is given as"):
            pipe([["a", "b"], ["c", "d"]])
        with pytest.raises(mb.InputError, match="function_to_apply is 'tanh': choose one of sigmoid, softmax, none"):
            pipe("a", function_to_apply="tanh")

    def test_regression_has_no_function(self) -> None:
        made = model("bert", "ForSequenceClassification", num_labels=1, problem_type="regression")
        pipe = mb.pipeline("text-classification", made, tokenizer=tokenizer("bert"))
        assert pipe("a b")[0]["score"] == pytest.approx(float(logits_of(pipe, "a b").logits[0, 0]))


def test_return_all_scores() -> None:
    """All classes, in the configuration's order and not by score; top_k goes first."""
    pipe = mb.pipeline(
        "text-classification", model("bert", "ForSequenceClassification", num_labels=3), tokenizer=tokenizer("bert")
    )
    texts = list(SENTENCES)
    everything = pipe(texts, return_all_scores=True)
    for entries, ranked in zip(everything, pipe(texts, top_k=None), strict=True):
        assert [entry["label"] for entry in entries] == ["LABEL_0", "LABEL_1", "LABEL_2"]
        assert sorted(entries, key=lambda entry: -entry["score"]) == ranked
    assert pipe(texts[0], return_all_scores=True) == pipe(texts[:1], return_all_scores=True)
    assert pipe(texts, return_all_scores=False) == pipe(texts)
    assert pipe(texts, return_all_scores=True, top_k=2) == pipe(texts, top_k=2)

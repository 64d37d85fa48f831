"""Options that transformers accepts under older names: the same answers as under the new ones."""

import pytest

import minibert as mb
from tests.pipelines.test_pipeline import make
from tests.small_checkpoints import SENTENCES, model, tokenizer


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


@pytest.mark.parametrize(
    ("older", "strategy"),
    [
        ({"grouped_entities": True}, "simple"),
        ({"grouped_entities": True, "ignore_subwords": False}, "simple"),
        ({"grouped_entities": True, "ignore_subwords": True}, "first"),
        ({"grouped_entities": False, "ignore_subwords": True}, "none"),
    ],
)
def test_grouped_entities(older: dict[str, bool], strategy: str) -> None:
    pipe = make("token-classification")
    expected = pipe(list(SENTENCES), aggregation_strategy=strategy, ignore_labels=[])
    assert pipe(list(SENTENCES), **older, ignore_labels=[]) == expected
    assert pipe(SENTENCES[0], **older, aggregation_strategy="max") == pipe(SENTENCES[0], aggregation_strategy="max")


def test_topk() -> None:
    pipe = make("question-answering")
    asked = {"question": "Where?", "context": SENTENCES[1]}
    assert pipe(**asked, topk=3) == pipe(**asked, top_k=3)
    with pytest.raises(mb.InputError, match=r"^top_k is 0: an integer of 1 or more"):
        pipe(**asked, topk=0)

"""What `minibert train` measures: spans by the CoNLL rules, and F1 of classes."""


import numpy as np
import pytest

import minibert as mb
from minibert.commands.training import metrics


def test_spans_follow_the_conll_rules() -> None:
    for labels, expected in (
        (["B-A", "I-A", "I-B", "O"], {("A", 0, 2), ("B", 2, 3)}),
        (["I-A", "I-A", "B-A"], {("A", 0, 2), ("A", 2, 3)}),
        (["O", "O"], set()),
        (["B-A"], {("A", 0, 1)}),
    ):
        assert metrics.spans(labels) == expected
    scores = metrics.span_scores([{("A", 0, 1), ("B", 2, 3)}], [{("A", 0, 1), ("B", 2, 4), ("C", 5, 6)}])
    assert scores == {"entity_precision": 0.5, "entity_recall": pytest.approx(1 / 3), "entity_f1": pytest.approx(0.4)}
    assert metrics.span_scores([set()], [set()]) == dict.fromkeys(scores, 0.0)


def test_a_majority_and_macro_f1() -> None:
    found = metrics.text_metrics(frequent=1)(mb.EvalPrediction(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 2])))
    assert found == {
        "accuracy": 0.5,
        "macro_f1": pytest.approx((2 / 3 + 2 / 4 + 0) / 3),
        "majority_accuracy": 0.25,
    }


def test_hidden_tokens_alone_count() -> None:
    labels = np.array([[-100, 5, -100], [7, -100, 9]])
    prediction = mb.EvalPrediction(np.array([[1, 5, 1], [7, 1, 8]]), labels)
    assert metrics.masked_accuracy(prediction) == {"accuracy": pytest.approx(2 / 3)}
    assert metrics.masked_accuracy(mb.EvalPrediction(labels, np.full_like(labels, -100))) == {}


def test_the_commonest_label() -> None:
    assert metrics.commonest([3, 1, 3, 1, 2]) == 1  # the smallest of several

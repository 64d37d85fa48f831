"""Spans: the best, whole words, equal answers."""

import numpy as np

from minibert.pipelines.answers import best_spans, merge_answers, span_characters
from minibert.tokenizers.stages.template import Encoding


def test_best_spans_in_order() -> None:
    start, end = np.log([0.1, 0.5, 0.3, 0.1]), np.log([0.2, 0.1, 0.6, 0.1])
    spans, none = best_spans(start, end, np.ones(4, dtype=bool), 10, 2)
    assert [span[:2] for span in spans[:3]] == [(1, 2), (2, 2), (1, 1)]
    np.testing.assert_allclose([span[2] for span in spans[:3]], [0.3, 0.18, 0.05])
    assert abs(none - 0.02) < 1e-12
    # longer spans, and those that end before they start, have no score
    assert all(score == 0 for first, last, score in spans if last < first or last - first > 1)


def test_best_spans_stay_where_answers_may_stand() -> None:
    allowed = np.array([True, False, True, True])
    spans, _ = best_spans(np.array([9.0, 9.0, 1.0, 0.0]), np.array([9.0, 9.0, 0.0, 1.0]), allowed, 4, 15)
    assert spans[0][:2] == (2, 3)
    assert all(allowed[first] and allowed[last] for first, last, _ in spans)
    assert len(best_spans(np.zeros(4), np.zeros(4), allowed, 1, 15)[0]) == 1


def test_spans_grow_to_whole_words() -> None:
    row = Encoding(
        ids=[0] * 5,
        offsets=[(0, 0), (0, 3), (3, 6), (7, 9), (9, 12)],
        word_ids=[None, 0, 0, 1, 1],
        sequence_ids=[None, 1, 1, 1, 1],
    )
    assert span_characters(row, 2, 3, True) == (0, 12)
    assert span_characters(row, 2, 3, False) == (3, 9)
    assert span_characters(row, 0, 3, True) == (0, 9)  # a special token belongs to no word
    pair = Encoding(
        ids=[0] * 4, offsets=[(0, 5), (0, 2), (2, 4), (4, 9)], word_ids=[0, 0, 0, 0], sequence_ids=[0, 1, 1, 0]
    )
    assert span_characters(pair, 1, 2, True) == (0, 4)  # the question's words are counted by themselves


def test_equal_answers_add_up() -> None:
    answers = merge_answers([(0.5, 0, 2), (0.25, 3, 5), (0.125, 6, 8)], "Ab aB cd")
    assert answers == [
        {"score": 0.75, "start": 0, "end": 2, "answer": "Ab"},
        {"score": 0.125, "start": 6, "end": 8, "answer": "cd"},
    ]

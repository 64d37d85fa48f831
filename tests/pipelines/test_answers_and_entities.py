"""What comes after the model, by itself: spans, words, groups, overlaps."""

import numpy as np

from minibert.functional.softmax import softmax
from minibert.pipelines.answers import best_spans, merge_answers, span_characters
from minibert.pipelines.entities import Token, group, label_tokens, merge_overlapping, merge_words
from minibert.pipelines.scores import host_logits
from minibert.tokenizers.stages.template import Encoding


def test_scores_of_float16_are_computed_in_float32() -> None:
    probs = softmax(host_logits(np.zeros(3000, dtype=np.float16)))
    assert probs.dtype == np.float32
    assert abs(float(probs.sum()) - 1) < 1e-5


LABELS = {0: "O", 1: "B-PER", 2: "I-PER", 3: "LOC"}


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


def tokens(*rows: tuple[str, list[float], bool]) -> list[Token]:
    made, place = [], 0
    for i, (word, scores, continues) in enumerate(rows):
        made.append(Token(word, np.array(scores), place, place + len(word), i + 1, continues))
        place += len(word)
    return made


def test_strategies_of_words() -> None:
    word = tokens(
        ("ab", [0.5, 0.4, 0.1, 0.0], False), ("cd", [0.2, 0.1, 0.7, 0.0], True), ("e", [0.0, 0.0, 0.0, 1.0], False)
    )
    expected = {"first": ("O", 0.5), "max": ("I-PER", 0.7), "average": ("I-PER", 0.4)}
    for strategy, (label, score) in expected.items():
        merged = merge_words(word, strategy, LABELS, "".join)
        assert [(entry["word"], entry["start"], entry["end"]) for entry in merged] == [("abcd", 0, 4), ("e", 4, 5)]
        assert merged[0]["entity"] == label
        assert abs(merged[0]["score"] - score) < 1e-12
    assert merge_words([], "first", LABELS, "".join) == []


def test_groups() -> None:
    rows = tokens(
        *[
            (letter, np.eye(4)[label].tolist(), False)
            for letter, label in zip("abcdefg", [1, 2, 1, 0, 3, 3, 2], strict=True)
        ]
    )
    grouped = group(label_tokens(rows, LABELS), "".join)
    assert [(entry["entity_group"], entry["word"]) for entry in grouped] == [
        ("PER", "ab"), ("PER", "c"), ("O", "d"), ("LOC", "ef"), ("PER", "g"),
    ]  # fmt: skip
    assert group([], "".join) == []
    nested = group(label_tokens(tokens(("a", [1.0], False)), {0: "B-LOC-CITY"}), "".join)
    assert nested[0]["entity_group"] == "LOC-CITY"


def test_overlaps_keep_the_longer_then_the_surer() -> None:
    def entity(start: int, end: int, score: float) -> dict[str, float]:
        return {"start": start, "end": end, "score": score}

    a, longer, surer, apart = entity(0, 3, 0.9), entity(1, 5, 0.1), entity(1, 5, 0.2), entity(5, 6, 0.5)
    assert merge_overlapping([apart, a, longer]) == [longer, apart]
    assert merge_overlapping([longer, surer]) == [surer]
    assert merge_overlapping([]) == []

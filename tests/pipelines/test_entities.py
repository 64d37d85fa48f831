"""Entities: words, groups, overlaps."""

import numpy as np

from minibert.pipelines.entities import Token, group, label_tokens, merge_overlapping, merge_words

LABELS = {0: "O", 1: "B-PER", 2: "I-PER", 3: "LOC"}


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

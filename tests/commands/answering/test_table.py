"""Answers as lines of a table."""

from minibert.commands.answering.table import table_lines


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [{"score": 0.5, "label": "yes"}, {"score": 0.25, "label": "perhaps"}]
    assert table_lines("text-classification", rows) == ["0.5000  yes", "0.2500  perhaps"]
    assert table_lines("text-classification", rows[0]) == ["0.5000  yes"]


def test_several_masks_come_one_after_the_other() -> None:
    answer = [{"score": 1.0, "token_str": "a", "sequence": "a b"}]
    assert table_lines("fill-mask", [answer, answer]) == ["mask 1:", "1.0000  a  a b", "mask 2:", "1.0000  a  a b"]


def test_spans_entities_and_nothing() -> None:
    entity = {"score": 0.9, "entity_group": "PER", "start": 3, "end": 7, "word": "Anna"}
    token = {"score": 0.9, "entity": "B-PER", "start": 3, "end": 5, "word": "An"}
    assert table_lines("token-classification", [entity, token]) == [
        "0.9000  PER    3-7  Anna",
        "0.9000  B-PER  3-5  An",
    ]
    assert table_lines("token-classification", []) == ["(nothing found)"]

"""Rows: sorted by length, padded on either side."""

import pytest

from minibert.pipelines.rows import Job, Row, by_length, pad
from tests.pipelines.small_pipelines import make
from tests.small_checkpoints import FAMILIES, SENTENCES


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_are_padded_as_the_tokenizer_pads(family: str) -> None:
    pipe = make("text-classification", family)
    texts = [{"text": SENTENCES[0], "text_pair": "a b"}, "c", SENTENCES[1]]
    rows = [row for text in texts for row in pipe.prepare(text, pipe.settings)]
    expected = pipe.tokenizer.pad({name: [row.inputs[name] for row in rows] for name in rows[0].inputs})
    for name, array in pipe.pad(rows).items():
        assert array.tolist() == expected[name], name


def rows(*lengths: int) -> list[Row]:
    return [Row({"input_ids": list(range(1, 1 + length))}) for length in lengths]


def test_padding_on_the_left_ends_where_the_texts_end() -> None:
    right, left = (pad(rows(3, 1), {"input_ids": 0}, left=side) for side in (False, True))
    assert right["input_ids"].tolist() == [[1, 2, 3], [1, 0, 0]]
    assert left["input_ids"].tolist() == [[1, 2, 3], [0, 0, 1]]
    assert left["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]


def test_groups_are_of_like_length_and_keep_the_order_of_equal_ones() -> None:
    first, second = Job("a", None, rows(2, 5)), Job("b", None, rows(2, 1, 2))
    groups = list(by_length([first, second], 2))
    assert [[len(row) for _, row in group] for group in groups] == [[1, 2], [2, 2], [5]]
    assert [job.item for group in groups for job, _ in group] == ["b", "a", "b", "b", "a"]
    assert [row for job, row in groups[1]] == [second.rows[0], second.rows[2]]
    assert (first.waiting, second.waiting) == (2, 3)

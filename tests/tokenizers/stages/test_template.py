"""Special tokens and token types around one text and two."""

import pytest

from minibert.tokenizers.stages.template import (
    BARE,
    BARE_ONE_TYPE,
    A,
    B,
    Encoding,
    Sequence,
    Template,
    bert_template,
    roberta_template,
    special,
)

FIRST = Sequence([5, 6], [(0, 1), (1, 3)], [0, 0])
SECOND = Sequence([7], [(0, 4)], [0])


@pytest.mark.parametrize(
    ("template", "ids", "types"),
    [
        (bert_template(1, 2), [1, 5, 6, 2, 7, 2], [0, 0, 0, 0, 1, 1]),
        (roberta_template(1, 2), [1, 5, 6, 2, 2, 7, 2], [0] * 7),
        (BARE, [5, 6, 7], [0, 0, 1]),
        (BARE_ONE_TYPE, [5, 6, 7], [0, 0, 0]),
        (Template((A,), (B, special(9, 3), A)), [7, 9, 5, 6], [1, 3, 0, 0]),
    ],
)
def test_pairs(template, ids, types):
    row = template.build([FIRST, SECOND])
    assert (row.ids, row.type_ids, row.attention_mask) == (ids, types, [1] * len(ids))
    assert template.count(pair=True) == len(ids) - 3 == sum(row.special_tokens_mask)
    sources = template.sequence_ids([FIRST, SECOND])
    assert [source is None for source in sources] == [bool(mask) for mask in row.special_tokens_mask]
    assert sources.count(0) == 2
    assert sources.count(1) == 1


def test_offsets_and_words():
    template = bert_template(1, 2)
    assert template.offsets([FIRST, SECOND]) == [(0, 0), (0, 1), (1, 3), (0, 0), (0, 4), (0, 0)]
    assert template.word_ids([FIRST, SECOND]) == [None, 0, 0, None, 0, None]


def test_parts_keep_what_they_had():
    assert FIRST.part(1, 2) == Sequence([6], [(1, 3)], [0])
    assert Sequence([1, 2], trimmed=True).part(0, 1) == Sequence([1], trimmed=True)


def test_the_section_of_a_file():
    written = bert_template(1, 2).to_json({1: "[CLS]", 2: "[SEP]"}.get)
    assert written["single"] == [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ]  # fmt: skip
    assert written["special_tokens"]["[SEP]"] == {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}


def test_empty_texts():
    empty = Sequence([], [], [])
    assert bert_template(1, 2).build([empty, empty]).ids == [1, 2, 2]
    assert bert_template(1, 2).offsets([empty]) == [(0, 0), (0, 0)]


def test_rows_share_no_lists():
    Encoding().ids.append(1)
    assert Encoding().ids == []

"""The one builder of rows against a template's plain `build`, by random sequences."""

import random

import pytest

from minibert.errors import InputError
from minibert.tokenizers.calls.options import CallOptions
from minibert.tokenizers.calls.padding import PadValues
from minibert.tokenizers.calls.rows import DETAILS, Batch, RowBuilder
from minibert.tokenizers.stages.template import (
    BARE,
    A,
    B,
    Sequence,
    Template,
    bert_template,
    roberta_template,
    special,
)

TEMPLATES = [
    bert_template(1, 2), roberta_template(1, 2), BARE, Template((special(9), A, special(8, 1)), (B, A)),
    Template((A, special(3), A), (A, special(3), B)), Template((A._replace(type_id=1),), (A, B)),
]  # fmt: skip


def builder(template, **options):
    overflow = options.pop("overflow", False)
    return RowBuilder(template, CallOptions(**options), lambda: PadValues(0, 5), overflow)


def sequence(rng):
    size = rng.randint(0, 6)
    ids, offsets = rng.choices(range(10, 99), k=size), [(i, i + 1) for i in range(size)]
    return Sequence(ids, offsets, list(range(size)))


@pytest.mark.parametrize("template", TEMPLATES)
def test_columns_are_what_the_template_lays_out(template):
    rng = random.Random(5)
    for pairs in (0.0, 0.5, 1.0):
        rows = [[sequence(rng)] + ([sequence(rng)] if rng.random() < pairs else []) for _ in range(30)]
        columns = builder(template).columns(Batch(rows, list(range(30))), DETAILS)
        for i, row in enumerate(rows):
            built = template.build(row)
            assert columns["input_ids"][i] == built.ids
            assert columns["token_type_ids"][i] == built.type_ids
            assert columns["special_tokens_mask"][i] == built.special_tokens_mask
            assert columns["attention_mask"][i] == built.attention_mask
            assert columns["offset_mapping"][i] == template.offsets(row)
            assert columns["word_ids"][i] == template.word_ids(row)
            assert columns["sequence_ids"][i] == template.sequence_ids(row)
            assert columns["length"][i] == len(built.ids)


def test_padding_goes_by_the_first_row_of_each_text():
    rows = [[Sequence([7])], [Sequence([7, 8, 9])], [Sequence([7, 8])]]
    columns = builder(BARE, padding="longest").columns(Batch(rows, [0, 0, 1]), ("input_ids", "token_type_ids"))
    assert columns["input_ids"] == [[7, 0], [7, 8, 9], [7, 8]]  # the second overflowed from the first text
    assert columns["token_type_ids"] == [[0, 5], [0, 0, 0], [0, 0]]
    assert columns["length"] == [2, 3, 2]


def test_truncation():
    row = [Sequence([1, 2, 3, 4, 5])]
    cut = builder(BARE, truncation="longest_first", max_length=2)
    assert [part[0].ids for part in cut.truncate(row)] == [[1, 2]]
    assert [part[0].ids for part in builder(BARE).truncate(row)] == [[1, 2, 3, 4, 5]]
    several = builder(BARE, truncation="longest_first", max_length=2, stride=1, overflow=True)
    assert [part[0].ids for part in several.truncate(row)] == [[1, 2], [2, 3], [3, 4], [4, 5]]


def test_overflowing_rows_share_their_parts():
    pair = [Sequence([1, 2, 3]), Sequence([4])]
    rows = builder(BARE, truncation="only_first", max_length=2, overflow=True).truncate(pair)
    assert [[part.ids for part in row] for row in rows] == [[[1], [4]], [[2], [4]], [[3], [4]]]
    assert rows[0][1] is rows[1][1] is rows[2][1]


def test_a_stride_without_room():
    with pytest.raises(InputError, match=r"length of 2 .= 4 original max length - 2 added special tokens"):
        builder(BARE, truncation="longest_first", max_length=4, stride=3).check_stride(2)
    builder(BARE, truncation="longest_first", max_length=4, stride=2).check_stride(2)
    builder(BARE, stride=9).check_stride(2)  # nothing is truncated

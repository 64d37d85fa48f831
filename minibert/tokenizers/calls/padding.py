"""Padding: rows of one batch brought to one length.

Source: `pad_encodings` of Hugging Face's tokenizers.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from minibert.errors import InputError
from minibert.tokenizers.stages.template import Encoding


class PadValues(NamedTuple):
    """What stands at padded places."""

    id: int
    type_id: int
    token: str


def padded_length(longest: int, max_length: int | None, multiple: int | None) -> int:
    """The length of a padded row: `max_length`, or that of the longest row, rounded up to a multiple.

    >>> padded_length(5, None, 8), padded_length(5, 16, None), padded_length(5, None, 0)
    (8, 16, 5)
    """
    length = longest if max_length is None else max_length
    return -(-length // multiple) * multiple if multiple else length


def pad_list(values: list[Any], length: int, filler: Any, side: str) -> list[Any]:
    """A list filled up to `length`; a longer one stays as it is.

    >>> pad_list([1, 2], 4, 0, "right"), pad_list([1, 2], 4, 0, "left")
    ([1, 2, 0, 0], [0, 0, 1, 2])
    """
    fill = [filler] * (length - len(values))
    if not fill:
        return values
    return values + fill if side == "right" else fill + values


def pad_encodings(rows: Iterable[Encoding], length: int, pad: PadValues, side: str) -> None:
    """Pad every row, and what overflowed from it, in place."""
    for row in rows:
        pad_encodings(row.overflowing, length, pad, side)
        details = bool(row.offsets or row.word_ids or not row.ids)
        if len(row.ids) >= length:
            continue
        row.ids = pad_list(row.ids, length, pad.id, side)
        row.type_ids = pad_list(row.type_ids, length, pad.type_id, side)
        row.special_tokens_mask = pad_list(row.special_tokens_mask, length, 1, side)
        row.attention_mask = pad_list(row.attention_mask, length, 0, side)
        if details:
            row.offsets = pad_list(row.offsets, length, (0, 0), side)
            row.word_ids = pad_list(row.word_ids, length, None, side)
            row.sequence_ids = pad_list(row.sequence_ids, length, None, side)
        if row.tokens:
            row.tokens = pad_list(row.tokens, length, pad.token, side)


def check_side(side: str, name: str) -> str:
    """'left' or 'right', or an InputError that says which option was wrong."""
    if side not in ("left", "right"):
        raise InputError(f"Unknown `direction`: {name} must be 'left' or 'right', not {side!r}.")
    return side

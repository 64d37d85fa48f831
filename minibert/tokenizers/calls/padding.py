"""Padding: rows of one batch brought to one length.

Source: `pad_encodings` of Hugging Face's tokenizers.
"""

from typing import Any, NamedTuple

from minibert.errors import InputError


class PadValues(NamedTuple):
    """What stands at padded places."""

    id: int
    type_id: int


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


def pad_columns(columns: dict[str, list[Any]], length: int, pad: PadValues, side: str) -> None:
    """Pad the rows of every column that has a filler, in place.

    >>> columns = {"input_ids": [[7, 8], [9]], "attention_mask": [[1, 1], [1]]}
    >>> pad_columns(columns, 2, PadValues(0, 0), "right")
    >>> columns
    {'input_ids': [[7, 8], [9, 0]], 'attention_mask': [[1, 1], [1, 0]]}
    """
    fillers = {
        "input_ids": pad.id, "token_type_ids": pad.type_id, "attention_mask": 0, "special_tokens_mask": 1,
        "offset_mapping": (0, 0), "word_ids": None, "sequence_ids": None,
    }  # fmt: skip
    for name, filler in fillers.items():
        if name in columns:
            columns[name] = [pad_list(row, length, filler, side) for row in columns[name]]


def check_side(side: str, name: str) -> str:
    """'left' or 'right', or an InputError that says which option was wrong."""
    if side not in ("left", "right"):
        raise InputError(f"Unknown `direction`: {name} must be 'left' or 'right', not {side!r}.")
    return side

"""Calls that start from ids: rows from ids, truncation of ids, padding of what other calls returned."""

from collections.abc import Iterable, Mapping
from typing import Any

from minibert.errors import InputError
from minibert.tokenizers.calls.batch_encoding import BatchEncoding
from minibert.tokenizers.calls.options import CallOptions
from minibert.tokenizers.calls.padding import PadValues, pad_columns, padded_length
from minibert.tokenizers.calls.rows import Batch, RowBuilder
from minibert.tokenizers.calls.truncation import kept_lengths
from minibert.tokenizers.stages.template import Sequence


def as_list(values: Any) -> Any:
    """Arrays and tensors as plain (lists of) ints; lists stay, tuples become lists.

    Raises InputError for anything that holds no ids.

    >>> import numpy
    >>> as_list(numpy.array([[1, 2]])), as_list((3,)), as_list([numpy.int64(4)])
    ([[1, 2]], [3], [4])
    """
    if hasattr(values, "tolist"):
        return values.tolist()
    if isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping):
        return [value if type(value) is int else as_list(value) for value in values]
    if hasattr(values, "__index__"):
        return values.__index__()
    raise InputError(f"Ids must be ints, a list or an array of ints, not {type(values).__name__}.")


def sequences_of(first: Any, second: Any) -> list[Sequence]:
    """The ids of one text, or of a pair if `second` is not None.

    >>> sequences_of([7], None)
    [Sequence(ids=[7], offsets=None, words=None, trimmed=False)]
    """
    return [Sequence(as_list(ids)) for ids in (first, second) if ids is not None]


def row_from_ids(sequences: list[Sequence], builder: RowBuilder, names: list[str]) -> BatchEncoding:
    """One text's or pair's ids to everything a model takes; with overflow, several rows."""
    rows = builder.truncate(sequences)
    columns = builder.columns(Batch(rows, [0] * len(rows)), tuple(names))
    found = {name: columns[name] if builder.overflow else columns[name][0] for name in names}
    if builder.overflow:
        found["overflow_to_sample_mapping"] = [0] * len(rows)
    return BatchEncoding(found)


def truncate_ids(
    ids: list[int], pair_ids: list[int] | None, surplus: int, strategy: str, stride: int, side: str, google: bool
) -> tuple[list[int], list[int] | None, list[int]]:
    """Take `surplus` ids away; gives both sequences and what was cut off, with `stride` more.

    >>> truncate_ids([5, 6, 7], None, 1, "longest_first", 1, "right", False)
    ([5, 6], None, [6, 7])
    """
    size = None if pair_ids is None else len(pair_ids)
    budget = len(ids) + (size or 0) - surplus
    if budget < 0:
        raise InputError(f"{surplus} tokens were to be removed, but there are {len(ids) + (size or 0)}.")
    kept = kept_lengths(len(ids), size, budget, strategy, google)
    results: list[Any] = []
    overflow: list[int] = []
    for part, length in zip((ids, pair_ids), kept, strict=True):
        if part is None or length is None:
            results.append(part)
            continue
        cut = len(part) - length
        results.append((part[cut:] if side == "left" else part[:length]) if cut else part)
        if cut:
            overflow += part[: cut + stride] if side == "left" else part[max(length - stride, 0) :]
    return results[0], results[1], overflow


def collected(encoded: Any) -> dict[str, Any]:
    """What calls returned as one dict of lists: a dict stays, a list of dicts (as a data loader collects them) joins.

    >>> collected([{"input_ids": [1]}, {"input_ids": [2, 3]}])
    {'input_ids': [[1], [2, 3]]}
    """
    if isinstance(encoded, list | tuple):
        if not encoded or not isinstance(encoded[0], Mapping):
            raise InputError("pad takes a dict of lists, or a non-empty list of dicts.")
        encoded = {name: [row[name] for row in encoded] for name in encoded[0]}
    if "input_ids" not in encoded:
        raise InputError(
            f"You should supply an encoding that includes 'input_ids', but you provided {list(encoded)}."
        )
    return {name: as_list(values) for name, values in encoded.items()}


def pad_rows(data: dict[str, list[Any]], options: CallOptions, pad: PadValues) -> None:
    """Pad lists of rows by name, in place, to the longest row or to a fixed length."""
    fixed = options.max_length if options.padding == "max_length" else None
    longest = max(map(len, data["input_ids"]), default=0)
    pad_columns(data, padded_length(longest, fixed, options.pad_to_multiple_of), pad, options.padding_side)

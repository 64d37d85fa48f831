"""Rows: what the model is given, sorted by length so that little padding is computed, and what it says of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(eq=False)
class Row:
    """One text, pair or part of a long text.

    Attributes:
        inputs: what the model is given, as lists of ids.
        details: what the task remembers of it.
        output: what the model said of it, once it has.
    """

    inputs: dict[str, list[int]]
    details: Any = None
    output: Any = None

    def __len__(self) -> int:
        return len(self.inputs["input_ids"])


@dataclass(eq=False)
class Job:
    """One input on its way to its answer.

    Attributes:
        item: the input.
        settings: the options of the call.
        rows: what the model is given for it.
        waiting: how many of the rows have no output yet.
    """

    item: Any
    settings: Any
    rows: list[Row]

    def __post_init__(self) -> None:
        self.waiting = len(self.rows)


@dataclass(frozen=True)
class Batch:
    """Rows that go through the model together.

    Attributes:
        rows: the rows.
        arrays: the same, padded to the longest: name -> (B, T).
    """

    rows: Sequence[Row]
    arrays: dict[str, np.ndarray]


def by_length(jobs: Sequence[Job], size: int) -> Iterator[list[tuple[Job, Row]]]:
    """All rows of the jobs, the shortest first, in groups of at most `size`; of equal length in the jobs' order.

    >>> jobs = [Job(None, None, [Row({"input_ids": ids})]) for ids in ([1, 2, 3], [4], [5, 6])]
    >>> [[row.inputs["input_ids"] for _, row in group] for group in by_length(jobs, 2)]
    [[[4], [5, 6]], [[1, 2, 3]]]
    """
    rows = sorted(((job, row) for job in jobs for row in job.rows), key=lambda pair: len(pair[1]))
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def pad(rows: Sequence[Row], fillers: dict[str, int], left: bool = False) -> dict[str, np.ndarray]:
    """Rows -> arrays (B, T) of the longest one's length, and their attention_mask, 1 for tokens and 0 for padding.

    Args:
        fillers: name -> what the padding of that input holds.
        left: pad before the tokens, not after them.

    >>> arrays = pad([Row({"input_ids": [7, 8]}), Row({"input_ids": [9]})], {"input_ids": 0})
    >>> arrays["input_ids"].tolist(), arrays["attention_mask"].tolist()
    ([[7, 8], [9, 0]], [[1, 1], [1, 0]])
    """
    length = max(map(len, rows))
    arrays = {name: np.full((len(rows), length), fillers[name]) for name in rows[0].inputs}
    arrays["attention_mask"] = np.zeros((len(rows), length), dtype=np.int64)
    for i, row in enumerate(rows):
        tokens = slice(length - len(row), None) if left else slice(len(row))
        for name, values in row.inputs.items():
            arrays[name][i, tokens] = values
        arrays["attention_mask"][i, tokens] = 1
    return arrays

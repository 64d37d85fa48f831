"""The log of a run: one JSON object a line, and a progress bar."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minibert.files.output import output_file


def as_json(record: dict[str, Any]) -> dict[str, Any]:
    """The record with plain numbers; what is not finite becomes None, which JSON can hold."""
    plain = {name: value.item() if hasattr(value, "item") else value for name, value in record.items()}
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in plain.items()
    }


class JsonLines:
    """A file that grows by one line a record, and starts again from the records of a checkpoint."""

    def __init__(self, path: Path, records: Sequence[dict[str, Any]]) -> None:
        self.path = path
        with output_file(path) as file:
            file.write("".join(json.dumps(record) + "\n" for record in records).encode())

    def write(self, record: dict[str, Any]) -> None:
        """Append the record; each line is on the disk before the run goes on."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


class Speed:
    """Tokens a second, over the training steps alone: evaluations and checkpoints do not count."""

    def __init__(self) -> None:
        self.tokens, self.seconds, self._begun = 0, 0.0, 0.0

    def begin_step(self) -> None:
        """A step begins."""
        self._begun = time.perf_counter()

    def end_step(self, batches: Sequence[Mapping[str, Any]]) -> None:
        """A step is made, with these batches."""
        self.seconds += time.perf_counter() - self._begun
        self.tokens += sum(count_tokens(batch) for batch in batches)

    @property
    def rate(self) -> float:
        """Tokens a second since `take`."""
        return self.tokens / self.seconds if self.seconds else 0.0

    def take(self) -> float:
        """Tokens a second since the last call."""
        rate = self.rate
        self.tokens, self.seconds = 0, 0.0
        return round(rate, 1)


def count_tokens(batch: Mapping[str, Any]) -> int:
    """How many tokens of the batch are no padding.

    >>> count_tokens({"input_ids": [[2, 7, 3], [2, 3, 0]], "attention_mask": [[1, 1, 1], [1, 1, 0]]})
    5
    """
    if "attention_mask" in batch:
        return int(np.asarray(batch["attention_mask"]).sum())
    return int(np.size(batch["input_ids"])) if "input_ids" in batch else int(np.prod(batch["inputs_embeds"].shape[:2]))


def progress_bar(total: int, done: int, disable: bool) -> Any:
    """A bar of steps, `done` of `total`."""
    from tqdm import tqdm

    return tqdm(total=total, initial=done, disable=disable, unit="step", desc="training", dynamic_ncols=True)

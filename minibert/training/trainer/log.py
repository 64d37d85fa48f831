"""The log of a run: one JSON object a line, and a progress bar."""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minibert.files.output import replacing


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
        with replacing(path) as file:
            file.write("".join(json.dumps(record) + "\n" for record in records).encode())

    def write(self, record: dict[str, Any]) -> None:
        """Append the record; each line is on the disk before the run goes on."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


class Speed:
    """Tokens a second, over the training steps alone."""

    def __init__(self) -> None:
        self.tokens, self.seconds, self._begun = 0, 0.0, 0.0

    def __enter__(self) -> "Speed":
        self._begun = time.perf_counter()
        return self

    def __exit__(self, *_: Any) -> None:
        self.seconds += time.perf_counter() - self._begun

    def take(self) -> float:
        """Tokens a second since the last call."""
        rate = self.tokens / self.seconds if self.seconds else 0.0
        self.tokens, self.seconds = 0, 0.0
        return round(rate, 1)


def progress_bar(total: int, done: int, disable: bool) -> Any:
    """A bar of steps, `done` of `total`."""
    from tqdm import tqdm

    return tqdm(total=total, initial=done, disable=disable, unit="step", desc="training", dynamic_ncols=True)

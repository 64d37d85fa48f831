"""What `minibert train` prints: its begin, the log, its end; as text, or with --json one object a line."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from minibert.commands.layout import aligned, plural


class Report:
    """The printed side of a run.

    Args:
        as_json: objects, one a line, instead of text.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.quiet = as_json or not sys.stderr.isatty()  # no progress bar

    def begin(self, model: Any, notes: list[str], resumed_from: Path | None) -> None:
        """What is trained, and on what."""
        name, count = type(model).__name__, model.num_parameters()
        last = None if resumed_from is None else resumed_from.name
        record = {"event": "start", "model": name, "parameters": count, "notes": notes, "resumed_from": last}
        resumed = "" if last is None else f", resumed from {last}"
        self._say(record, "\n".join([f"{name}, {count:,} parameters{resumed}", *notes]))

    def log(self, record: dict[str, Any]) -> None:
        """A record of the log, above the progress bar if there is one."""
        if self.as_json:
            print(json.dumps({"event": "log", **record}), flush=True)
        elif self.quiet:
            print(log_line(record), flush=True)
        else:
            from tqdm import tqdm

            tqdm.write(log_line(record))

    def end(self, folder: Path, task: str, result: Any, metrics: dict[str, float], seconds: float) -> None:
        """What came out, and how to try it."""
        record = {"event": "end", "model": str(folder), "steps": result.global_step,
                  "training_loss": result.training_loss, "metrics": metrics, "seconds": round(seconds, 1)}  # fmt: skip
        lines = [f"{plural(result.global_step, 'step')} in {record['seconds']} s, mean training loss "
                 f"{result.training_loss:.4f}"]  # fmt: skip
        if metrics:
            rows = [(name.removeprefix("eval_"), f"{value:.4f}") for name, value in metrics.items()]
            lines += ["on held-out data:", *aligned(rows, 80)]
        lines.append(f"minibert run --task {task} --model {shlex.quote(str(folder))} tries it.")
        self._say(record, "\n".join(lines))

    def _say(self, record: dict[str, Any], text: str) -> None:
        print(json.dumps(record, ensure_ascii=False) if self.as_json else text, flush=True)


def log_line(record: dict[str, Any]) -> str:
    """A record of the log as one line.

    >>> log_line({"step": 20, "epoch": 1.0, "loss": 1.23456, "learning_rate": 5e-05, "tokens_per_second": 12345.6})
    'step 20      loss 1.235  learning rate 5e-05  tokens per second 12,346'
    >>> log_line({"step": 20, "epoch": 1.0, "eval_loss": 2.0})
    'step 20      held out  loss 2'
    """
    hidden = ("step", "epoch", "grad_norm", "eval_majority_accuracy")
    words = [
        f"{name.removeprefix('eval_').replace('_', ' ')} {_number(value)}"
        for name, value in record.items()
        if name not in hidden and value is not None
    ]
    kind = "held out  " if any(name.startswith("eval_") for name in record) else ""
    return f"step {record['step']:<6}  {kind}{'  '.join(words)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"

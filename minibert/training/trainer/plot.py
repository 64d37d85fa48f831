"""The loss curve as a picture, through matplotlib (the extra `plot`), without a display."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minibert.errors import InputError, MinibertError
from minibert.files.output import output_file

LOG_FILE = "log.jsonl"


def read_log(log: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The records of a log of JSON lines, or of the log in a Trainer's output folder. Raises InputError."""
    path = Path(log)
    if path.is_dir():
        path = path / LOG_FILE
    if not path.is_file():
        raise InputError(f"{path} is not there: a Trainer writes its log to {LOG_FILE} in its output_dir.")
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise InputError(f"{path}, line {number} is no JSON object: {line[:60]!r}.")
        records.append(record)
    return records


def plot_loss(
    log: str | os.PathLike[str] | Sequence[Mapping[str, Any]],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    metric: str | None = None,
    baselines: Mapping[str, float] | None = None,
) -> Path:
    """Draw training and evaluation loss against steps; gives the picture's path.

    Args:
        log: a Trainer's `log_history`, its output folder, or a log of JSON lines.
        path: the picture to write, .png, .svg or .pdf.
        title: above the picture.
        metric: a record's name, "eval_accuracy", to draw beneath.
        baselines: {name: number}, lines beside the metric.

    Raises:
        MinibertError: matplotlib is not installed.
        InputError: the log has no losses, or the format is unknown.

    Example:
        >>> log = [{"step": 10, "loss": 2.1}, {"step": 20, "loss": 1.3}, {"step": 20, "eval_loss": 1.5}]
        >>> plot_loss(log, "loss.png", title="first run")  # matplotlib  # doctest: +SKIP
        PosixPath('loss.png')
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MinibertError(
            "plot_loss draws with matplotlib, which is not installed here: pip install 'minibert-numpy[plot]'."
        ) from None
    path = Path(path)
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise InputError(f"{path} should end in .png, .svg or .pdf.")
    records = read_log(log) if isinstance(log, str | os.PathLike) else list(log)
    if not any("loss" in record or "eval_loss" in record for record in records):
        raise InputError("the log has no losses yet: there is nothing to draw.")
    figure = Figure(figsize=(7, 6 if metric else 4), layout="constrained")
    axes = figure.subplots(2 if metric else 1, 1, sharex=True, squeeze=False)[:, 0]
    _draw_losses(axes[0], records, title)
    if metric:
        _draw_metric(axes[1], records, metric, baselines or {})
    axes[-1].set(xlabel="step")
    metadata = {"Software": None} if path.suffix == ".png" else None
    with output_file(path) as file:
        figure.savefig(file, format=path.suffix[1:], dpi=120, metadata=metadata)
    return path


def _draw_losses(axis: Any, records: Sequence[Mapping[str, Any]], title: str) -> None:
    _line(axis, records, "loss", "training", {"color": "tab:blue"})
    _line(axis, records, "eval_loss", "evaluation", {"color": "tab:orange", "marker": "o"})
    axis.set(ylabel="loss", title=title)
    axis.legend()
    axis.grid(alpha=0.3)


def _draw_metric(axis: Any, records: Sequence[Mapping[str, Any]], metric: str, baselines: Mapping[str, float]) -> None:
    _line(axis, records, metric, metric, {"color": "tab:green", "marker": "o"})
    for i, (name, value) in enumerate(baselines.items()):
        axis.axhline(value, color="gray", linestyle=("--", ":", "-.")[i % 3], label=f"{name} {value:.3f}")
    axis.set(ylabel=metric)
    axis.legend()
    axis.grid(alpha=0.3)


def _line(axis: Any, records: Sequence[Mapping[str, Any]], name: str, label: str, style: dict[str, Any]) -> None:
    points = [(record["step"], record[name]) for record in records if record.get(name) is not None]
    if points:
        axis.plot(*zip(*points, strict=True), label=label, markersize=3, linewidth=1.2, **style)

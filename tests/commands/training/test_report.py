"""What `minibert train` prints of a run, as text and as JSON."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from minibert.commands.training.report import Report

MODEL = type("BertForMaskedLM", (), {"num_parameters": lambda self: 12345})()
RESULT = SimpleNamespace(global_step=1, training_loss=2.5)
RECORD = {"step": 7, "epoch": 0.5, "loss": 2.0, "grad_norm": 9.0, "eval_majority_accuracy": 0.1}


def show(as_json: bool) -> None:
    report = Report(as_json)
    report.quiet = True
    report.begin(MODEL, ["8 texts"], Path("run/checkpoint-4"))
    report.log(RECORD)
    report.end(Path("my run"), "fill-mask", RESULT, {"eval_loss": 2.25}, 1.26)


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    show(as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "BertForMaskedLM, 12,345 parameters, resumed from checkpoint-4",
        "8 texts",
        "step 7       held out  loss 2",
        "1 step in 1.3 s, mean training loss 2.5000",
        "on held-out data:",
        "  loss  2.2500",
        "minibert run --task fill-mask --model 'my run' tries it.",
    ]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    show(as_json=True)
    begin, log, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert begin == {"event": "start", "model": "BertForMaskedLM", "parameters": 12345, "notes": ["8 texts"],
                     "resumed_from": "checkpoint-4"}  # fmt: skip
    assert log == {"event": "log", **RECORD}
    assert end == {"event": "end", "model": "my run", "steps": 1, "training_loss": 2.5,
                   "metrics": {"eval_loss": 2.25}, "seconds": 1.3}  # fmt: skip

"""The command line of the BERT page: `echo -e text | transformers run --task fill-mask --model ... --device 0`."""

import io
import sys

import pytest

import minibert as mb
from minibert.cli import main
from tests.documentation.examples import BERT

TEXT = "Plants create [MASK] through a process known as photosynthesis."
COMMAND = ["run", "--task", "fill-mask", "--model", BERT]


def test_the_pages_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(TEXT + "\n"))
    assert main([*COMMAND, "--device", "-1"]) == 0
    printed = capsys.readouterr().out.splitlines()
    answers = mb.pipeline("fill-mask", BERT)(TEXT)
    assert len(printed) == len(answers) == 5
    for line, answer in zip(printed, answers, strict=True):
        assert line.split()[0] == f"{answer['score']:.4f}"
        assert line.endswith(answer["sequence"])


def test_device_0_without_a_gpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(sys, "stdin", io.StringIO(TEXT + "\n"))
    assert main([*COMMAND, "--device", "0"]) != 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "device 0 is a GPU; device=-1 or 'cpu' computes with NumPy." in said.err

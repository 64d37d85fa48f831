"""What tests of several actions begin with."""

from collections.abc import Callable
from pathlib import Path

import pytest

import minibert as mb
from minibert.cli import main
from tests.golden.models import batch, bert, tokenizer


@pytest.fixture(scope="package")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small BERT and its tokenizer."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    bert().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="package")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of the checkpoint's model."""
    path = tmp_path_factory.mktemp("pack") / "pack.safetensors"
    mb.golden.record(bert(), batch(), path, command="made by a test")
    return path


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one sentence with which `minibert golden` refuses these arguments."""

    def sentence(*arguments: object) -> str:
        assert main(["golden", *map(str, arguments)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("minibert: ")
        assert error.count("\n") == 1
        return error

    return sentence

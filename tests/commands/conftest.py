"""What tests of several commands begin with."""

from pathlib import Path

import pytest

from minibert.commands.diagnosis import surroundings
from minibert.weights import find
from tests.small_checkpoints import SENTENCES, save


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    """A file of texts, a blank line between them."""
    path = tmp_path / "corpus.txt"
    path.write_text("\n\n".join(SENTENCES * 3), encoding="utf-8")
    return str(path)


@pytest.fixture
def bert(tmp_path: Path) -> str:
    """A folder with a small BERT and its tokenizer."""
    return str(save("bert", "ForMaskedLM", tmp_path / "bert"))


@pytest.fixture
def nothing_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No shipped models but those that the test puts into `weights`, and none of the environment's variables."""
    for name in surroundings.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(find, "_shipped_homes", lambda: [tmp_path / "weights"])

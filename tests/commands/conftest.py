"""What tests of several commands begin with."""

from pathlib import Path

import pytest

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

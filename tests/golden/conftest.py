"""Packs that many of these tests read: none writes to them."""

import shutil
from pathlib import Path

import pytest

from minibert.golden import record
from tests.golden.models import batch, bert


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `bert()` with labels and all gradients."""
    return record(bert(), batch(labels=True), tmp_path_factory.mktemp("golden") / "bert.safetensors", backward=True)


@pytest.fixture(scope="session")
def forward_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `bert()` without labels or gradients."""
    return record(bert(), batch(), tmp_path_factory.mktemp("golden") / "forward.safetensors")


@pytest.fixture
def copied(forward_pack: Path, tmp_path: Path) -> Path:
    """A copy of `forward_pack` that a test may damage."""
    return Path(shutil.copy(forward_pack, tmp_path / "pack.safetensors"))

"""What record_reference says where it cannot run; tests/reference/ compares its packs."""

import sys
from pathlib import Path

import pytest

import minibert as mb
from minibert.golden import GoldenError


def test_reference_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(GoldenError, match=r"record_reference runs transformers, and torch is not installed: pip"):
        mb.golden.record_reference(None, {}, tmp_path / "p")

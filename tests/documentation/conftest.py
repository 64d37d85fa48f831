"""The documentation's checkpoints by their names, without the network."""

import pytest

from tests.documentation.hub import hub


@pytest.fixture(autouse=True)
def local_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are found in the stand-in cache, and nowhere else."""
    monkeypatch.setenv("HF_HUB_CACHE", str(hub()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("MINIBERT_BACKEND", raising=False)

"""The stand-in for every test of this folder, and a guard around every layer."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from minibert.models.embeddings import Embeddings
from minibert.models.layer import Layer
from tests import strict_cupy


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """`import cupy` gives the stand-in, without kernels: the plain array functions run. Nobody is let off."""
    monkeypatch.delenv("MINIBERT_BACKEND", raising=False)
    monkeypatch.setattr(strict_cupy.rules, "lenient_folder", None)
    with strict_cupy.installed() as module:
        strict_cupy.transfers.counts.clear()
        yield module


@pytest.fixture
def cupy_with_kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """As `cupy`, with kernels, compiled for the CPU."""
    if not strict_cupy.kernels.AVAILABLE:
        pytest.skip(strict_cupy.kernels.WHY_NOT)
    monkeypatch.delenv("MINIBERT_BACKEND", raising=False)
    monkeypatch.setattr(strict_cupy.rules, "lenient_folder", None)
    with strict_cupy.installed(with_kernels=True) as module:
        strict_cupy.transfers.counts.clear()
        yield module


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a layer nothing is fetched from the device and nothing waited for; only dropout masks are sent there."""
    for cls, name in ((Layer, "forward"), (Layer, "backward"), (Embeddings, "forward")):
        monkeypatch.setattr(cls, name, _without_transfers(getattr(cls, name)))


def _without_transfers(method: Any) -> Any:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        masks = self.parameters.rng is not None
        with strict_cupy.transfers.forbid("to host", "wait", *(() if masks else ("to device",))):
            return method(self, *args, **kwargs)

    return call

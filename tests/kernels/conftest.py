"""The stand-in for CuPy with kernels, compiled for the CPU."""

from collections.abc import Iterator
from types import ModuleType

import pytest

from tests import strict_cupy


@pytest.fixture
def cp() -> Iterator[ModuleType]:
    with strict_cupy.installed(with_kernels=True) as cupy:
        yield cupy

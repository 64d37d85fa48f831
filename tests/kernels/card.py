"""What the tests of kernels share: values, tolerances, and a count of launches."""

from types import ModuleType
from typing import Any

import numpy as np

from tests.gradients import rng_of
from tests.strict_cupy import kernels

DTYPES = ("float16", "float32", "float64")
# greatest error of one step against float64, relative to the largest value: a few roundings of the storage dtype
ROUNDING = {"float16": 2e-3, "float32": 2e-6, "float64": 4e-15}


class Launches:
    """How many kernels a block launched."""

    def __enter__(self) -> "Launches":
        self.before = kernels.RawKernel.launches
        return self

    def __exit__(self, *args: Any) -> None:
        self.count = kernels.RawKernel.launches - self.before


def draw(seed: int, *shape: int, dtype: str, scale: float = 1.0) -> np.ndarray:
    """Values that the dtype holds exactly."""
    return (rng_of(seed).normal(size=shape) * scale).astype(dtype)


def close(actual: Any, expected: np.ndarray, dtype: str, factor: float = 1.0) -> None:
    assert actual.dtype == dtype
    rounding = factor * ROUNDING[dtype] * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(actual.get().astype(np.float64), expected, rtol=0, atol=rounding)


def on_card(cp: ModuleType, array: np.ndarray | None) -> Any:
    return None if array is None else cp.asarray(array)


def wide(*arrays: np.ndarray) -> list[np.ndarray]:
    return [array.astype(np.float64) for array in arrays]

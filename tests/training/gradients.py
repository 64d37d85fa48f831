"""Gradients for tests of optimisers."""

from typing import Any

import numpy as np


def grads_of(model: Any, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=array.shape).astype(array.dtype) for name, array in model.parameters.items()}


def snapshot(model: Any) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in model.parameters.items()}

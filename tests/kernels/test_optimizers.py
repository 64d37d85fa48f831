"""A step of AdamW on the card: one kernel, with the numbers of the plain step."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from minibert.training.adamw import AdamW
from tests.kernels.card import Launches, close, draw
from tests.strict_cupy import kernels

pytestmark = pytest.mark.skipif(not kernels.AVAILABLE, reason=kernels.WHY_NOT)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.3, 0.5)])
def test_adamw(cp: ModuleType, dtype: str, betas: tuple[float, float]) -> None:
    start = draw(1, 7, 50, dtype=dtype)
    host, device = {"w": start.astype(np.float64)}, {"w": cp.asarray(start)}
    options: dict[str, Any] = {"lr": 1e-2, "betas": betas, "weight_decay": 0.1}
    plain, kernel = AdamW(host, **options), AdamW(device, **options)
    for step in range(4):
        gradient = draw(10 + step, 7, 50, dtype=dtype)
        plain.step({"w": gradient.astype(np.float64)})
        with Launches() as launches:
            kernel.step({"w": cp.asarray(gradient)})
        assert launches.count == 1
        close(device["w"], host["w"], dtype, 4)
        for name in ("exp_avg", "exp_avg_sq"):
            close(kernel.state["w"][name], plain.state["w"][name], dtype, 4)

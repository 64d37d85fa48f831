"""The GPU's forms of a step of AdamW: one kernel for what `adamw_step` says line by line."""

import math
from typing import Any

from minibert.backend import Array
from minibert.forms import form_of
from minibert.kernels import calls
from minibert.kernels.launch import usable
from minibert.training.adamw import AdamW, adamw_step
from minibert.training.optimizer import Optimizer


@form_of(adamw_step)
def adamw_step_on_gpu(theta: Array, g: Array, m: Array, v: Array, *numbers: float, **named: float) -> Any:
    """The step in one pass over memory, for arrays on a GPU."""
    if not usable(theta, g, m, v):
        return NotImplemented
    return _launch(theta, None, g, m, v, *numbers, **named)  # type: ignore[arg-type]


@form_of(Optimizer.update_master)
def adamw_of_master_on_gpu(
    self: Optimizer,
    parameter: Array,
    master: Array,
    gradient: Array,
    state: dict[str, Any],
    group: dict[str, Any],
) -> Any:
    """The step and the rounding of its result in one pass over memory, for arrays on a GPU."""
    if not isinstance(self, AdamW) or not usable(parameter) or not usable(master, gradient):
        return NotImplemented
    m, v = self.arrays_of(state, master)
    return _launch(parameter, master, gradient, m, v, *self.next_numbers(state, group))


def _launch(
    theta: Array,
    master: Array | None,
    g: Array,
    m: Array,
    v: Array,
    t: int,
    alpha: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    decay: float,
) -> None:
    shrink, step_size, root_correction = 1.0 - alpha * decay, alpha / (1.0 - beta1**t), math.sqrt(1.0 - beta2**t)
    calls.adamw(theta, master, g, m, v, beta1, beta2, shrink, step_size, root_correction, epsilon)

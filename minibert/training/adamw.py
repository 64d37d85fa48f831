"""AdamW: Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2; Kingma & Ba 2015 for Adam)."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from minibert.backend import Array, array_module
from minibert.checks import check_number
from minibert.errors import InputError
from minibert.forms import step
from minibert.training.blocks import in_blocks
from minibert.training.optimizer import Optimizer
from minibert.training.parameter_groups import Names


@step
def adamw_step(
    theta: Array,
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
    """θ, m, v (...) are changed in place, g (...) is the gradient: one step of algorithm 2, whose lines are named.

    Args:
        theta, m, v: θₜ₋₁, and the first and second moment mₜ₋₁, vₜ₋₁: zeros before the first step.
        t: the number of this step, from 1.
        alpha: the learning rate of this step; the paper's ηₜα.
        beta1, beta2: how much of the moments stays.
        epsilon: keeps the quotient finite where v is 0.
        decay: the weight decay λ, a part of the learning rate as in PyTorch: the paper's ηₜλ is alpha · decay.

    >>> import numpy as np
    >>> theta, m, v = np.array([1.0, -1.0]), np.zeros(2), np.zeros(2)
    >>> adamw_step(theta, np.array([0.5, -2.0]), m, v, t=1, alpha=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=0)
    >>> theta.round(6), m.round(6), v.round(6)
    (array([ 0.9, -0.9]), array([ 0.05, -0.2 ]), array([0.00025, 0.004  ]))
    """
    sqrt = array_module(theta).sqrt
    # line 7: m ← β₁m + (1 - β₁)g
    towards(g, m, beta1)
    # line 8: v ← β₂v + (1 - β₂)g²
    v *= beta2
    v += (1 - beta2) * (g * g)
    # line 12, the decay: θ ← θ - ηₜλθ
    theta *= 1 - alpha * decay
    # lines 9, 10 and 12: θ ← θ - ηₜα m̂ / (√v̂ + ε), with m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ)
    theta -= alpha / (1 - beta1**t) * (m / (sqrt(v) / math.sqrt(1 - beta2**t) + epsilon))


def towards(g: Array, m: Array, beta1: float) -> None:
    """m (...) becomes β₁m + (1 - β₁)g, in place.

    It is a step from m towards g. Measured from the nearer end it is exact at both: β₁ = 0 gives g itself.

    >>> import numpy as np
    >>> g, m = np.array([0.1]), np.array([7.0])
    >>> towards(g, m, 0.0)
    >>> m
    array([0.1])
    """
    if beta1 > 0.5:
        m += (1 - beta1) * (g - m)
    else:
        m[...] = g - beta1 * (g - m)


class AdamW(Optimizer):
    """AdamW with PyTorch's arithmetic, step by step, and PyTorch's defaults (Loshchilov & Hutter 2019, algorithm 2).

    Args:
        model, no_decay, params, groups: see `Optimizer`. Biases and LayerNorm weights are not decayed by default.
        lr, betas, eps, weight_decay: alpha, (beta1, beta2), epsilon and decay of `adamw_step`.

    `step(grads)` takes {name: gradient}, as `model.backward` gives, each of its parameter's shape.

    Raises:
        InputError: a number or a name does not fit.

    Example:
        >>> import numpy as np
        >>> weights = {"weight": np.array([1.0, -1.0])}
        >>> AdamW(weights, lr=0.1, weight_decay=0.0).step({"weight": np.array([0.5, -2.0])})
        >>> weights["weight"].round(6)
        array([ 0.9, -0.9])
    """

    state_arrays = ("exp_avg", "exp_avg_sq")  # m and v, under PyTorch's names
    keeps_masters = True

    def __init__(
        self,
        model: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        no_decay: Names | None = None,
        params: Names | None = None,
        groups: Iterable[Mapping[str, Any]] | None = None,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(model, defaults, no_decay, params, groups)

    def check_group(self, group: dict[str, Any]) -> None:
        super().check_group(group)
        check_number("eps", group["eps"], lower=0.0)
        betas = group["betas"]
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise InputError(f"betas is {betas!r}: two numbers belong there, (0.9, 0.999).")
        for i, beta in enumerate(betas):
            check_number(f"betas[{i}]", beta, lower=0.0, below=1.0)

    def update(self, parameter: Array, gradient: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        numbers = self.next_numbers(state, group)
        in_blocks(adamw_step, [parameter, gradient, *self.arrays_of(state, parameter)], numbers)

    def next_numbers(self, state: dict[str, Any], group: dict[str, Any]) -> tuple[Any, ...]:
        """t, alpha, beta1, beta2, epsilon and decay of a parameter's coming step, which is counted."""
        state["step"] = state.get("step", 0) + 1
        beta1, beta2 = group["betas"]
        return state["step"], group["lr"], beta1, beta2, group["eps"], group["weight_decay"]

"""Stochastic gradient descent with momentum (Sutskever et al. 2013), in PyTorch's form."""

from collections.abc import Iterable, Mapping
from typing import Any

from minibert.backend import Array
from minibert.checks import check_number
from minibert.errors import InputError
from minibert.training.blocks import in_blocks
from minibert.training.optimizer import Optimizer
from minibert.training.parameter_groups import Names


def sgd_step(theta: Array, g: Array, lr: float, decay: float) -> None:
    """θ (...) is changed in place, g (...) is the gradient: θ ← θ - lr·(g + decay·θ).

    >>> import numpy as np
    >>> theta = np.array([1.0, -1.0])
    >>> sgd_step(theta, np.array([0.5, -2.0]), lr=0.1, decay=0.0)
    >>> theta
    array([ 0.95, -0.8 ])
    """
    theta -= lr * (g + decay * theta)


def momentum_step(
    theta: Array, g: Array, b: Array, lr: float, decay: float, momentum: float, dampening: float, nesterov: bool
) -> None:
    """θ, b (...) are changed in place, g (...) is the gradient; b is the momentum, zeros before the first step.

    g ← g + decay·θ;  b ← momentum·b + (1 - dampening)·g;
    θ ← θ - lr·b, or with nesterov θ ← θ - lr·(g + momentum·b)

    >>> import numpy as np
    >>> theta, b = np.array([1.0]), np.zeros(1)
    >>> for _ in range(2):
    ...     momentum_step(theta, np.array([1.0]), b, lr=0.1, decay=0.0, momentum=0.5, dampening=0.0, nesterov=False)
    >>> theta.round(6), b
    (array([0.75]), array([1.5]))
    """
    g = g + decay * theta
    b *= momentum
    b += (1 - dampening) * g
    theta -= lr * (g + momentum * b if nesterov else b)


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum as PyTorch has it: `sgd_step`, or `momentum_step`.

    Args:
        model, no_decay, params, groups: see `Optimizer`. Biases and LayerNorm weights are not decayed by default.
        lr: the learning rate.
        momentum, dampening, nesterov: of `momentum_step` (Sutskever et al. 2013); momentum 0 keeps no state.
        weight_decay: how much of a weight is added to its gradient.

    `step(grads)` takes {name: gradient}, as `model.backward` gives, each of its parameter's shape.

    Raises:
        InputError: a number or a name does not fit.

    Example:
        >>> import numpy as np
        >>> weights = {"weight": np.array([1.0, -1.0])}
        >>> SGD(weights, lr=0.1).step({"weight": np.array([0.5, -2.0])})
        >>> weights["weight"]
        array([ 0.95, -0.8 ])
    """

    state_arrays = ("momentum_buffer",)

    def __init__(
        self,
        model: Any,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        no_decay: Names | None = None,
        params: Names | None = None,
        groups: Iterable[Mapping[str, Any]] | None = None,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                    "nesterov": nesterov}  # fmt: skip
        super().__init__(model, defaults, no_decay, params, groups)

    def check_group(self, group: dict[str, Any]) -> None:
        super().check_group(group)
        check_number("momentum", group["momentum"], lower=0.0)
        check_number("dampening", group["dampening"])
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise InputError(
                f"nesterov needs a momentum above 0 and no dampening: they are {group['momentum']} "
                f"and {group['dampening']}."
            )

    def update(self, parameter: Array, gradient: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        lr, decay, momentum = group["lr"], group["weight_decay"], group["momentum"]
        if momentum == 0:
            in_blocks(sgd_step, [parameter, gradient], (lr, decay))
            return
        first = state.get("momentum_buffer") is None
        dampening = 0.0 if first else group["dampening"]  # as in PyTorch: the first b is g itself
        arrays = [parameter, gradient, *self.arrays_of(state, parameter)]
        in_blocks(momentum_step, arrays, (lr, decay, momentum, dampening, group["nesterov"]))

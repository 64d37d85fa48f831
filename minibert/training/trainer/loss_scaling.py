"""Loss scaling for training in float16 (Micikevicius et al. 2018, "Mixed Precision Training", section 3.2).

Gradients are often smaller than the smallest number of float16. So the loss' gradient, which everything is
proportional to, begins at a large number instead of 1, and the gradients are divided by it, in float32, before the
optimiser sees them. A scale that was too large shows as infinities: then the step is left out and the scale halved;
after many good steps it is doubled.
"""

import math
from collections.abc import Mapping
from typing import Any

from minibert.backend import Array
from minibert.checks import check_count, check_number
from minibert.training.clipping import global_norm


class LossScaler:
    """A scale that follows the gradients; names and defaults as PyTorch's GradScaler.

    Args:
        init_scale: the first scale.
        growth_factor: what the scale is multiplied by after `growth_interval` good steps in a row.
        backoff_factor: what it is multiplied by when gradients are not finite.
        enabled: False keeps the scale at 1, so that the same loop serves float32.

    The loop of a training step::

        model(**batch, trace=trace)
        grads = scaler.unscale(model.backward(trace, scaler.scaled({"loss": 1.0})))
        if scaler.update(grads):
            mb.clip_grad_norm(grads, 1.0)
            optimizer.step(grads)

    Raises:
        InputError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> scaler = LossScaler(init_scale=1024.0)
        >>> scaler.scaled({"loss": 1.0})
        {'loss': 1024.0}
        >>> scaler.unscale({"w": np.array([512.0], dtype="float16")})  # float32, as if the scale had been 1
        {'w': array([0.5], dtype=float32)}
        >>> scaler.update({"w": np.array([np.inf])}), scaler.scale  # too large: no step, and half the scale
        (False, 512.0)
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        check_number("init_scale", init_scale, lower=0.0)
        check_number("growth_factor", growth_factor, lower=1.0)
        check_number("backoff_factor", backoff_factor, lower=0.0, below=1.0)
        check_number("growth_interval", growth_interval, lower=1)
        self.enabled = enabled
        self.scale = float(init_scale) if enabled else 1.0
        self.growth_factor, self.backoff_factor = growth_factor, backoff_factor
        self.growth_interval = growth_interval
        self.good_steps = 0  # in a row

    def scaled(self, seeds: Mapping[str, float]) -> dict[str, float]:
        """{output: the gradient that enters backward there}, times the scale."""
        return {name: seed * self.scale for name, seed in seeds.items()}

    def unscale(self, grads: Mapping[str, Array]) -> dict[str, Array]:
        """The gradients in at least float32, divided by the scale; new arrays where that changes anything."""
        if not self.enabled:
            return dict(grads)
        unscaled = {}
        for name, gradient in grads.items():
            wide = gradient.astype("float32") if gradient.dtype.name == "float16" else gradient.copy()
            wide *= 1.0 / self.scale
            unscaled[name] = wide
        return unscaled

    def update(self, grads: Mapping[str, Array]) -> bool:
        """Whether all gradients are finite, so that the step may be made; the scale follows."""
        return self.follow(not self.enabled or math.isfinite(global_norm(grads)))

    def follow(self, finite: bool) -> bool:
        """Move the scale after a step whose gradients were finite or not; gives `finite` back."""
        if not self.enabled:
            return finite
        if not finite:
            self.scale *= self.backoff_factor
            self.good_steps = 0
            return False
        self.good_steps += 1
        if self.good_steps >= self.growth_interval:
            self.scale *= self.growth_factor
            self.good_steps = 0
        return True

    def state_dict(self) -> dict[str, Any]:
        """What resuming needs."""
        return {"scale": self.scale, "good_steps": self.good_steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        check_number("the loss scale", state["scale"], lower=0.0)
        self.good_steps = check_count("good_steps", state["good_steps"], least=0)
        self.scale = float(state["scale"])

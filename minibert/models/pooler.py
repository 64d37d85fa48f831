"""The pooler: one vector for the whole text, of its first token (Devlin et al. 2018, section 3)."""

from typing import Any

from minibert.backend import Array
from minibert.models.module import Linear, Module
from minibert.models.parameters import Parameters
from minibert.trace import Backward, Run


class Pooler(Module):
    """y = tanh(first Wᵀ + b), of the first token, where [CLS] stands. Parameters: dense.weight (D, D), dense.bias."""

    def __init__(self, path: str, parameters: Parameters, config: Any) -> None:
        super().__init__(path, parameters)
        width = config.hidden_size
        self.dense = Linear(self.at("dense"), parameters, width, width, "B D", "hidden[:, 0] Wᵀ + b")

    def forward(self, hidden: Array, run: Run) -> Array:
        """hidden (B, T, D) -> (B, D)."""
        # 1: dense = first Wᵀ + b
        dense = self.dense.forward(hidden[:, 0], run)
        # 2: y = tanh(dense)
        y = self.parameters.xp.tanh(dense)
        run.save(self.path, (y, hidden.shape))
        return run.record(self.path, y, "B D", "tanh(dense)", (self.at("activation"),))

    def backward(self, dy: Array | None, back: Backward) -> Array | None:
        """dy (B, D) -> dhidden (B, T, D), zero but at the first token."""
        dy = back.arrive(self.path, dy)
        y, shape = back.saved(self.path)
        # forward 2: y = tanh(dense), so ddense = dy (1 - y²)
        ddense = None if dy is None else dy * (1.0 - y * y)
        # forward 1: dense = first Wᵀ + b, of hidden[:, 0]
        dfirst = self.dense.backward(ddense, back)
        if dfirst is None:
            return None
        dhidden = self.parameters.xp.zeros(shape, dtype=dfirst.dtype)
        dhidden[:, 0] = dfirst
        return dhidden

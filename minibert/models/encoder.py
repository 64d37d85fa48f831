"""The encoder: the stack of layers (Devlin et al. 2018, section 3)."""

from typing import Any, NamedTuple

from minibert.backend import Array
from minibert.forms import step
from minibert.models.layer import Layer, StackInputs
from minibert.models.module import Module
from minibert.models.parameters import Parameters
from minibert.trace import Backward, Run


class StackOutputs(NamedTuple):
    """What a stack of layers gives; the tuples are empty unless asked for."""

    hidden: Array  # (B, T, D)
    hidden_states: tuple[Array, ...]  # the stack's input, then every layer's output
    attentions: tuple[Array, ...]
    cross_attentions: tuple[Array, ...]


class Encoder(Module):
    """The stack of layers, `.layer[i]`."""

    def __init__(self, path: str, parameters: Parameters, config: Any) -> None:
        super().__init__(path, parameters)
        self.layer = [Layer(self.at(f"layer.{i}"), parameters, config, i) for i in range(config.num_hidden_layers)]

    @step
    def forward(
        self, hidden: Array, run: Run, stack: StackInputs, keep_hidden: bool, keep_attentions: bool
    ) -> StackOutputs:
        """hidden (B, T, D) -> (B, T, D), with the states between layers and the attentions where asked for."""
        run.save(self.path, hidden)
        states, attentions, cross_attentions = [hidden], [], []
        for layer in self.layer:
            hidden, probs, cross_probs = layer.forward(hidden, run, stack)
            if keep_hidden:
                states.append(hidden)
            if keep_attentions:
                attentions.append(probs)
                if cross_probs is not None:
                    cross_attentions.append(cross_probs)
        return StackOutputs(
            hidden, tuple(states) if keep_hidden else (), tuple(attentions), tuple(cross_attentions)
        )

    def backward(self, dhidden: Array | None, back: Backward) -> Array | None:
        """dhidden (B, T, D) -> the gradient of the stack's input; that of the encoder's states sums over layers."""
        dencoder_total = None
        entered = back.saved(self.path)
        for layer in reversed(self.layer):
            if dhidden is None:
                if not back.asked_within(layer.path):
                    continue  # nothing of the loss flows through this layer
                dhidden = self.parameters.xp.zeros_like(entered)
            dhidden, dencoder_hidden = layer.backward(dhidden, back)
            if dencoder_hidden is not None:
                dencoder_total = dencoder_hidden if dencoder_total is None else dencoder_total + dencoder_hidden
        if "encoder_hidden_states" in back.trace.points:
            back.arrive("encoder_hidden_states", dencoder_total)
        if back.head_mask_gradients:
            back.arrive("head_mask", self._head_mask_gradient(back))
        return dhidden

    def _head_mask_gradient(self, back: Backward) -> Array:
        """(L, N): what self- and cross-attention of every layer gathered."""
        shape = (len(self.layer), self.layer[0].attention.self.heads)
        gradients = self.parameters.xp.zeros(shape, self.parameters.dtype)
        for i, layer in enumerate(self.layer):
            for attention in (layer.attention, layer.crossattention):
                if attention is not None and attention.self.path in back.head_mask_gradients:
                    gradients[i] += back.head_mask_gradients[attention.self.path]
        return gradients

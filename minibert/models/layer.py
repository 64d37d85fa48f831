"""One layer: attention and feed-forward, each with its residual connection and LayerNorm after it (post-norm; Devlin et
al. 2018, section 3; Vaswani et al. 2017, section 3.1).
"""

from typing import Any, NamedTuple

from minibert import functional as F
from minibert.backend import Array
from minibert.forms import step
from minibert.models.attention import SelfAttention
from minibert.models.cache import Cache
from minibert.models.module import Dropout, LayerNorm, Linear, Module, activate, activate_backward
from minibert.models.parameters import Parameters
from minibert.trace import Backward, Run

HIDDEN = "B T D"


class StackInputs(NamedTuple):
    """What every layer of a stack is given besides its hidden states."""

    mask: Array | None  # (B, 1, 1 or T, S), added to the scores
    head_mask: Array | None  # (L, 1 or B, N, 1, 1)
    encoder_hidden: Array | None  # (B, S, D)
    encoder_mask: Array | None  # (B, 1, 1 or T, S)
    cache: Cache | None


class ResidualOutput(Module):
    """y = LayerNorm(dropout(x Wᵀ + b) + residual): how attention and feed-forward both end.

    Parameters: dense.weight (D, inputs), dense.bias (D,), LayerNorm.weight and .bias (D,).
    """

    def __init__(self, path: str, parameters: Parameters, config: Any, inputs: int, source: str) -> None:
        super().__init__(path, parameters)
        width = config.hidden_size
        self.dense = Linear(self.at("dense"), parameters, inputs, width, HIDDEN, f"{source} Wᵀ + b")
        self.LayerNorm = LayerNorm(self.at("LayerNorm"), parameters, width, config.layer_norm_eps, HIDDEN)
        self.dropout = Dropout(self.at("dropout"), parameters, config.hidden_dropout_prob, HIDDEN)

    @step
    def forward(self, x: Array, residual: Array, run: Run, also: tuple[str, ...] = ()) -> Array:
        """x (B, T, inputs), residual (B, T, D) -> (B, T, D)."""
        # 1: dropout(x Wᵀ + b)
        dense = self.dense.forward(x, run, also=self.dropout.alias(run))
        dense = self.dropout.forward(dense, run)
        # 2: the residual connection
        total = run.record(self.at("sum"), dense + residual, HIDDEN, "dense + residual")
        # 3: LayerNorm, after the sum
        return self.LayerNorm.forward(total, run, name=self.path, also=also)

    def backward(self, dy: Array, back: Backward) -> tuple[Array, Array]:
        """dy (B, T, D) -> dx (B, T, inputs), dresidual (B, T, D)."""
        # forward 3: y = LayerNorm(sum)
        dy = back.arrive(self.path, dy)
        dtotal = self.LayerNorm.backward(dy, back)
        # forward 2: sum = dense + residual, so both get the whole gradient
        dtotal = back.arrive(self.at("sum"), dtotal)
        # forward 1: dense = dropout(x Wᵀ + b)
        return self.dense.backward(self.dropout.backward(dtotal, back), back), dtotal


class Attention(Module):
    """y = LayerNorm(dropout(context Wᵀ + b) + hidden): attention and its output, `.self` and `.output`."""

    def __init__(self, path: str, parameters: Parameters, config: Any, layer: int, cross: bool = False) -> None:
        super().__init__(path, parameters)
        self.self = SelfAttention(self.at("self"), parameters, config, layer, cross)
        self.output = ResidualOutput(self.at("output"), parameters, config, config.hidden_size, "context")

    def forward(
        self,
        hidden: Array,
        run: Run,
        mask: Array | None,
        head_mask: Array | None,
        encoder_hidden: Array | None,
        cache: Cache | None,
    ) -> tuple[Array, Array]:
        """hidden (B, T, D), and for cross-attention encoder_hidden (B, S, D) -> (B, T, D), probs (B, N, T, S)."""
        source = hidden if encoder_hidden is None else encoder_hidden
        context, probs = self.self.forward(hidden, source, run, mask, head_mask, cache)
        return self.output.forward(context, hidden, run, also=(self.path,)), probs

    def backward(self, dy: Array, back: Backward) -> tuple[Array, Array | None]:
        """dy (B, T, D) -> dhidden (B, T, D), dencoder_hidden (B, S, D) or None.

        hidden goes two ways, into attention and past it, so its gradient is the sum of both.
        """
        dcontext, dresidual = self.output.backward(dy, back)
        dhidden, dencoder_hidden = self.self.backward(dcontext, back)
        dhidden += dresidual
        return dhidden, dencoder_hidden


class Intermediate(Module):
    """y = act(x Wᵀ + b), the first half of the feed-forward. Parameters: dense.weight (F, D), dense.bias (F,)."""

    def __init__(self, path: str, parameters: Parameters, config: Any) -> None:
        super().__init__(path, parameters)
        self.activation = F.find_activation(config.hidden_act)
        self.dense = Linear(
            self.at("dense"), parameters, config.hidden_size, config.intermediate_size, "B T F", "hidden Wᵀ + b"
        )

    def forward(self, x: Array, run: Run) -> Array:
        """x (B, T, D) -> (B, T, F)."""
        y = activate(self.dense, self.activation, x, run, self.path)
        return run.record(
            self.path, y, "B T F", f"{self.activation.name}(dense)", (self.at("intermediate_act_fn"),)
        )

    def backward(self, dy: Array, back: Backward) -> Array:
        """dy (B, T, F) -> dx (B, T, D)."""
        dy = back.arrive(self.path, dy)
        return activate_backward(self.dense, self.activation, dy, back, self.path)


class Layer(Module):
    """One layer: self-attention, in a decoder perhaps cross-attention, then feed-forward.

    Its parts are `.attention`, `.crossattention`, `.intermediate` and `.output`, as checkpoints name them.
    """

    def __init__(self, path: str, parameters: Parameters, config: Any, layer: int) -> None:
        super().__init__(path, parameters)
        self.chunk_size = config.chunk_size_feed_forward
        self.attention = Attention(self.at("attention"), parameters, config, layer)
        self.crossattention = (
            Attention(self.at("crossattention"), parameters, config, layer, cross=True)
            if config.add_cross_attention
            else None
        )
        self.intermediate = Intermediate(self.at("intermediate"), parameters, config)
        self.output = ResidualOutput(self.at("output"), parameters, config, config.intermediate_size, "intermediate")

    @step
    def forward(self, hidden: Array, run: Run, stack: StackInputs) -> tuple[Array, Array, Array | None]:
        """hidden (B, T, D) -> (B, T, D), probs (B, N, T, T), cross probs (B, N, T, S) or None."""
        head_mask = None if stack.head_mask is None else stack.head_mask[self.attention.self.layer]
        # 1: attention to the text itself
        hidden, probs = self.attention.forward(hidden, run, stack.mask, head_mask, None, stack.cache)
        # 2: in a decoder attention to an encoder's states
        cross_probs = None
        if self.crossattention is not None and stack.encoder_hidden is not None:
            hidden, cross_probs = self.crossattention.forward(
                hidden, run, stack.encoder_mask, head_mask, stack.encoder_hidden, stack.cache
            )
        # 3: feed-forward
        y = self.feed_forward(hidden, run)
        return run.record(self.path, y, HIDDEN, "the layer's output"), probs, cross_probs

    @step
    def backward(self, dy: Array, back: Backward) -> tuple[Array, Array | None]:
        """dy (B, T, D) -> dhidden (B, T, D), dencoder_hidden (B, S, D) or None."""
        # forward 3: hidden goes into the feed-forward and past it, so its gradient is the sum of both
        dy = back.arrive(self.path, dy)
        dintermediate, dhidden = self.output.backward(dy, back)
        dhidden = dhidden + self.intermediate.backward(dintermediate, back)
        # forward 2
        dencoder_hidden = None
        if self.crossattention is not None and back.has(self.crossattention.self.path):
            dhidden, dencoder_hidden = self.crossattention.backward(dhidden, back)
        # forward 1
        dhidden, _ = self.attention.backward(dhidden, back)
        return dhidden, dencoder_hidden

    @step
    def feed_forward(self, hidden: Array, run: Run) -> Array:
        """hidden (B, T, D) -> (B, T, D): every token by itself."""
        return self.output.forward(self.intermediate.forward(hidden, run), hidden, run)

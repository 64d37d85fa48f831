"""The encoder: layers of attention and feed-forward, each with its residual connection and LayerNorm after it
(post-norm), and the pooler (Devlin et al. 2018, section 3; Vaswani et al. 2017, section 3.1).
"""

from typing import Any, NamedTuple

from minibert import functional as F
from minibert.backend import Array
from minibert.forms import step
from minibert.models.attention import SelfAttention
from minibert.models.cache import Cache
from minibert.models.module import Dropout, LayerNorm, Linear, Module, Parameters, activate, activate_backward
from minibert.trace import Backward, Run

HIDDEN = "B T D"


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
    def forward(self, hidden: Array, run: Run, stack: "StackInputs") -> tuple[Array, Array, Array | None]:
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
    def feed_forward(self, hidden: Array, run: Run) -> Array:
        """hidden (B, T, D) -> (B, T, D): every token by itself."""
        return self.output.forward(self.intermediate.forward(hidden, run), hidden, run)

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


class StackInputs(NamedTuple):
    """What every layer of a stack is given besides its hidden states."""

    mask: Array | None  # (B, 1, 1 or T, S), added to the scores
    head_mask: Array | None  # (L, 1 or B, N, 1, 1)
    encoder_hidden: Array | None  # (B, S, D)
    encoder_mask: Array | None  # (B, 1, 1 or T, S)
    cache: Cache | None


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


class Pooler(Module):
    """y = tanh(first Wᵀ + b), of the first token, where [CLS] stands. Parameters: dense.weight (D, D), dense.bias."""

    def __init__(self, path: str, parameters: Parameters, config: Any) -> None:
        super().__init__(path, parameters)
        width = config.hidden_size
        self.dense = Linear(self.at("dense"), parameters, width, width, "B D", "hidden[:, 0] Wᵀ + b")

    def forward(self, hidden: Array, run: Run) -> Array:
        """hidden (B, T, D) -> (B, D)."""
        dense = self.dense.forward(hidden[:, 0], run)
        y = self.parameters.xp.tanh(dense)
        run.save(self.path, (y, hidden.shape))
        return run.record(self.path, y, "B D", "tanh(dense)", (self.at("activation"),))

    def backward(self, dy: Array | None, back: Backward) -> Array | None:
        """dy (B, D) -> dhidden (B, T, D), zero but at the first token. forward: tanh, so ddense = dy (1 - y²)."""
        dy = back.arrive(self.path, dy)
        y, shape = back.saved(self.path)
        dfirst = self.dense.backward(None if dy is None else dy * (1.0 - y * y), back)
        if dfirst is None:
            return None
        dhidden = self.parameters.xp.zeros(shape, dtype=dfirst.dtype)
        dhidden[:, 0] = dfirst
        return dhidden

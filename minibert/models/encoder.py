"""The encoder: layers of attention and feed-forward, each with its residual connection and LayerNorm after it
(post-norm), and the pooler (Devlin et al. 2018, section 3; Vaswani et al. 2017, section 3.1).
"""

import copy
from typing import Any, NamedTuple

import numpy as np

from minibert import functional as F
from minibert.backend import Array
from minibert.models.attention import SelfAttention
from minibert.models.cache import Cache
from minibert.models.module import Dropout, LayerNorm, Linear, Module, Parameters
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

    def forward(self, x: Array, residual: Array, run: Run, also: tuple[str, ...] = ()) -> Array:
        """x (B, T, inputs), residual (B, T, D) -> (B, T, D)."""
        if self.fuses(run, self.dense.path, self.dropout.path, self.at("sum")):
            return self._forward_fused(x, residual, run, also)
        # 1
        dense = self.dense.forward(x, run, also=self.dropout.alias(run))
        dense = self.dropout.forward(dense, run)
        # 2
        total = self.parameters.xp.add(dense, residual, out=run.spare(dense))
        total = run.record(self.at("sum"), total, HIDDEN, "dense + residual")
        # 3
        return self.LayerNorm.forward(total, run, name=self.path, also=also)

    def _forward_fused(self, x: Array, residual: Array, run: Run, also: tuple[str, ...]) -> Array:
        """The same in two steps: the product, and everything else in one pass."""
        product = self.dense.forward_unbiased(x, run, also=self.dropout.alias(run))
        mask = self.dropout.draw(product.shape, run)
        if mask is not None:
            self.dropout.record_mask(mask, run)
            run.skip(self.dropout.path, product.shape, HIDDEN, self.dropout.formula)
        run.skip(self.at("sum"), product.shape, HIDDEN, "dense + residual")
        return self.LayerNorm.forward_residual(
            product, self.dense.bias, residual, mask, self.dropout.p, run, self.path, also
        )

    def backward(self, dy: Array, back: Backward) -> tuple[Array, Array]:
        """dy (B, T, D) -> dx (B, T, inputs), dresidual (B, T, D)."""
        # forward 3: y = LayerNorm(sum)
        dy = back.arrive(self.path, dy)
        # forward 2: sum = dropout(dense) + residual, so both get the whole gradient
        dtotal = back.arrive(self.at("sum"), self.LayerNorm.backward(dy, back))
        # forward 1: dense = x Wᵀ + b
        return self.dense.backward(self.dropout.backward(dtotal, back), back), dtotal


class Attention(Module):
    """y = LayerNorm(dropout(context W) + hidden): attention and its output, `.self` and `.output`."""

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
        """hidden (B, T, D) -> (B, T, D), probs (B, N, T, S)."""
        context, probs = self.self.forward(hidden, run, mask, head_mask, encoder_hidden, cache)
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
        if self.fuses(run, self.dense.path):
            product = self.dense.forward_unbiased(x, run)
            y, dense = F.bias_activation(self.activation, product, self.dense.bias, keep_sum=run.saving)
            run.save(self.path, dense)
        else:
            dense = self.dense.forward(x, run)
            run.save(self.path, dense)
            y = self.activation.forward(dense, out=run.spare(dense))
        return run.record(
            self.path, y, "B T F", f"{self.activation.name}(dense)", (self.at("intermediate_act_fn"),)
        )

    def backward(self, dy: Array, back: Backward) -> Array:
        """dy (B, T, F) -> dx (B, T, D)."""
        dy = back.arrive(self.path, dy)
        return self.dense.backward(self.activation.backward(dy, back.saved(self.path)), back)


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

    def forward(self, hidden: Array, run: Run, stack: "StackInputs") -> tuple[Array, Array, Array | None]:
        """hidden (B, T, D) -> (B, T, D), probs (B, N, T, T), cross probs (B, N, T, S) or None."""
        head_mask = None if stack.head_mask is None else stack.head_mask[self.attention.self.layer]
        hidden, probs = self.attention.forward(hidden, run, stack.mask, head_mask, None, stack.cache)
        cross_probs = None
        if self.crossattention is not None and stack.encoder_hidden is not None:
            hidden, cross_probs = self.crossattention.forward(
                hidden, run, stack.encoder_mask, head_mask, stack.encoder_hidden, stack.cache
            )
        return self._feed_forward(hidden, run), probs, cross_probs

    def _feed_forward(self, hidden: Array, run: Run) -> Array:
        """(B, T, D) -> (B, T, D); `chunk_size_feed_forward` tokens at a time to save memory, where nothing is kept."""
        tokens = hidden.shape[1]
        whole = run.trace is not None or run.rng is not None or bool(run.edits)
        if whole or self.chunk_size == 0 or self.chunk_size >= tokens:
            y = self.output.forward(self.intermediate.forward(hidden, run), hidden, run)
            return run.record(self.path, y, HIDDEN, "the layer's output")
        y = self.parameters.xp.empty_like(hidden)
        for start in range(0, tokens, self.chunk_size):
            part = hidden[:, start : start + self.chunk_size]
            y[:, start : start + self.chunk_size] = self.output.forward(
                self.intermediate.forward(part, run), part, run
            )
        return y

    def forward_checkpointed(
        self, hidden: Array, run: Run, stack: "StackInputs"
    ) -> tuple[Array, Array, Array | None]:
        """`forward`, keeping of it only the input and the state of the dropout generator (Chen et al. 2016)."""
        state = None if run.rng is None else copy.deepcopy(run.rng.bit_generator)
        run.save(self.at("checkpoint"), (hidden, stack, state))
        return self.forward(hidden, run.without_tape(), stack)

    def restore(self, back: Backward) -> None:
        """Compute a checkpointed layer again, with the same dropout masks, to fill the tape that `backward` reads."""
        if back.has(self.at("checkpoint")):
            hidden, stack, state = back.saved(self.at("checkpoint"))
            rng = None if state is None else np.random.Generator(state)
            self.forward(hidden, Run.again(back.trace, rng), stack)

    def backward(self, dy: Array, back: Backward) -> tuple[Array, Array | None]:
        """dy (B, T, D) -> dhidden (B, T, D), dencoder_hidden (B, S, D) or None."""
        self.restore(back)
        dy = back.arrive(self.path, dy)
        dintermediate, dhidden = self.output.backward(dy, back)
        dhidden = dhidden + self.intermediate.backward(dintermediate, back)
        dencoder_hidden = None
        if self.crossattention is not None and back.has(self.crossattention.self.path):
            dhidden, dencoder_hidden = self.crossattention.backward(dhidden, back)
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
        # a cache would be appended to twice, so a decoder that has one is not checkpointed
        checkpointed = self.parameters.gradient_checkpointing and run.saving and stack.cache is None
        states, attentions, cross_attentions = [hidden], [], []
        for layer in self.layer:
            forward = layer.forward_checkpointed if checkpointed else layer.forward
            hidden, probs, cross_probs = forward(hidden, run, stack)
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
        y = self.parameters.xp.tanh(dense, out=run.spare(dense))
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

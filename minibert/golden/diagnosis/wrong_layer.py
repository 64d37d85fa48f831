"""Mistakes inside a layer of which the other side brings the output alone: each is carried on to the layer's end.

The wrong forms of each step are those of the other files; what follows them is computed as it should be. That takes the
weights: without them nothing can be tried here.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minibert.functional.activations import ACTIVATIONS
from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair
from minibert.golden.diagnosis.wrong_activation import wrong_activations
from minibert.golden.diagnosis.wrong_attention import (
    contexts_of_wrong_probs,
    merge_heads,
    softmax,
    split_heads,
    wrong_mixtures,
    wrong_shares,
)
from minibert.golden.diagnosis.wrong_layer_norm import epsilon, normalize, wrong_norms
from minibert.golden.diagnosis.wrong_linear import entering_layer, layer_of, wrong_maps
from minibert.golden.diagnosis.wrong_residual import wrong_sums
from minibert.golden.metrics import HIDDEN

_PARTS = ("query", "key", "value")


def wrong_layer(pair: TensorPair) -> Mistakes:
    """What stands for a layer's output, or its attention's, if one of its steps went wrong."""
    layer = layer_of(pair.name)
    if pair.name not in (f"{layer}.output", f"{layer}.attention.output") or f"{layer}.crossattention" in pair.pack:
        return
    if pair.other_values is None or f"{pair.name}.dense" in pair.other_values:
        return  # the steps before have been compared by themselves
    x = entering_layer(pair, layer)
    replay = _Replay(pair, layer)
    if x is None or not replay.possible:
        return
    yield from replay.mistakes(x)
    yield from _other_layers(pair, layer, x)


def _other_layers(pair: TensorPair, layer: str, x: np.ndarray) -> Mistakes:
    stem, _, number = layer.rpartition(".")
    for other in range(int(pair.config.get("num_hidden_layers", 0))):
        replay = _Replay(pair, layer, f"{stem}.{other}")
        if str(other) != number and replay.possible:
            words = f"wrong layer order: layer {number} is computed with the weights of layer {other}"
            yield words, replay.after_projections(x, replay.projections(x))


class _Replay:
    """A layer step by step; each `after_...` takes up what one step gave and goes on to the end.

    Args:
        layer: which layer, `bert.encoder.layer.0`.
        weights_of: whose weights, if not its own.
    """

    def __init__(self, pair: TensorPair, layer: str, weights_of: str | None = None) -> None:
        self.pair, self.to_attention = pair, pair.name == f"{layer}.attention.output"
        path = layer if weights_of is None else weights_of
        self.paths = {part: f"{path}.attention.self.{part}" for part in _PARTS} | {
            "attended": f"{path}.attention.output.dense",
            "wide": f"{path}.intermediate.dense",
            "fed": f"{path}.output.dense",
            "first": f"{path}.attention.output.LayerNorm",
            "second": f"{path}.output.LayerNorm",
        }
        found: dict[str, Any] = {
            step: (pair.weight(f"{name}.weight"), pair.weight(f"{name}.bias")) for step, name in self.paths.items()
        }
        self.act = str(pair.config.get("hidden_act", "gelu"))
        absolute = pair.config.get("position_embedding_type", "absolute") == "absolute"
        complete = all(array is not None for both in found.values() for array in both)
        self.possible = complete and absolute and self.act in ACTIVATIONS
        self.weights: dict[str, tuple[np.ndarray, np.ndarray]] = found
        mask = pair.golden_value(f"{pair.prefix}extended_attention_mask")
        self.mask = np.zeros((1, 1, 1, 1)) if mask is None else np.maximum(mask, HIDDEN)

    # the layer as it should be, from each step on

    def linear(self, x: np.ndarray, step: str) -> np.ndarray:
        weight, bias = self.weights[step]
        return x @ weight.T + bias

    def norm(self, x: np.ndarray, step: str) -> np.ndarray:
        gamma, beta = self.weights[step]
        return normalize(x, epsilon(self.pair)) * gamma + beta

    def projections(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {part: self.linear(x, part) for part in _PARTS}

    def parts(self, made: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
        """query, key, value (B, N, T, K) and the mask."""
        return (*(split_heads(made[part], self.pair.heads) for part in _PARTS), self.mask)

    def scores(self, parts: tuple[np.ndarray, ...]) -> np.ndarray:
        return parts[0] @ parts[1].swapaxes(-1, -2) / math.sqrt(parts[0].shape[-1]) + self.mask

    def after_projections(self, x: np.ndarray, made: dict[str, np.ndarray]) -> np.ndarray:
        parts = self.parts(made)
        return self.after_context(x, merge_heads(softmax(self.scores(parts)) @ parts[2]))

    def after_context(self, x: np.ndarray, context: np.ndarray) -> np.ndarray:
        return self.after_first_sum(x + self.linear(context, "attended"))

    def after_first_sum(self, total: np.ndarray) -> np.ndarray:
        return self.after_attention(self.norm(total, "first"))

    def after_attention(self, middle: np.ndarray) -> np.ndarray:
        return middle if self.to_attention else self.after_wide(middle, self.linear(middle, "wide"))

    def after_wide(self, middle: np.ndarray, wide: np.ndarray) -> np.ndarray:
        return self.after_activation(middle, np.asarray(ACTIVATIONS[self.act].forward(wide)))

    def after_activation(self, middle: np.ndarray, active: np.ndarray) -> np.ndarray:
        return self.norm(middle + self.linear(active, "fed"), "second")

    # the same with one mistake

    def mistakes(self, x: np.ndarray) -> Mistakes:
        """x (B, T, D): the layer's output with each mistake, from the last step to the first."""
        made = self.projections(x)
        parts = self.parts(made)
        context = merge_heads(softmax(self.scores(parts)) @ parts[2])
        attended = self.linear(context, "attended")
        middle = self.norm(x + attended, "first")
        if not self.to_attention:
            yield from self._in_feed_forward(x, x + attended, middle)
        yield from self._in_first_sum(x, attended, context)
        yield from self._in_attention(x, parts)
        yield from self._in_projections(x, made)

    def _in_feed_forward(self, x: np.ndarray, first_sum: np.ndarray, middle: np.ndarray) -> Mistakes:
        wide = self.linear(middle, "wide")
        active = np.asarray(ACTIVATIONS[self.act].forward(wide))
        fed = self.linear(active, "fed")
        at, total = self.paths, middle + fed

        def end(y: np.ndarray) -> np.ndarray:
            return self.norm(y, "second")

        yield from _carried(wrong_maps(active, *self.weights["fed"]), lambda y: end(middle + y), at["fed"])
        yield from _carried(wrong_sums(fed, middle), end, at["second"])
        for words, residual in (
            ("wrong residual: the layer's input was added, where the attention's output belongs", x),
            ("wrong residual: the attention's sum was added as it was before its LayerNorm", first_sum),
        ):
            yield words, end(residual + fed)
        yield from _carried(wrong_norms(self.pair, total, *self.weights["second"]), lambda y: y, at["second"])
        words = f"at {at['second']}: LayerNorm has the parameters of another one, {at['first']}"
        yield words, self.norm(total, "first")
        words = "x + LayerNorm(f(x)) for LayerNorm(x + f(x)): the sum is normalised, residual and all"
        yield f"at {at['second']}: {words}", middle + end(fed)
        activations = wrong_activations(self.act, wide)
        yield from _carried(activations, lambda y: self.after_activation(middle, y), at["wide"])
        yield from _carried(wrong_maps(middle, *self.weights["wide"]), lambda y: self.after_wide(middle, y), at["wide"])

    def _in_first_sum(self, x: np.ndarray, attended: np.ndarray, context: np.ndarray) -> Mistakes:
        at, total = self.paths, x + attended
        norms = wrong_norms(self.pair, total, *self.weights["first"])
        yield from _carried(norms, self.after_attention, at["first"])
        words = f"at {at['first']}: LayerNorm has the parameters of another one, {at['second']}"
        yield words, self.after_attention(self.norm(total, "second"))
        words = "x + LayerNorm(f(x)) for LayerNorm(x + f(x)): the sum is normalised, residual and all"
        yield f"at {at['first']}: {words}", self.after_attention(x + self.norm(attended, "first"))
        if not self.to_attention:
            yield from self._twice_before_the_sum(x + self.norm(attended, "first"), words)
        yield from _carried(wrong_sums(attended, x), self.after_first_sum, at["first"])
        dense = wrong_maps(context, *self.weights["attended"])
        yield from _carried(dense, lambda y: self.after_first_sum(x + y), at["attended"])
        yield from self._pre_norm(x)

    def _twice_before_the_sum(self, middle: np.ndarray, words: str) -> Mistakes:
        active = np.asarray(ACTIVATIONS[self.act].forward(self.linear(middle, "wide")))
        yield words, middle + self.norm(self.linear(active, "fed"), "second")

    def _pre_norm(self, x: np.ndarray) -> Mistakes:
        words = "pre-norm for post-norm: LayerNorm stands before attention, and not after the residual sum"
        parts = self.parts(self.projections(self.norm(x, "first")))
        total = x + self.linear(merge_heads(softmax(self.scores(parts)) @ parts[2]), "attended")
        yield words, self.after_attention(total)
        if not self.to_attention:
            wide = self.linear(self.norm(total, "second"), "wide")
            yield words, total + self.linear(np.asarray(ACTIVATIONS[self.act].forward(wide)), "fed")

    def _in_attention(self, x: np.ndarray, parts: tuple[np.ndarray, ...]) -> Mistakes:
        scores = self.scores(parts)

        def after_context(context: np.ndarray) -> np.ndarray:
            return self.after_context(x, context)

        yield from _carried(wrong_mixtures(softmax(scores), parts), after_context)
        yield from _carried(wrong_shares(scores), lambda probs: after_context(merge_heads(probs @ parts[2])))
        yield from _carried(contexts_of_wrong_probs(self.pair, parts), after_context)

    def _in_projections(self, x: np.ndarray, made: dict[str, np.ndarray]) -> Mistakes:
        wrong = {part: dict(wrong_maps(x, *self.weights[part])) for part in _PARTS}
        for words in wrong["query"]:
            everywhere = {part: array for part in _PARTS if (array := wrong[part][words]) is not None}
            yield f"of query, key and value, {words}", self.after_projections(x, everywhere)
            for part, array in everywhere.items():
                yield f"of the {part}, {words}", self.after_projections(x, {**made, part: array})
        for part in _PARTS:
            yield f"of the {part}, the sign is flipped", self.after_projections(x, {**made, part: -made[part]})
        for first, second in (("query", "key"), ("key", "value"), ("query", "value")):
            exchanged = {**made, first: made[second], second: made[first]}
            yield f"{first} and {second} are exchanged", self.after_projections(x, exchanged)
            for part, other in ((first, second), (second, first)):
                words = f"{part} is computed with the weights of {other}"
                yield words, self.after_projections(x, {**made, part: made[other]})


def _carried(mistakes: Mistakes, onward: Callable[[np.ndarray], np.ndarray], where: str = "") -> Mistakes:
    """The same mistakes, seen at the layer's end; `where` names the step."""
    for words, array in mistakes:
        if array is not None:
            yield f"at {where}: {words}" if where else words, onward(array)

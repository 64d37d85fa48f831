"""Known mistakes of linear maps. Without the weights nothing can be tried here: give `weights=`."""

import numpy as np

from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair

_QKV = ("query", "key", "value")


def wrong_linear(pair: TensorPair) -> Mistakes:
    """What x Wᵀ + b gives with other weights, a part left out, or another input."""
    yield from _pre_norm_seen_later(pair)
    weight, bias = pair.weight(f"{pair.name}.weight"), pair.weight(f"{pair.name}.bias")
    x = _input(pair)
    if weight is None or x is None or x.shape[-1] != weight.shape[1]:
        return
    b = np.zeros(weight.shape[0]) if bias is None else bias
    yield from wrong_maps(x, weight, b)
    yield from _other_weights(pair, x)
    yield from _other_inputs(pair, x, weight, b)


def wrong_maps(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Mistakes:
    """x (..., I), weight (O, I), bias (O,): what stands for x Wᵀ + b, with a part left out or turned round."""
    y = x @ weight.T
    yield "the bias is missing", y
    yield "the bias was added twice", y + 2 * bias
    yield "the bias was subtracted", y - bias
    if weight.shape[0] == weight.shape[1]:
        yield "the weight is transposed: x W for x Wᵀ", x @ weight + bias


def _pre_norm_seen_later(pair: TensorPair) -> Mistakes:
    """A pre-norm layer shows first at its queries; its attention output is the plain sum, without LayerNorm."""
    if pair.other_values is None or not pair.name.endswith(tuple(f".attention.self.{part}" for part in _QKV)):
        return
    layer = layer_of(pair.name)
    output, dense = _theirs(pair, f"{layer}.attention.output"), _theirs(pair, f"{layer}.attention.output.dense")
    entering = entering_layer(pair, layer)
    if output is None or dense is None or entering is None or output.shape != entering.shape:
        return
    if np.abs(output - dense - entering).max() <= 1e-4 * np.abs(output).max():
        yield "pre-norm for post-norm: LayerNorm stands before attention, and not after the residual sum", None


def _theirs(pair: TensorPair, name: str) -> np.ndarray | None:
    known = pair.other_values is not None and name in pair.other_values and name in pair.pack
    return pair.value_fed(name) if known else None


def _other_weights(pair: TensorPair, x: np.ndarray) -> Mistakes:
    """The weights of another layer, or of a sibling."""
    name = pair.name
    last = name.rsplit(".", 1)[-1]
    for part in _QKV if last in _QKV else ():
        if part != last:
            yield from _with(pair, x, f"{pair.parent}.{part}", f"{last} is computed with the weights of {part}")
    before, middle, after = name.partition(".layer.")
    number, _, rest = after.partition(".")
    if middle and number.isdigit():
        for other in range(int(pair.config.get("num_hidden_layers", 0))):
            if other != int(number):
                words = f"wrong layer order: layer {number} is computed with the weights of layer {other}"
                yield from _with(pair, x, f"{before}.layer.{other}.{rest}", words)


def _with(pair: TensorPair, x: np.ndarray, path: str, words: str) -> Mistakes:
    weight, bias = pair.weight(f"{path}.weight"), pair.weight(f"{path}.bias")
    if weight is not None and bias is not None and weight.shape[1] == x.shape[-1]:
        yield words, x @ weight.T + bias


def _other_inputs(pair: TensorPair, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Mistakes:
    centred = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
    yield "the input was normalised once more: pre-norm for post-norm?", centred @ weight.T + bias
    layer = layer_of(pair.name)
    for norm in (f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"):
        gamma, beta = pair.weight(f"{norm}.weight"), pair.weight(f"{norm}.bias")
        if gamma is not None and beta is not None and len(gamma) == x.shape[-1]:
            words = f"pre-norm for post-norm: {norm} is applied to the input of this step"
            yield words, (centred * gamma + beta) @ weight.T + bias
    hidden = _last_hidden(pair)
    if pair.golden.ndim == 2 and hidden is not None and hidden.shape[-1] == weight.shape[1]:
        yield "the last token was pooled, where the first belongs", hidden[:, -1] @ weight.T + bias
        yield "the mean over tokens was pooled, where the first token belongs", hidden.mean(axis=1) @ weight.T + bias
        yield "the largest numbers over tokens were pooled, not the first token", hidden.max(axis=1) @ weight.T + bias
    for words, name in _skipped(pair):
        other = pair.golden_value(name)
        if other is not None and other.shape == x.shape:
            yield words, other @ weight.T + bias


def _skipped(pair: TensorPair) -> list[tuple[str, str]]:
    """Inputs that a step may have been given in place of its own."""
    name, layer = pair.name, layer_of(pair.name)
    if name.endswith(".intermediate.dense"):
        return [("LayerNorm after the attention is left out", f"{layer}.attention.output.sum"),
                ("the residual connection is left out", f"{layer}.attention.output.dense")]  # fmt: skip
    if name == f"{layer}.output.dense":
        return [("the activation is left out", f"{layer}.intermediate.dense")]
    return [("LayerNorm is left out before this step", f"{pair.prefix}embeddings.sum")]


def layer_of(name: str) -> str:
    """The layer that a value is in, `bert.encoder.layer.1`; the name itself if it is in none."""
    before, middle, after = name.partition(".layer.")
    return f"{before}{middle}{after.partition('.')[0]}" if middle else name


def _last_hidden(pair: TensorPair) -> np.ndarray | None:
    last = int(pair.config.get("num_hidden_layers", 1)) - 1
    return pair.value_fed(f"{pair.prefix}encoder.layer.{last}.output")


def _input(pair: TensorPair) -> np.ndarray | None:
    """What the linear map is applied to, (..., I)."""
    name, layer = pair.name, layer_of(pair.name)
    if name.endswith(tuple(f".attention.self.{part}" for part in _QKV)):
        return entering_layer(pair, layer)
    sources = {
        f"{layer}.attention.output.dense": f"{layer}.attention.self.context",
        f"{layer}.intermediate.dense": f"{layer}.attention.output",
        f"{layer}.output.dense": f"{layer}.intermediate",
        f"{pair.prefix}encoder.embedding_hidden_mapping_in": f"{pair.prefix}embeddings",
    }
    if name in sources:
        return pair.value_fed(sources[name])
    hidden = _last_hidden(pair)
    if hidden is None:
        return None
    if "hidden[:, 0]" in pair.entry.formula:
        return hidden[:, 0]
    if pair.entry.formula.startswith("pooled"):
        return pair.value_fed(f"{pair.prefix}pooler")
    return hidden if pair.entry.formula.startswith("hidden") else None


def entering_layer(pair: TensorPair, layer: str) -> np.ndarray | None:
    """The hidden states (B, T, D) that enter a layer, `bert.encoder.layer.1`."""
    stem, _, number = layer.rpartition(".")
    if number.isdigit() and int(number):
        return pair.value_fed(f"{stem}.{int(number) - 1}.output")
    mapped = pair.value_fed(f"{pair.prefix}encoder.embedding_hidden_mapping_in")
    return pair.value_fed(f"{pair.prefix}embeddings") if mapped is None else mapped
